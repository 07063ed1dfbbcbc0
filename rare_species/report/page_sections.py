"""The parts of the page: sections with their tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rare_species.common.paths import Paths
from rare_species.common.result_checksums import check_results, is_result
from rare_species.report.embedded_pictures import Picture, inline_picture


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        caption: caption above the table.
        columns: names of the columns; all but the first hold numbers, unless `text` names them.
        rows: cells of each row, formatted as text.
        text: names of columns that hold words.
        is_long: whether the table is folded until the reader opens it.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: Sequence[str] = ()
    is_long: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture and what it shows: `alt` in words for readers who can't see it, `caption` for everyone."""

    picture: Picture
    alt: str
    caption: str


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own; empty parts of it are not shown.

    Attributes:
        name: name of the section in links to it.
        title: text of the heading.
        sentences: paragraphs below the heading.
        facts: terms and their descriptions.
        limits: items of the list "Limits".
        tables: tables below the text.
        figures: figures below the tables.
        more_figures: figures below those, folded until the reader opens them.
    """

    name: str
    title: str
    sentences: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    limits: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    more_figures: Sequence[Figure] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing below the heading."""
        return not (self.sentences or self.facts or self.limits or self.tables or self.figures)


def find_figures(paths: Paths, *pictures: tuple[str, str, str]) -> list[Figure]:
    """Read the pictures that their stage drew, and leave out the others.

    Args:
        paths: the paths of the workspace.
        pictures: file below plots/, alternative text and caption of each picture.

    Raises:
        UserError: if a picture has changed since its stage drew it.
    """
    found = []
    for file, alt, caption in pictures:
        stage, _, name = file.partition("/")
        if is_result(paths, stage, name):
            check_results(paths, stage, name)
            found.append(Figure(inline_picture(paths.plots(stage) / name), alt, caption))
    return found
