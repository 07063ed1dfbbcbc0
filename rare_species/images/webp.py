"""Find incomplete WebPs: zeros are valid data for both WebP coders, and libwebp decodes them silently."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from rare_species.images.jpeg import NO_DATA

HEAD = 12  # bytes of the RIFF header
FRAME_HEAD = 16  # bytes of an animation frame's header
CODED = (b"VP8 ", b"VP8L")
# A whole picture is coded to its end: of 1,632 drawn ones, flat to noise, in all qualities and methods, 3 bytes could
# be spared at most. A run of zeros alone tells nothing: flat areas are coded in up to 800,000 of them.
SPARE = 16


def refuse_hole(data: bytes) -> None:
    """Refuse a WebP that has zeros where its first picture's data should be, as a torn copy does.

    Zeros decode to a whole picture in fewer bytes than data do, so a decoder does not need the last bytes.

    Args:
        data: the file's bytes.

    Raises:
        OSError: when it has zeros, and can be decoded without its last bytes.
    """
    name, coded = next(_pictures(data, HEAD), (b"", b""))
    if NO_DATA in coded and _decodes(name, coded[:-SPARE]):
        raise OSError("image file is truncated (zeros instead of its data)")


def ends_early(data: bytes) -> bool:
    """Whether a WebP that can't be decoded is shorter than it says, or ends in zeros."""
    return HEAD - 4 + int.from_bytes(data[4:8], "little") > len(data) or data.endswith(NO_DATA)


def _pictures(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk with a picture, also in an animation's frames."""
    while at + 8 <= len(data):
        name, end = data[at : at + 4], at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : end]
        if name == b"ANMF":
            yield from _pictures(body, FRAME_HEAD)
        elif name in CODED:
            yield name, body
        at = end + end % 2


def _decodes(name: bytes, coded: bytes) -> bool:
    chunk = b"WEBP" + name + len(coded).to_bytes(4, "little") + coded + bytes(len(coded) % 2)
    try:
        with Image.open(io.BytesIO(b"RIFF" + len(chunk).to_bytes(4, "little") + chunk), formats=["WEBP"]) as image:
            image.load()
    except (OSError, EOFError):
        return False
    return True
