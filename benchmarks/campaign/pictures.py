"""Mutants of small photos in every format: whatever is kept shows the picture, and nothing but a reason comes out.

Only a PNG has checksums. Of another file that is as long as it was and decodes without a complaint nobody can know that
its bytes were others; one that ends early can be known in every format.
"""

from __future__ import annotations

import io
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.campaign.attempt import Attempt, Outcome
from rare_species.images.decode import decode_rgb
from rare_species.images.inspect_image import inspect_image

FORMATS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG", "RGB", {"quality": 90}),
    ("JPEG", "RGB", {"quality": 90, "progressive": True}),
    ("JPEG", "CMYK", {"quality": 90}),
    ("PNG", "RGB", {}),
    ("PNG", "P", {}),
    ("PNG", "RGBA", {}),
    ("GIF", "P", {}),
    ("BMP", "RGB", {}),
    ("TIFF", "RGB", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("TIFF", "I;16", {}),
    ("WEBP", "RGB", {"quality": 90}),
    ("WEBP", "RGB", {"lossless": True}),
)
SIDES_PX = (64, 48)
NEAR = 30.0  # mean difference, of 255: a JPEG's later colours shift when a byte is flipped, its picture stays
ENDS_EARLY = ("cut", "cut with an end")
MIN_SIDE_PX, MAX_PIXELS = 32, 100_000_000


def mutate_pictures(count: int, seed: int) -> Iterator[Attempt]:
    """Inspect and decode mutants.

    Args:
        count: of mutants, shared among the formats.
        seed: of the mutations.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mutant"
        for number in range(count):
            form, mode, options = FORMATS[number % len(FORMATS)]
            whole = _encode(form, mode, options)
            name, data = _mutate(whole, _encode("JPEG", "RGB", {}), rng)
            file.write_bytes(data)
            outcome, said = _judge(file, whole, data)
            if outcome is Outcome.ACCEPTED and form != "PNG" and name not in ENDS_EARLY:
                outcome = Outcome.UNKNOWABLE
            label = f"{mode} {options} {name}, {len(data)} of {len(whole)} bytes"
            yield Attempt(f"mutant, {form}", label, outcome, said)


def _encode(form: str, mode: str, options: dict[str, Any]) -> bytes:
    coarse = np.random.default_rng(1).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    picture = Image.fromarray(coarse).resize(SIDES_PX, Image.Resampling.BICUBIC)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    buffer = io.BytesIO()
    (picture if mode == "I;16" else picture.convert(mode)).save(buffer, form, **options)
    return buffer.getvalue()


def _mutate(data: bytes, other: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Change, cut or mix bytes."""
    at, length = rng.randrange(len(data)), rng.randrange(1, 64)
    kinds = {
        "flip": data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :],
        "cut": data[:at],
        "zeros": data[:at] + bytes(len(data) - at),
        "hole": data[:at] + data[at + length :],
        "splice": data[:at] + other[at:],
        "noise": data[:at] + rng.randbytes(length) + data[at + length :],
        "cut with an end": data[:at] + data[-12:],
    }
    name = rng.choice(list(kinds))
    return name, kinds[name]


def _judge(file: Path, whole: bytes, data: bytes) -> tuple[Outcome, str]:
    try:
        facts = inspect_image(file, MIN_SIDE_PX, MAX_PIXELS, None)
    except Exception as error:  # whatever it is, it should have been a reason
        return Outcome.TRACEBACK, repr(error)
    if facts.reason:
        return Outcome.MESSAGE, facts.reason
    try:
        seen, true = _pixels(data), _pixels(whole)
    except Exception as error:
        return Outcome.TRACEBACK, f"kept, and then {error!r}"
    if seen.shape != true.shape:
        return Outcome.ACCEPTED, f"kept with {seen.shape} of {true.shape}"
    difference = float(np.abs(seen - true).mean())
    return (Outcome.SAME, "") if difference <= NEAR else (Outcome.ACCEPTED, f"kept, {difference:.0f} of 255 away")


def _pixels(data: bytes) -> NDArray[np.float64]:
    return np.asarray(decode_rgb(data), dtype=np.float64)
