"""Grey pictures of any depth keep their picture."""

import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rare_species.common.photo_status import Guess
from rare_species.images import row_strips
from rare_species.images.colour_modes import flatten
from rare_species.images.decode import decode_rgb
from rare_species.images.fit_to_square import fit_square

GREY = np.asarray(
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (6, 8), dtype=np.uint8)).resize((40, 30)), dtype=np.int64
)


def tiff(values: NDArray[np.generic], sample_format: int, photometric: int = 1) -> bytes:
    """A TIFF of one strip, as Pillow does not write them."""
    height, width = values.shape
    data, bits = values.tobytes(), values.dtype.itemsize * 8
    tags = [
        *[(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 134)],
        *[(277, 3, 1), (278, 4, height), (279, 4, len(data)), (339, 3, sample_format)],
    ]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def saved(values: NDArray[np.generic], kind: str = "TIFF") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


def decoded(data: bytes) -> NDArray[np.float64]:
    return np.asarray(decode_rgb(data))[..., 0].astype(np.float64)


WHOLE_RANGE = {
    "16 bits, PNG": saved((GREY * 257).astype(np.uint16), "PNG"),
    "16 bits, TIFF": saved((GREY * 257).astype(np.uint16)),
    "16 bits, white is zero": tiff((65535 - GREY * 257).astype("<u2"), 1, 0),
    "signed, 16 bits": tiff(((GREY - 128) * 256).astype("<i2"), 2),
    "signed, 8 bits": tiff((GREY - 128).astype(np.int8), 2),
    "signed, 32 bits": tiff(((GREY - 128) << 24).astype("<i4"), 2),
    "unsigned, 32 bits": tiff((GREY << 24).astype("<u4"), 1),
    "real, 0 to 1": saved((GREY / 255).astype(np.float32)),
    "real, white is zero": tiff((1 - GREY / 255).astype("<f4"), 3, 0),
}
PART = {
    "12 bits in 16": saved((GREY * 16).astype(np.uint16)),
    "8 bits in 16": saved(GREY.astype(np.uint16), "PNG"),
    "8 bits in 32": saved(GREY.astype(np.int32)),
    "temperatures": saved((7000 + GREY * 2).astype(np.uint16)),
    "degrees": saved((GREY / 10 - 12).astype(np.float32)),
    "signed, small": tiff((GREY - 100).astype("<i2"), 2),
}


@pytest.mark.parametrize("strip_pixels", [10**6, 100])
@pytest.mark.parametrize("name", WHOLE_RANGE)
def test_what_fills_its_range_is_scaled_by_it(name: str, strip_pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_strips, "STRIP_PIXELS", strip_pixels)
    assert np.abs(decoded(WHOLE_RANGE[name]) - GREY).max() <= 1


@pytest.mark.parametrize("name", PART)
def test_what_fills_little_of_its_range_is_stretched(name: str) -> None:
    shown = decoded(PART[name])
    assert np.corrcoef(shown.ravel(), GREY.ravel())[0, 1] > 0.99
    assert (shown.min(), shown.max()) == (0, 255)


@pytest.mark.parametrize("name", [*WHOLE_RANGE, *PART])
def test_it_is_told_what_is_stretched(name: str) -> None:
    with Image.open(io.BytesIO((WHOLE_RANGE | PART)[name])) as image:
        assert flatten(image, "L")[1] == (Guess.STRETCHED if name in PART else None)


def test_real_numbers_beyond_one_are_stretched_even_where_percentiles_are_0_and_1() -> None:
    values = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(100, 100)
    values[values < 0.01], values[values > 0.99], values[0, 0] = 0, 1, 1.5
    with Image.open(io.BytesIO(saved(values))) as image:
        assert flatten(image, "L")[1] == Guess.STRETCHED


def test_what_a_deep_png_calls_transparent_is_white() -> None:
    values, buffer = (GREY * 257).astype(np.uint16), io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG", transparency=int(values[3, 4]))
    assert np.array_equal(decoded(buffer.getvalue()), np.where(values == values[3, 4], 255, GREY))


def test_dead_pixels_do_not_flatten_the_rest() -> None:
    values = (7000 + GREY * 2).astype(np.uint16)
    values[3, 4], values[8, 9] = 0, 65535
    assert np.corrcoef(decoded(saved(values)).ravel(), GREY.ravel())[0, 1] > 0.99


def test_what_is_no_number_is_black_and_nothing_else_changes() -> None:
    values = (GREY / 255).astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    shown = decoded(saved(values))
    assert shown[0, :3].tolist() == [0, 255, 0]
    assert np.abs(shown[1:] - GREY[1:]).max() <= 1


@pytest.mark.parametrize("values", [np.full((4, 4), np.nan, np.float32), np.full((4, 4), 5e30, np.float32)])
def test_without_a_picture_there_is_one_colour(values: NDArray[np.float32]) -> None:
    assert np.ptp(decoded(saved(values))) == 0


def test_sixteen_bits_keep_their_upper_eight() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (30, 40), dtype=np.uint16)
    assert (decoded(saved(values, "PNG")) == values >> 8).all()


@pytest.mark.parametrize("name", [*WHOLE_RANGE, *PART])
def test_fitted_photos_are_scaled_the_same_way(name: str) -> None:
    data = (WHOLE_RANGE | PART)[name]
    fitted = np.asarray(fit_square(data, 30, "crop"), dtype=np.int64)
    expected = np.asarray(decode_rgb(data).crop((5, 0, 35, 30)), dtype=np.int64)
    assert np.abs(fitted - expected).max() <= 1
