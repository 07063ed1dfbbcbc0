"""Whether a compressed TIFF is whole, of which libtiff says too little; and how to keep libtiff off standard error."""

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
MOST_BYTES = 32  # of a pixel: four channels of real numbers
PIECE = 4096  # bytes that are inflated at a time, to a thousand times as many


@cache
def silence_libtiff() -> None:
    """Keep libtiff from writing to standard error: it names no file, and Pillow raises what is an error.

    Pillow's own copy of libtiff is reached through the module that is linked to it; a Pillow with libtiff built in goes
    on writing.
    """
    library = ctypes.CDLL(_imaging.__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        if (set_handler := getattr(library, name, None)) is not None:
            set_handler(None)


def refuse_damaged(image: TiffImageFile, data: bytes) -> None:
    """Refuse a compressed TIFF that ends before its picture does, or has zeros instead of its data.

    Zeros are found where a coder marks its end: in Deflate and JPEG; in LZW and LZMA libtiff itself finds them.

    Args:
        image: as Pillow opened it.
        data: the file's bytes.

    Raises:
        OSError: when it is not whole.
    """
    if not image.tile or image.tile[0][0] != "libtiff":  # Pillow itself raises where others end early
        return
    places = list(zip(_first_present(image, OFFSETS), _first_present(image, COUNTS), strict=False))
    if any(start + length > len(data) for start, length in places):
        raise OSError("image file is truncated (in its data)")
    if sum(length for _, length in places) > len(data):  # made to keep its reader busy: not searched
        return
    compression = _first_present(image, (COMPRESSION,))[0]
    most = image.width * image.height * MOST_BYTES // len(places)
    strips = (data[start : start + length] for start, length in places)
    if any(NO_DATA in strip and not _has_end(strip, compression, most) for strip in strips):
        raise OSError("image file is truncated (zeros instead of its data)")


def ends_early(data: bytes) -> bool:
    """Whether a TIFF that can't be decoded ends before its directory does, or in zeros."""
    if data[:4] not in FORMS:
        return False
    head, count, entry_bytes = FORMS[data[:4]]
    try:
        (at,) = struct.unpack_from(head, data)
        (entries,) = struct.unpack_from(count, data, at)
    except (struct.error, OverflowError):  # a BigTIFF's place may be beyond what Python counts to
        return True
    end = at + struct.calcsize(count) + entries * entry_bytes
    return entries == 0 or end > len(data) or data.endswith(NO_DATA)


def _first_present(image: TiffImageFile, numbers: tuple[int, ...]) -> tuple[int, ...]:
    value = next((image.tag_v2[number] for number in numbers if number in image.tag_v2), (0,))
    return value if isinstance(value, tuple) else (value,)


def _has_end(strip: bytes, compression: int, most: int) -> bool:
    """Whether a strip's coder came to its end, as far as that can be known of `most` bytes."""
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
