"""What a section of the page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rare_species.common.paths import Paths
from rare_species.common.result_files import check_results, is_result
from rare_species.report.pictures import Picture, inline_picture


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        caption: above it.
        columns: their names; those after the first hold numbers unless `text` names them.
        rows: cells as text.
        text: columns that hold words.
        is_long: folded away until someone opens it.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: Sequence[str] = ()
    is_long: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture with what it shows: `alt` for those who can't see it, `caption` for all."""

    picture: Picture
    alt: str
    caption: str


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own; what is empty is not shown.

    Attributes:
        name: of its link.
        title: of its heading.
        sentences: paragraphs.
        facts: terms and what they are.
        limits: items of a list under a heading of its own.
        tables: below the text.
        figures: below the tables.
        more_figures: folded away below them.
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
    """Those of the pictures (file below plots/, alt, caption) that their stage drew.

    Raises:
        UserError: when one is not as its stage drew it.
    """
    found = []
    for file, alt, caption in pictures:
        stage, _, name = file.partition("/")
        if is_result(paths, stage, name):
            check_results(paths, stage, name)
            found.append(Figure(inline_picture(paths.plots(stage) / name), alt, caption))
    return found
