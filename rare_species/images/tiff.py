"""Find incomplete compressed TIFFs, which libtiff often misses, and keep libtiff from writing to standard error."""

from __future__ import annotations

import ctypes
import struct
import zlib
from functools import cache

from PIL import _imaging
from PIL.TiffImagePlugin import TiffImageFile

from rare_species.images.jpeg import END, NO_DATA

FORMS = {  # by signature: where the directory is, how many entries it has, and bytes of an entry (also of BigTIFF)
    b"II*\0": ("<4xI", "<H", 12),
    b"MM\0*": (">4xI", ">H", 12),
    b"II+\0": ("<8xQ", "<Q", 20),
    b"MM\0+": (">8xQ", ">Q", 20),
}
COMPRESSION, OFFSETS, COUNTS = 259, (273, 324), (279, 325)  # TIFF 6.0, sections 3, 8 and 15: of strips or tiles
JPEG, DEFLATE = (7,), (8, 32946)
MOST_BYTES = 32  # bytes per pixel: four channels of real numbers
PIECE = 4096  # compressed bytes that are inflated at a time; the output can be 1,000 times as large


@cache
def silence_libtiff() -> None:
    """Keep libtiff from writing to standard error: its lines name no file, and Pillow raises real errors anyway.

    Pillow's copy of libtiff is reached through the module that links to it. A Pillow with libtiff built in can't be
    silenced.
    """
    library = ctypes.CDLL(_imaging.__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        if (set_handler := getattr(library, name, None)) is not None:
            set_handler(None)


def refuse_damaged(image: TiffImageFile, data: bytes) -> None:
    """Refuse a compressed TIFF that ends too early, or has zeros in place of data.

    Zeros can be found in Deflate and JPEG, which mark their end; in LZW and LZMA libtiff finds them itself.

    Args:
        image: the image, as Pillow opened it.
        data: bytes of the file.

    Raises:
        OSError: when the TIFF is incomplete.
    """
    if not image.tile or image.tile[0][0] != "libtiff":  # Pillow itself refuses other TIFFs that end early
        return
    places = list(zip(_first_present(image, OFFSETS), _first_present(image, COUNTS), strict=False))
    if any(start + length > len(data) for start, length in places):
        raise OSError("image file is truncated (in its data)")
    if sum(length for _, length in places) > len(data):  # overlapping strips, made to waste time: not searched
        return
    compression = _first_present(image, (COMPRESSION,))[0]
    most = image.width * image.height * MOST_BYTES // len(places)
    strips = (data[start : start + length] for start, length in places)
    if any(NO_DATA in strip and not _has_end(strip, compression, most) for strip in strips):
        raise OSError("image file is truncated (zeros instead of its data)")


def ends_early(data: bytes) -> bool:
    """Return whether a TIFF that can't be decoded ends before its directory, or in zeros."""
    if data[:4] not in FORMS:
        return False
    head, count, entry_bytes = FORMS[data[:4]]
    try:
        (at,) = struct.unpack_from(head, data)
        (entries,) = struct.unpack_from(count, data, at)
    except (struct.error, OverflowError):  # a BigTIFF's offset may exceed what Python can index
        return True
    end = at + struct.calcsize(count) + entries * entry_bytes
    return entries == 0 or end > len(data) or data.endswith(NO_DATA)


def _first_present(image: TiffImageFile, numbers: tuple[int, ...]) -> tuple[int, ...]:
    value = next((image.tag_v2[number] for number in numbers if number in image.tag_v2), (0,))
    return value if isinstance(value, tuple) else (value,)


def _has_end(strip: bytes, compression: int, most: int) -> bool:
    """Return whether a compressed strip reaches its end within `most` bytes of output."""
    if compression in JPEG:
        return strip.rstrip(b"\0").endswith(END)
    return compression not in DEFLATE or _inflates(strip, most)


def _inflates(strip: bytes, most: int) -> bool:
    inflater, inflated = zlib.decompressobj(), 0
    try:
        for at in range(0, len(strip), PIECE):
            inflated += len(inflater.decompress(strip[at : at + PIECE]))
            if inflater.eof or inflated > most:  # more than the picture needs
                return True
    except zlib.error:
        pass
    return False
