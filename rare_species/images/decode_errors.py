"""Classify decoding errors: a reject reason, and a few words for users."""

from __future__ import annotations

import re

from PIL import Image, UnidentifiedImageError

from rare_species.common.photo_status import Reason
from rare_species.images import tiff, webp
from rare_species.images.png import SIGNATURE

CUT, DAMAGED, UNKNOWN = "image file is truncated", "image file is damaged", "not an image of a known format"
# Messages that users understand; other messages are codes or names of decoder internals.
TELLING = re.compile(r"truncated \(|damaged|wrong checksum|pixels|scans|Unsupported BMP")


def judge_error(error: Exception, data: bytes) -> tuple[Reason, str]:
    """Return why an image can't be used, as a reject reason and in words.

    Args:
        error: the exception raised by decoding it.
        data: bytes of the file.
    """
    said = (str(error).splitlines() or [""])[0]
    if isinstance(error, Image.DecompressionBombError):
        return Reason.TOO_LARGE, said
    telling = TELLING.search(said) is not None
    if isinstance(error, EOFError) or "truncated" in said.lower() or _ends_early(data):
        return Reason.TRUNCATED, said if telling else CUT
    if isinstance(error, UnidentifiedImageError):
        return Reason.UNREADABLE, UNKNOWN
    return Reason.UNREADABLE, said if telling else DAMAGED


def _ends_early(data: bytes) -> bool:
    """Return whether a file is certainly cut off, according to its format."""
    if data.startswith(SIGNATURE):
        return b"IEND" not in data
    if data.startswith((b"GIF87a", b"GIF89a")):
        return not data.rstrip(b"\0").endswith(b";")
    if data.startswith(b"BM"):
        return int.from_bytes(data[2:6], "little") > len(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return webp.ends_early(data)
    return tiff.ends_early(data)
