"""Find JPEGs that are incomplete, of which libjpeg only warns and Pillow says nothing, or made to decode slowly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import simplejpeg
from PIL import Image

START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
APPLICATIONS = frozenset(range(0xE0, 0xF0)) | {0xFE}  # and comments
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
COEFFICIENTS = 64  # of a block
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # without the markers that occur inside a scan's data
MOST_SCANS = 500  # the limit of libjpeg-turbo's fuzzers; encoders write about ten
MOST_VISITS = 5_000_000_000  # pixels of the picture times scans: about five seconds
# So many zeros in a row are a hole, unless the picture is flat: then they are valid Huffman codes without a warning.
NO_DATA = bytes(64)
CUT_SHORT = "premature end"
DAMAGED = ("bad huffman code", "bad arithmetic code", "instead of rst")
# Padding, which many cameras write: harmless unless a hole was taken for data, or it is inside a scan.
LEFT_OVER = re.compile(r"(?P<bytes>\d+) extraneous bytes before marker 0x(?P<marker>[0-9a-f]{2})")
RESTARTS = range(0xD0, 0xD8)
MOST_PEELED = 16  # harmless warnings that are removed, one by one, to see the next
FACTORS = (8, 4, 2)  # reduction factors, in the order in which Pillow's `draft` tries them


def with_end(data: bytes) -> bytes:
    """Add a missing end marker to a JPEG, in place of zeros that a broken copy may end with.

    A JPEG that lacks only the marker is complete. If parts of the picture are missing too, libjpeg notices that the
    data end too early.
    """
    if not data.startswith(START) or data.endswith(END):
        return data
    return data.rstrip(b"\0") + END


def refuse_many_scans(data: bytes, pixels: int) -> None:
    """Refuse a JPEG that is made to decode slowly: each scan of a few bytes visits the whole picture.

    Args:
        data: bytes of the file.
        pixels: number of pixels of the picture.

    Raises:
        OSError: when it has more than `MOST_SCANS` scans; the limit is lower for large pictures.
    """
    most = min(MOST_SCANS, MOST_VISITS // max(pixels, 1))
    if data.count(bytes([0xFF, SCAN])) <= most:  # an upper bound, which includes the scans of thumbnails
        return
    scans = sum(code == SCAN for code, _ in _markers(data))
    if scans > most:
        raise OSError(f"JPEG of {scans} scans, more than {most} for its size")


def decode_grey(data: bytes, size: tuple[int, int], side_px: int) -> Image.Image | None:
    """Decode a JPEG completely, in grey at a reduced size: the pixels of Pillow's `draft("L", (side_px, side_px))`.

    Args:
        data: bytes from `with_end`.
        size: width and height of the picture, in pixels.
        side_px: smallest allowed shorter side, in pixels, unless the picture itself is smaller.

    Returns:
        An image of mode L; None for a JPEG that only Pillow may be able to read.

    Raises:
        OSError: when the JPEG is incomplete.
    """
    factor = next((factor for factor in FACTORS if min(size) // side_px >= factor), 1)
    width, height = (-(-side // factor) for side in size)
    return _decode_grey(data, width, height)


def refuse_damaged(data: bytes) -> None:
    """Decode a JPEG completely in the cheapest way, to find damage.

    Args:
        data: bytes from `with_end`.

    Raises:
        OSError: when the JPEG is incomplete.
    """
    _decode_grey(data, 1, 1)


def _decode_grey(data: bytes, min_width: int, min_height: int) -> Image.Image | None:
    _refuse_missing_scans(data)
    try:
        grey = simplejpeg.decode_jpeg(data, "GRAY", min_width=min_width, min_height=min_height)
    except ValueError as warning:
        _refuse_damage(str(warning), data)
        return None
    return Image.fromarray(grey[..., 0])


def _refuse_damage(warning: str, data: bytes) -> None:
    """Raise a warning of libjpeg as an error if it means that the picture is incomplete.

    libjpeg reports only its first warning. The cause of a harmless one is therefore removed from the data, and the
    rest is decoded again, until no warning is left.
    """
    _judge(warning, data)
    data = _without_header_faults(data)
    warning = _first_warning(data)
    for _ in range(MOST_PEELED):
        _judge(warning, data)
        peeled = ((less, _first_warning(less)) for less in _without_left_over(data, warning))
        changed = next(((less, told) for less, told in peeled if told != warning), None)
        if changed is None:  # nothing to remove: the warning has another cause
            return
        data, warning = changed


def _judge(warning: str, data: bytes) -> None:
    told = warning.lower()
    left_over = LEFT_OVER.search(told)
    if CUT_SHORT in told or (left_over and _has_hole(data)):
        raise OSError(f"image file is truncated ({warning})")
    within = left_over is not None and int(left_over["marker"], 16) in RESTARTS
    if within or any(damage in told for damage in DAMAGED):
        raise OSError(f"image file is damaged ({warning})")


def _first_warning(data: bytes) -> str:
    try:
        simplejpeg.decode_jpeg(data, "GRAY", min_width=1, min_height=1)
    except ValueError as warning:
        return str(warning)
    return ""


def _without_header_faults(data: bytes) -> bytes:
    """Return the first picture's tables and scans, without padding, application segments and wrong numbers."""
    markers, kept, baseline = list(_markers(data)), [START], False
    for (code, at), (_, following) in pairwise(markers):
        head = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
        if code in FRAMES:
            baseline = code not in PROGRESSIVE
        if code == SCAN:
            if baseline:  # some encoders write other numbers
                head = head[:-3] + bytes((0, COEFFICIENTS - 1, 0))
            head += data[at + len(head) : following]
        if code not in APPLICATIONS:
            kept.append(head)
    return b"".join([*kept, END])


