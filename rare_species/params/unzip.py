"""Section `unzip` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    PositiveFloat,
    PositiveInt,
)

from rare_species.common.validation import Section

Layout = Literal["auto", "metadata", "phylum_family", "class_folders"]
ClassFolder = Literal["auto", "first", "last"]


def _check_encoding(name: str) -> str:
    try:
        b"a".decode("ascii" if name == "auto" else name)  # refuses codecs that do not decode to text
    except (LookupError, ValueError):
        raise ValueError("Input should be auto, or an encoding that Python knows, such as cp437 or shift_jis") from None
    return name


Encoding = Annotated[str, AfterValidator(_check_encoding)]


class UnzipParams(Section):
    """Section `unzip`: the archive, its layout, and the limits that stop a zip bomb."""

    archive: Path
    layout: Layout
    class_folder: ClassFolder
    join_labels: bool
    names: Encoding
    max_files: PositiveInt
    max_bytes: PositiveInt
    max_ratio: PositiveFloat
