"""rare_species.images.fit_to_square: any photo becomes a square, upright and in its colours."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from rare_species.common.errors import UserError
from rare_species.common.image_formats import Resize
from rare_species.images import fit_to_square
from rare_species.images.decode import decode_rgb, encode_jpeg
from rare_species.images.fit_to_square import fit_checked, fit_file, fit_square, scaled_size
from rare_species.treatments.none import keep
from tests.unit.pictures import (
    BLUE,
    COLOURS,
    GREEN,
    KINDS,
    RED,
    STORED,
    WHITE,
    YELLOW,
    distance,
    encode,
    four_corners,
    is_all,
    noise,
    oriented,
)

MODES: tuple[Resize, ...] = ("crop", "pad", "stretch")


def waves(width: int, height: int) -> Image.Image:
    """A smooth picture that is no turn of itself."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return Image.fromarray((np.stack([x, y, x * y], axis=2) * 255).astype(np.uint8))


def resize_square(image: Image.Image, side_px: int, resize: Resize) -> Image.Image:
    """What `fit_square` makes of a photo that was decoded at full size."""
    return fit_to_square._pad(fit_to_square._scale(image, image.size, side_px, resize), side_px)


@pytest.mark.parametrize("turn", [False, True], ids=["wide", "tall"])
def test_crop_cuts_the_centre(turn: bool) -> None:
    photo = Image.new("RGB", (120, 40), RED)
    photo.paste(GREEN, (36, 0, 84, 40))  # the centre square, and as much as bicubic sampling looks beyond it
    photo = photo.transpose(Image.Transpose.ROTATE_90) if turn else photo
    assert is_all(fit_square(encode(photo), 20, "crop"), GREEN)


@pytest.mark.parametrize("turn", [False, True], ids=["wide", "tall"])
def test_crop_keeps_the_whole_shorter_side(turn: bool) -> None:
    photo = Image.new("RGB", (120, 40), RED)
    photo.paste(four_corners(40, 40), (40, 0))
    photo = photo.transpose(Image.Transpose.TRANSPOSE) if turn else photo
    wanted = four_corners(40, 40).transpose(Image.Transpose.TRANSPOSE) if turn else four_corners(40, 40)
    assert distance(fit_square(encode(photo), 40, "crop"), wanted) == 0


@pytest.mark.parametrize("turn", [False, True], ids=["wide", "tall"])
def test_pad_adds_white_bars_on_both_sides_of_the_longer_side(turn: bool) -> None:
    padded = fit_square(encode(Image.new("RGB", (20, 60) if turn else (60, 20), GREEN)), 30, "pad")
    padded = padded.transpose(Image.Transpose.TRANSPOSE) if turn else padded
    assert is_all(padded.crop((0, 0, 30, 10)), WHITE)
    assert is_all(padded.crop((0, 10, 30, 20)), GREEN)
    assert is_all(padded.crop((0, 20, 30, 30)), WHITE)


@pytest.mark.parametrize("resize", MODES)
@pytest.mark.parametrize("name", ["grey JPEG", "RGBA, opaque", "palette", "16 bits, middle", "GIF", "WEBP"])
def test_a_blank_photo_is_known_however_it_is_fitted(tmp_path: Path, name: str, resize: Resize) -> None:
    (tmp_path / "photo").write_bytes(COLOURS[name][0])
    assert fit_file("photo", 16, resize, keep, 90, folder=tmp_path).blank


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photo_whose_picture_is_lost_as_it_is_fitted_is_not_blank(tmp_path: Path, kind: str) -> None:
    photo = Image.new("RGB", (512, 256), GREEN)
    photo.paste(RED, (0, 0, 40, 256))
    (tmp_path / "photo").write_bytes(encode(photo, kind))
    fitted = fit_file("photo", 16, "crop", keep, 90, folder=tmp_path)
    assert is_all(decode_rgb(fitted.jpeg), GREEN, tolerance=2)
    assert not fitted.blank
    assert not fit_file("photo", 16, "pad", lambda square: Image.new("RGB", square.size), 90, folder=tmp_path).blank


@pytest.mark.parametrize("size", [(120, 40), (40, 120), (10, 10)])
def test_stretch_covers_the_square_with_the_whole_photo(size: tuple[int, int]) -> None:
    stretched = fit_square(encode(four_corners(*size)), 20, "stretch")
    for (left, top), colour in {(0, 0): RED, (13, 0): GREEN, (0, 13): BLUE, (13, 13): YELLOW}.items():
        assert is_all(stretched.crop((left, top, left + 7, top + 7)), colour, tolerance=8)


@pytest.mark.parametrize(
    ("size", "resize", "wanted"),
    [
        ((200, 100), "crop", (100, 50)),
        ((100, 200), "crop", (50, 100)),
        ((200, 100), "pad", (50, 25)),
        ((100, 200), "pad", (25, 50)),
        ((200, 100), "stretch", (50, 50)),
        ((25, 10), "pad", (50, 20)),
        ((1000, 1), "pad", (50, 1)),
        ((1, 1000), "pad", (1, 50)),
    ],
)
def test_scaled_size(size: tuple[int, int], resize: Resize, wanted: tuple[int, int]) -> None:
    assert scaled_size(*size, 50, resize) == wanted