def _without_left_over(data: bytes, warning: str) -> Iterator[bytes]:
    """Yield the picture without the extraneous bytes that a warning counts, once for each marker it may mean."""
    if found := LEFT_OVER.search(warning.lower()):
        length, marker = int(found["bytes"]), int(found["marker"], 16)
        for code, at in _markers(data):
            if code == marker:
                yield data[: at - length] + data[at:]


def _refuse_missing_scans(data: bytes) -> None:
    """Refuse a progressive JPEG that was cut between scans: the rest is a picture, but coarse or in wrong colours."""
    missing: dict[int, set[int]] = {}  # by component: coefficients whose last bit is still missing
    progressive = False
    for code, at in _markers(data):
        if code in FRAMES:
            progressive = code in PROGRESSIVE
            components = _part(data, at + 10, 3 * _part(data, at + 9, 1)[0])
            missing = {name: set(range(COEFFICIENTS)) for name in components[::3]}
        elif code == SCAN:
            header = _part(data, at + 5, 2 * _part(data, at + 4, 1)[0] + 3)
            names, (first, last, bits) = header[:-3:2], header[-3:]
            if not progressive:  # some encoders write other numbers there
                first, last, bits = 0, COEFFICIENTS - 1, 0
            if bits & 0x0F == 0:
                for name in names:
                    missing.get(name, set()).difference_update(range(first, last + 1))
            if not any(missing.values()):
                return
    if missing:
        raise OSError("image file is truncated (scans are missing)")


def _part(data: bytes, at: int, length: int) -> bytes:
    """Return the bytes of a segment header, within the picture."""
    if at + length > len(data) - len(END):
        raise OSError("image file is truncated (within a header)")
    return data[at : at + length]


def _has_hole(data: bytes) -> bool:
    """Return whether zeros take the place of a picture's data."""
    markers = list(_markers(data))
    scans = [at for code, at in markers if code == SCAN]
    return bool(scans) and data.find(NO_DATA, scans[0], markers[-1][1]) >= 0


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the code and the position of each marker of the first picture in a file, up to its end marker."""
    at = len(START)
    while found := MARKER.search(data, at):
        code = found.group()[1]
        yield code, found.start()
        if code == END[1]:
            return
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2])
