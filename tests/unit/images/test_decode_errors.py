"""What is told of a file that cannot be decoded: whether it ends early, in words and never as a decoder's code."""

import io
import re
import warnings

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from rare_species.common.photo_status import Reason
from rare_species.images.decode import decode_rgb
from rare_species.images.decode_errors import CUT, DAMAGED, UNKNOWN, judge_error

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))


def encode(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    PHOTO.save(buffer, kind, **options)
    return buffer.getvalue()


FILES = {
    "JPEG": encode("JPEG"),
    "PNG": encode("PNG"),
    "GIF": encode("GIF"),
    "BMP": encode("BMP"),
    "TIFF": encode("TIFF"),
    "TIFF, LZW": encode("TIFF", compression="tiff_lzw"),
    "TIFF, Deflate": encode("TIFF", compression="tiff_adobe_deflate"),
    "WebP": encode("WEBP"),
    "WebP, lossless": encode("WEBP", lossless=True),
}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("decoder error -2"), (Reason.UNREADABLE, DAMAGED)),
        (OSError("-2"), (Reason.UNREADABLE, DAMAGED)),
        (OSError("could not create decoder object"), (Reason.UNREADABLE, DAMAGED)),
        (OSError("broken data stream when reading image file"), (Reason.UNREADABLE, DAMAGED)),
        (KeyError(7), (Reason.UNREADABLE, DAMAGED)),
        (AssertionError(), (Reason.UNREADABLE, DAMAGED)),
        (UnidentifiedImageError("cannot identify <_io.BytesIO>"), (Reason.UNREADABLE, UNKNOWN)),
        (OSError("JPEG of 900 scans, more than 500 for its size"), (Reason.UNREADABLE, None)),
        (OSError("broken PNG file (wrong checksum in IDAT)"), (Reason.UNREADABLE, None)),
        (OSError("Unsupported BMP compression (9)"), (Reason.UNREADABLE, None)),
        (ValueError("9 x 9 pixels, more than 80 together"), (Reason.UNREADABLE, None)),
        (OSError("image file is truncated (in IDAT)"), (Reason.TRUNCATED, None)),
        (OSError("Truncated File Read"), (Reason.TRUNCATED, CUT)),
        (EOFError("no more images"), (Reason.TRUNCATED, CUT)),
        (Image.DecompressionBombError("Image size (9 pixels)\nexceeds"), (Reason.TOO_LARGE, "Image size (9 pixels)")),
    ],
)
def test_messages_that_tell_nothing_are_put_in_words(error: Exception, told: tuple[Reason, str | None]) -> None:
    reason, words = told
    assert judge_error(error, b"data") == (reason, str(error) if words is None else words)


def judge(data: bytes) -> tuple[Reason, str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decode_rgb(data)
    except Exception as error:
        return judge_error(error, data)
    return None


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_anywhere_is_truncated(name: str) -> None:
    data = FILES[name]
    for at in [16, 24, 40, *range(60, len(data) * 9 // 10, 1 + len(data) // 40)]:
        told = judge(data[:at])
        assert told is not None
        assert told[0] is Reason.TRUNCATED, at
        assert re.fullmatch(rf"{CUT}( \(.*\))?", told[1])


@pytest.mark.parametrize("name", [name for name in FILES if name not in {"BMP", "TIFF"}])  # where zeros are pixels
def test_a_file_that_ends_in_zeros_is_truncated(name: str) -> None:
    data = FILES[name]
    for share in (0.3, 0.5, 0.7):
        told = judge(data[: int(len(data) * share)].ljust(len(data), b"\0"))
        assert told is not None
        assert told[0] is Reason.TRUNCATED