@given(st.integers(1, 80), st.integers(1, 80), st.integers(16, 40), st.sampled_from(MODES))
def test_any_photo_becomes_a_square_rgb_image_of_that_side(width: int, height: int, side: int, resize: Resize) -> None:
    fitted = fit_square(encode(Image.new("L", (width, height), 90)), side, resize)
    assert (fitted.mode, fitted.size) == ("RGB", (side, side))


@settings(max_examples=150)
@given(
    st.integers(1, 400),
    st.integers(1, 400),
    st.integers(16, 64),
    st.sampled_from(MODES),
    st.sampled_from(sorted(STORED)),
)
def test_draft_decoding_is_never_below_the_wanted_side_and_close_to_full_decoding(
    width: int, height: int, side: int, resize: Resize, orientation: int
) -> None:
    data = oriented(waves(width, height), orientation, "JPEG")
    with patch.object(fit_to_square, "_scale", wraps=fit_to_square._scale) as spy:
        fitted = fit_square(data, side, resize)
    decoded = spy.call_args.args[0].size
    stored = (height, width) if orientation > 4 else (width, height)
    wanted = scaled_size(*stored, side, resize)
    assert all(got >= min(want, full) for got, want, full in zip(decoded, wanted, stored, strict=True))
    assert distance(fitted, resize_square(decode_rgb(data), side, resize)) < 2


@pytest.mark.parametrize("resize", MODES)
def test_draft_decoding_of_a_large_photo_looks_like_full_decoding(resize: Resize) -> None:
    data = encode(noise(size=(960, 640)), "JPEG", quality=95)
    assert distance(fit_square(data, 64, resize), resize_square(decode_rgb(data), 64, resize)) < 2


def test_a_large_jpeg_is_not_decoded_at_full_size() -> None:
    with patch.object(fit_to_square, "_scale", wraps=fit_to_square._scale) as spy:
        fit_square(encode(noise(size=(520, 512)), "JPEG"), 64, "crop")
    assert spy.call_args.args[0].size == (65, 64)


def test_fit_file_writes_the_fitted_photo_as_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(noise()))
    data = fit_file(path, 24, "pad", keep, quality=90).jpeg
    assert data == encode_jpeg(fit_square(path.read_bytes(), 24, "pad"), 90)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (24, 24))
        assert JpegImagePlugin.get_sampling(image) == 0, "expected full-resolution colour (4:4:4)"


def test_fit_file_treats_the_fitted_photo_before_it_is_encoded(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encode(noise()))
    flipped = fit_square(path.read_bytes(), 24, "crop").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    fitted = fit_file(path, 24, "crop", lambda photo: photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), quality=90)
    assert fitted.jpeg == encode_jpeg(flipped, 90)


@pytest.mark.parametrize("resize", MODES)
def test_same_photo_same_bytes(tmp_path: Path, resize: Resize) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(noise(size=(300, 200)), "JPEG"))
    assert fit_file(path, 32, resize, keep, 95) == fit_file(path, 32, resize, keep, 95)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", STORED)
def test_a_fitted_photo_is_upright(orientation: int, kind: str) -> None:
    data = oriented(four_corners(128, 64), orientation, kind)
    assert distance(fit_square(data, 16, "stretch"), resize_square(four_corners(128, 64), 16, "stretch")) < 2


def test_a_photo_that_changed_is_not_fitted(tmp_path: Path) -> None:
    path = tmp_path / "photo\n.png"
    path.write_bytes(encode(noise()))
    sha256, how = hashlib.sha256(path.read_bytes()).hexdigest(), (16, "crop", keep, 90)
    named = dict(zip(("side_px", "resize", "treat", "quality"), how, strict=True))
    assert fit_checked((path.name, sha256), folder=tmp_path, **named) == fit_file(path, *how).jpeg
    path.write_bytes(encode(noise(1)))
    with pytest.raises(UserError) as error:
        fit_checked((path.name, sha256), folder=tmp_path, **named)
    assert str(error.value).startswith(f"Expected {tmp_path}/photo\\n.png as it was when stage clean looked at it. Rec")


def test_a_file_that_the_system_does_not_give_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fit_file("gone.png", 16, "crop", keep, 90, folder=tmp_path)


MEASURE = """
import resource, sys
from pathlib import Path
from rare_species.images.fit_to_square import fit_file
from rare_species.images.inspect_image import inspect_image
from rare_species.treatments.none import keep
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert inspect_image(Path(sys.argv[1]), 32, 10**8, None).reason is None
fit_file(Path(sys.argv[1]), 32, "crop", keep, 90)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [("RGBA", "PNG", {}), ("I;16", "PNG", {}), ("CMYK", "TIFF", {"compression": "tiff_lzw"})],
)
def test_a_photo_takes_ten_bytes_a_pixel_at_most(
    tmp_path: Path, mode: str, kind: str, options: dict[str, object]
) -> None:
    image = Image.new(mode, (4000, 4000))
    image.paste(1 if mode == "I;16" else (200, 100, 50, 128), (0, 0, 4000, 2000))
    (tmp_path / "photo").write_bytes(encode(image, kind, **options))
    result = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "photo")], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) * 1024 < 10 * 4000 * 4000
