"""What an input layout is: how an archive of labelled photos is recognised and read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import pandas as pd

from rare_species.common.image_formats import is_image

ClassFolder = Literal["auto", "first", "last"]


class Options(Protocol):
    """The parameters of section `unzip` that say how labels are read."""

    @property
    def class_folder(self) -> ClassFolder:
        """Which of nested folders is the class."""

    @property
    def merge_spellings(self) -> bool:
        """Whether labels in several spellings are one class."""


@dataclass(frozen=True)
class Archive:
    """The files of an archive, as a layout sees them.

    Attributes:
        path: the zip, for messages.
        names: files, with "/" between folders; what systems and tools leave behind is not among them.
        read: reads the bytes of one of them.
    """

    path: Path
    names: Sequence[str]
    read: Callable[[str], bytes]

    @cached_property
    def images(self) -> list[str]:
        """Names that end like an image's."""
        return [name for name in self.names if is_image(name)]

    def below(self, folder: str) -> list[str]:
        """Names of the files in a folder, however deep, relative to it; "" is the top of the archive."""
        return [below for name in self.names if (below := name_below(name, folder))]


@dataclass(frozen=True)
class Labels:
    """What a layout reads from an archive.

    Attributes:
        listing: string columns `csv_tables.LISTING_COLUMNS`, sorted by `file_path`; "" where a value is unknown.
        folder: the folder of the archive that paths in the listing are relative to; only its files are unpacked.
        lists: files that the listing replaces; they are not unpacked.
    """

    listing: pd.DataFrame
    folder: str
    lists: Sequence[str] = ()


@dataclass(frozen=True)
class Layout:
    """A layout, as its file in this package registers it under the name `LAYOUT`.

    Attributes:
        name: its value of `unzip.layout`.
        precedence: `auto` asks layouts in this order, the lowest first, and takes the first that detects an archive.
        detects: whether an archive with images is laid out so.
        read: reads the labels. It raises UserError when the archive is not laid out so, or its labels can't be read.
    """

    name: str
    precedence: int
    detects: Callable[[Archive, Options], bool]
    read: Callable[[Archive, Options], Labels]


def name_below(name: str, folder: str) -> str:
    """Return a name relative to a folder, "" when it does not lie below it; the folder "" is the top."""
    if not folder:
        return name
    return name.removeprefix(f"{folder}/") if name.startswith(f"{folder}/") else ""
