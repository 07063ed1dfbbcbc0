"""Whether a JPEG is whole, of which libjpeg only warns and Pillow says nothing, and whether it takes long to decode."""

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
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # but for those that stand among a scan's data
MOST_SCANS = 500  # what libjpeg-turbo's own fuzzers stop at; encoders write about ten
MOST_VISITS = 5_000_000_000  # pixels that all scans go over together: about five seconds
# So many zeros in a row are Huffman codes in a flat picture alone, of which libjpeg does not warn: else a hole.
NO_DATA = bytes(64)
CUT_SHORT = "premature end"
DAMAGED = ("bad huffman code", "bad arithmetic code", "instead of rst")
# Harmless, many cameras pad, unless a hole's zeros were taken for data, or it is within a scan, before a restart.
LEFT_OVER = re.compile(r"(?P<bytes>\d+) extraneous bytes before marker 0x(?P<marker>[0-9a-f]{2})")
RESTARTS = range(0xD0, 0xD8)
MOST_PEELED = 16  # harmless warnings that are looked behind
FACTORS = (8, 4, 2)  # of a reduced size, as Pillow's `draft` chooses among them


def with_end(data: bytes) -> bytes:
    """Add the end marker that a JPEG lacks, instead of the zeros that a torn copy may end with.

    What lacks nothing else is whole; where picture is missing too, libjpeg sees that the data end before it.
    """
    if not data.startswith(START) or data.endswith(END):
        return data
    return data.rstrip(b"\0") + END


def refuse_many_scans(data: bytes, pixels: int) -> None:
    """Refuse a JPEG that is made to keep its reader busy: a scan of a few bytes goes over the whole picture.

    Args:
        data: the file's bytes.
        pixels: of the picture.

    Raises:
        OSError: when it has more than `MOST_SCANS`, or fewer if it is large.
    """
    most = min(MOST_SCANS, MOST_VISITS // max(pixels, 1))
    if data.count(bytes([0xFF, SCAN])) <= most:  # with its thumbnails' scans, and what looks like one
        return
    scans = sum(code == SCAN for code, _ in _markers(data))
    if scans > most:
        raise OSError(f"JPEG of {scans} scans, more than {most} for its size")


def decode_grey(data: bytes, size: tuple[int, int], side_px: int) -> Image.Image | None:
    """Decode all of a JPEG at a reduced size, the pixels being those of Pillow's `draft("L", (side_px, side_px))`.

    Args:
        data: the file's bytes, see `with_end`.
        size: width and height of the picture.
        side_px: the shorter side is at least that, if it is in the file.

    Returns:
        An image of mode L; None for a JPEG that only Pillow may be able to read.

    Raises:
        OSError: when it is not whole.
    """
    factor = next((factor for factor in FACTORS if min(size) // side_px >= factor), 1)
    width, height = (-(-side // factor) for side in size)
    return _decode_grey(data, width, height)


def refuse_damaged(data: bytes) -> None:
    """Decode all of a JPEG in the cheapest way.

    Args:
        data: the file's bytes, see `with_end`.

    Raises:
        OSError: when it is not whole.
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
    """Raise what libjpeg only warns of, if it means that the picture is not whole.

    libjpeg tells its first warning alone. So what a harmless one is about is taken out, until there is none.
    """
    _judge(warning, data)
    data = _without_header_faults(data)
    warning = _first_warning(data)
    for _ in range(MOST_PEELED):
        _judge(warning, data)
        peeled = ((less, _first_warning(less)) for less in _without_left_over(data, warning))
        changed = next(((less, told) for less, told in peeled if told != warning), None)
        if changed is None:  # there is none, or it is about something else
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
    """The first picture's tables and scans: without bytes between them, applications' parts and wrong numbers."""
    markers, kept, baseline = list(_markers(data)), [START], False
    for (code, at), (_, following) in pairwise(markers):
        head = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
        if code in FRAMES:
            baseline = code not in PROGRESSIVE
        if code == SCAN:
            head = head[:-3] + bytes((0, COEFFICIENTS - 1, 0)) if baseline else head  # some encoders write others
            head += data[at + len(head) : following]
        if code not in APPLICATIONS:
            kept.append(head)
    return b"".join([*kept, END])


def _without_left_over(data: bytes, warning: str) -> Iterator[bytes]:
    """The picture without so many bytes before a marker of that kind, once for each."""
    if found := LEFT_OVER.search(warning.lower()):
        length, marker = int(found["bytes"]), int(found["marker"], 16)
        for code, at in _markers(data):
            if code == marker:
                yield data[: at - length] + data[at:]


def _refuse_missing_scans(data: bytes) -> None:
    """Refuse a JPEG that was cut between two scans: what came before is a picture, but coarse or of other colours."""
    missing: dict[int, set[int]] = {}  # by component, the coefficients whose last bit has not come
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
    """Bytes of a header, which end before the file's end marker."""
    if at + length > len(data) - len(END):
        raise OSError("image file is truncated (within a header)")
    return data[at : at + length]


def _has_hole(data: bytes) -> bool:
    """Whether there are zeros where a picture's data should be."""
    markers = list(_markers(data))
    scans = [at for code, at in markers if code == SCAN]
    return bool(scans) and data.find(NO_DATA, scans[0], markers[-1][1]) >= 0


def _markers(data: bytes) -> Iterator[tuple[int, int]]:
    """The code of each marker of the first picture in a file, and where it stands, up to its end marker."""
    at = len(START)
    while found := MARKER.search(data, at):
        code = found.group()[1]
        yield code, found.start()
        if code == END[1]:
            return
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2])
