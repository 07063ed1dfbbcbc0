"""rare_species.images.decode: any photo becomes the right colours in the right place."""

from pathlib import Path

import pytest
from PIL import Image

from rare_species.common.photo_status import Reason
from rare_species.images import row_strips
from rare_species.images.decode import decode_rgb, encode_jpeg
from rare_species.images.fit_to_square import fit_square
from tests.unit.pictures import (
    COLOURS,
    GREEN,
    KINDS,
    ORIENTATION,
    RED,
    STORED,
    WHITE,
    distance,
    encode,
    four_corners,
    inspect,
    is_all,
    noise,
    oriented,
)


def test_quality_is_that_of_the_jpeg() -> None:
    assert len(encode_jpeg(noise(), 50)) < len(encode_jpeg(noise(), 95))
    assert distance(decode_rgb(encode_jpeg(noise(), 95)), noise()) < distance(
        decode_rgb(encode_jpeg(noise(), 50)), noise()
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    upright = decode_rgb(oriented(four_corners(), orientation, kind))
    assert upright.size == (64, 32)
    assert distance(upright, four_corners()) < 2


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_is_upright(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    data = encode(four_corners(), exif=exif)
    assert distance(decode_rgb(data), four_corners()) == 0
    assert inspect(tmp_path, data).orientation == 1


@pytest.mark.parametrize("name", COLOURS)
def test_colours(tmp_path: Path, name: str) -> None:
    data, colour = COLOURS[name]
    assert is_all(decode_rgb(data), colour, tolerance=2)
    assert is_all(fit_square(data, 16, "crop"), colour, tolerance=2)
    assert inspect(tmp_path, data).reason is Reason.BLANK


def half(mode: str, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """An image whose left half is transparent red, and whose right half is opaque green."""
    image = Image.new("RGBA", size, (*RED, 0))
    image.paste((*GREEN, 255), (size[0] // 2, 0, *size))
    return image.convert(mode)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("strip_pixels", [10**6, 100])
def test_transparency_is_over_white_where_some_of_the_image_is_seen(
    kind: str, strip_pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_strips, "STRIP_PIXELS", strip_pixels)
    shown = decode_rgb(encode(half("RGBA"), kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert is_all(shown.crop((0, 0, 12, 16)), WHITE)
    assert is_all(shown.crop((12, 0, 24, 16)), GREEN)
