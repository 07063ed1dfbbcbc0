"""Section `unzip` of params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, PositiveFloat, PositiveInt

from rare_species.common.validated_types import Parameters
from rare_species.layouts.layout import ClassFolder
from rare_species.layouts.registry import AUTO, LAYOUTS

if TYPE_CHECKING:
    LayoutName = str
else:
    LayoutName = Literal[AUTO, *LAYOUTS]


def _check_encoding(name: str) -> str:
    try:
        b"a".decode("ascii" if name == "auto" else name)  # fails for codecs that are no text encodings
    except (LookupError, ValueError):
        raise ValueError("Input should be auto, or an encoding that Python knows, such as cp437 or shift_jis") from None
    return name


Encoding = Annotated[str, AfterValidator(_check_encoding)]


class UnzipParams(Parameters):
    """Section `unzip`: the archive, its layout, and limits against zip bombs."""

    archive: Path
    layout: LayoutName
    class_folder: ClassFolder
    merge_spellings: bool
    name_encoding: Encoding
    max_files: PositiveInt
    max_bytes: PositiveInt
    max_ratio: PositiveFloat
