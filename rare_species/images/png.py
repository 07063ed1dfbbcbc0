"""Keep only the chunks of a PNG that make its picture; damage in the others must not cost the picture."""

from __future__ import annotations

import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# Keywords of text chunks in which Pillow looks for the orientation
WITH_ORIENTATION = (b"XML:com.adobe.xmp", b"Raw profile type exif")
MAX_TEXT_BYTES = 2**20  # Pillow refuses a file with more in one text


def without_side_chunks(data: bytes) -> bytes:
    """Remove all chunks that do not change the picture: colour profiles, texts, times, further frames.

    Other readers skip such a chunk when it is damaged or too large (PNG 1.2, section 10.1); Pillow refuses the file.

    Args:
        data: bytes of a file. Other formats stay as they are, and so does everything after an incomplete chunk.

    Raises:
        OSError: when a chunk of the picture is incomplete or has a wrong checksum; Pillow checks only a few.
    """
    if not data.startswith(SIGNATURE):
        return data
    view, at = memoryview(data), len(SIGNATURE)
    parts: list[bytes | memoryview] = [SIGNATURE]
    while at + 12 <= len(data):
        name, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(view[at : at + 4])
        if end > len(data):
            if name in PICTURE:  # without a checksum, nothing tells whether it is right
                raise OSError(f"image file is truncated (in {name.decode()})")
            break
        if _is_needed(name, view[at + 4 : end]):
            parts.append(view[at:end])
        at = end
    if len(parts) == 1:  # there was no complete chunk
        return data
    return b"".join([*parts, view[at:]])


def _is_needed(name: bytes, chunk: memoryview) -> bool:
    whole = zlib.crc32(chunk[:-4]) == int.from_bytes(chunk[-4:]) if name in (*PICTURE, b"eXIf", *TEXTS) else False
    if name in PICTURE and not whole:
        raise OSError(f"broken PNG file (wrong checksum in {name.decode()})")
    return whole and (name not in TEXTS or _may_hold_orientation(name, bytes(chunk[4:-4])))


def _may_hold_orientation(name: bytes, body: bytes) -> bool:
    keyword, _, text = body.partition(b"\0")
    if keyword not in WITH_ORIENTATION or len(body) > MAX_TEXT_BYTES:
        return False
    if name == b"tEXt" or (name == b"iTXt" and not text.startswith(b"\1")):
        return True
    packed = text[1:] if name == b"zTXt" else text[2:].split(b"\0", 2)[-1]
    try:
        return len(zlib.decompressobj().decompress(packed, MAX_TEXT_BYTES)) < MAX_TEXT_BYTES
    except zlib.error:
        return False
