"""Defects planted in the default sample, because real archives have them and the pipeline must cope."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from rare_species.common.errors import UserError
from rare_species.sample.keyed_random import generator
from rare_species.sample.rows import Row, make_row


class Defect(StrEnum):
    """A defect of a file: something that is wrong with it or unusual about it."""

    TEXT_PAGE = "text page"
    MAP = "map"
    EXIF_UPSIDE_DOWN = "exif 3"
    EXIF_TURNED_RIGHT = "exif 6"
    EXIF_TURNED_LEFT = "exif 8"
    GREY = "grey"
    CMYK = "cmyk"
    RGBA = "rgba"
    PALETTE = "palette"
    SIXTEEN_BIT = "16 bit"
    PNG_NAMED_JPG = "png named jpg"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    NOT_AN_IMAGE = "not an image"
    NO_FILE = "row without a file"
    NO_ROW = "file without a row"
    DUPLICATE = "duplicate"


# Number of files with each defect in the default sample. The label in the row does not change: a map among the frogs
# is labelled as a frog, as in the real archive.
#
# TEXT_PAGE, MAP: a scanned page, a range map. EXIF_*: stored turned, upright once the Orientation tag is applied.
# GREY: JPEG of mode L. CMYK: JPEG of mode CMYK. RGBA, PALETTE, SIXTEEN_BIT: PNG files named .png. PNG_NAMED_JPG: PNG
# bytes in a .jpg. TRUNCATED: a JPEG cut in its middle. EMPTY: 0 bytes. NOT_AN_IMAGE: text in a .jpg.
# DUPLICATE: the same bytes as another photo of the species, under a content id of its own.
PLANTED: dict[Defect, int] = {
    Defect.TEXT_PAGE: 6,
    Defect.MAP: 5,
    Defect.EXIF_UPSIDE_DOWN: 3,
    Defect.EXIF_TURNED_RIGHT: 4,
    Defect.EXIF_TURNED_LEFT: 3,
    Defect.GREY: 8,
    Defect.CMYK: 4,
    Defect.RGBA: 4,
    Defect.PALETTE: 4,
    Defect.SIXTEEN_BIT: 3,
    Defect.PNG_NAMED_JPG: 2,
    Defect.TRUNCATED: 4,
    Defect.EMPTY: 1,
    Defect.NOT_AN_IMAGE: 2,
    Defect.NO_FILE: 1,
    Defect.NO_ROW: 1,
    Defect.DUPLICATE: 12,
}
PNG_DEFECTS = frozenset({Defect.RGBA, Defect.PALETTE, Defect.SIXTEEN_BIT})


@dataclass(frozen=True)
class Entry:
    """One photo of an archive.

    Attributes:
        row: metadata of the photo.
        defect: planted defect; None for a sound photo.
        drawn_as: row that decides what the file shows: `row` itself, or for a duplicate the row of the original.
    """

    row: Row
    defect: Defect | None
    drawn_as: Row

    @property
    def has_row(self) -> bool:
        """Whether metadata.csv lists it."""
        return self.defect is not Defect.NO_ROW

    @property
    def has_file(self) -> bool:
        """Whether the archive holds its file."""
        return self.defect is not Defect.NO_FILE


def plant_defects(rows: Sequence[Row], seed: int) -> list[Entry]:
    """Turn rows into entries: plant the defects of PLANTED among them, and append the duplicates.

    Args:
        rows: rows of sound photos; only rows of families with at least the median size get defects.
        seed: seed of the sample.

    Returns:
        One entry per row, in order, then one per duplicate.

    Raises:
        UserError: if there are too few rows to hold the defects.
    """
    rng = generator(seed, "planted")
    victims = _victims(rows, rng)
    entries = [Entry(row, None, row) for row in rows]
    for defect, count in PLANTED.items():
        for _ in range(count):
            at = next(victims)
            if defect is Defect.DUPLICATE:
                entries.append(_duplicate_of(rows[at], max(entry.row.eol_content_id for entry in entries), rng))
            else:
                row = _renamed(rows[at]) if defect in PNG_DEFECTS else rows[at]
                entries[at] = Entry(row, defect, row)
    return entries


def _victims(rows: Sequence[Row], rng: np.random.Generator) -> Iterator[int]:
    sizes = Counter(row.family for row in rows)
    median = sorted(sizes.values())[len(sizes) // 2]
    large = [index for index, row in enumerate(rows) if sizes[row.family] >= median]
    needed = sum(PLANTED.values())
    if len(large) < needed:
        raise UserError(
            f"The larger families of a sample must have {needed} images or more, into which defects are planted. "
            f"Received: {len(large)} in them. Raise --images."
        )
    return iter(large[index] for index in rng.permutation(len(large)).tolist())


def _renamed(row: Row) -> Row:
    return replace(row, file_path=row.file_path.removesuffix(".jpg") + ".png")


def _duplicate_of(original: Row, last_id: int, rng: np.random.Generator) -> Entry:
    content_id = last_id + int(rng.integers(10, 40_000))
    row = make_row(content_id, original.eol_page_id, original.phylum, original.family)
    return Entry(row, Defect.DUPLICATE, original)
