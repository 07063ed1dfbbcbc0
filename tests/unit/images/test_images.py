"""rare_species.images: any photo becomes the right colours in the right place, and a broken one a reason."""

import hashlib
import io
import pickle
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from rare_species.common.errors import PhotoError, UserError
from rare_species.common.image_formats import Resize
from rare_species.common.status import Guess, Reason
from rare_species.images import fit, jpeg, strips
from rare_species.images.decode import decode_rgb, encode_jpeg
from rare_species.images.fit import fit_file, fit_square, fit_unchanged, scaled_size
from rare_species.images.inspect import Facts, inspect_image
from rare_species.treatments.none import keep

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
WHITE = (255, 255, 255)
MODES: tuple[Resize, ...] = ("crop", "pad", "stretch")
ORIENTATION = 0x0112
Pixels = NDArray[np.uint8]

# EXIF 2.3, section 4.6.4: how the rows and columns of an upright picture lie in a file of each orientation.
STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: np.rot90,  # its first row is the right side of the picture
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
KINDS = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "TIFF lzw": {"compression": "tiff_lzw"},
}


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind.split(maxsplit=1)[0], **options)
    return buffer.getvalue()


def four_corners(width: int = 64, height: int = 32) -> Image.Image:
    """Red, green, blue and yellow quarters: no turn or flip leaves it as it is."""
    image = Image.new("RGB", (width, height), YELLOW)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def noise(seed: int = 0, size: tuple[int, int] = (48, 32)) -> Image.Image:
    """Random blocks: some detail for every coder and for the perceptual hash."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


def waves(width: int, height: int) -> Image.Image:
    """A smooth picture that is no turn of itself."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return Image.fromarray((np.stack([x, y, x * y], axis=2) * 255).astype(np.uint8))


def oriented(upright: Image.Image, orientation: int, kind: str) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = np.ascontiguousarray(STORED[orientation](np.asarray(upright)))
    return encode(Image.fromarray(stored), kind, exif=exif, **KINDS[kind])


def pixels(image: Image.Image) -> NDArray[np.int64]:
    assert image.mode == "RGB"
    return np.asarray(image, dtype=np.int64)


def distance(image: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference, in levels of 256."""
    return float(np.abs(pixels(image) - pixels(other)).mean())


def is_all(image: Image.Image, colour: tuple[int, int, int], tolerance: int = 0) -> bool:
    return bool((np.abs(pixels(image) - colour) <= tolerance).all())


def inspect(
    tmp_path: Path, data: bytes, name: str = "photo.png", min_side_px: int = 8, max_pixels: int = 10**6
) -> Facts:
    path = tmp_path / name
    path.write_bytes(data)
    return inspect_image(path, min_side_px, max_pixels, score_document=None)


# --- what is scored as a document


def scored(tmp_path: Path, data: bytes, **limits: int) -> tuple[Facts, list[Image.Image]]:
    """Facts, and what was handed over for a score."""
    seen: list[Image.Image] = []

    def score(image: Image.Image) -> float:
        seen.append(image)
        return 0.25

    path = tmp_path / "photo"
    path.write_bytes(data)
    return inspect_image(path, limits.get("min_side_px", 8), 10**6, score), seen


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_score_is_asked_for_once_and_changes_nothing_else(tmp_path: Path, kind: str) -> None:
    data = encode(noise(size=(640, 480)), kind)
    facts, seen = scored(tmp_path, data)
    assert replace(facts, document_score=None) == inspect(tmp_path, data, "photo")
    assert facts.document_score == 0.25
    assert [(image.mode, image.size) for image in seen] == [("RGB", (320, 240) if kind == "JPEG" else (640, 480))]


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_without_rgb_is_scored_as_rgb(tmp_path: Path, mode: str) -> None:
    assert scored(tmp_path, encode(noise().convert(mode), "JPEG"))[1][0].mode == "RGB"


@pytest.mark.parametrize("data", [b"not a photo", encode(noise(), "JPEG")[:400]], ids=["text", "truncated"])
def test_what_cannot_be_decoded_is_not_scored(tmp_path: Path, data: bytes) -> None:
    facts, seen = scored(tmp_path, data)
    assert (facts.document_score, seen) == (None, [])


def test_a_too_small_image_is_not_scored(tmp_path: Path) -> None:
    facts, seen = scored(tmp_path, encode(noise()), min_side_px=99)
    assert (facts.reason, facts.document_score, seen) == (Reason.TOO_SMALL, None, [])


# --- fitting a photo to a square


def resize_square(image: Image.Image, side_px: int, resize: Resize) -> Image.Image:
    """What `fit_square` makes of a photo that was decoded at full size."""
    return fit._pad(fit._scale(image, image.size, side_px, resize), side_px)


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
    with patch.object(fit, "_scale", wraps=fit._scale) as spy:
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
    with patch.object(fit, "_scale", wraps=fit._scale) as spy:
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


def test_quality_is_that_of_the_jpeg() -> None:
    assert len(encode_jpeg(noise(), 50)) < len(encode_jpeg(noise(), 95))
    assert distance(decode_rgb(encode_jpeg(noise(), 95)), noise()) < distance(
        decode_rgb(encode_jpeg(noise(), 50)), noise()
    )


@pytest.mark.parametrize("resize", MODES)
def test_same_photo_same_bytes(tmp_path: Path, resize: Resize) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(noise(size=(300, 200)), "JPEG"))
    assert fit_file(path, 32, resize, keep, 95) == fit_file(path, 32, resize, keep, 95)


# --- orientation


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    upright = decode_rgb(oriented(four_corners(), orientation, kind))
    assert upright.size == (64, 32)
    assert distance(upright, four_corners()) < 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", STORED)
def test_a_fitted_photo_is_upright(orientation: int, kind: str) -> None:
    data = oriented(four_corners(128, 64), orientation, kind)
    assert distance(fit_square(data, 16, "stretch"), resize_square(four_corners(128, 64), 16, "stretch")) < 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", STORED)
def test_facts_are_those_of_the_upright_photo(tmp_path: Path, orientation: int, kind: str) -> None:
    facts = inspect(tmp_path, oriented(noise(size=(64, 32)), orientation, kind))
    assert (facts.width, facts.height) == (64, 32)
    assert facts.orientation == (1 if kind.startswith("TIFF") else orientation)
    assert bits_apart(facts.phash, inspect(tmp_path, encode(noise(size=(64, 32)))).phash) <= 2


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_is_upright(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = value
    data = encode(four_corners(), exif=exif)
    assert distance(decode_rgb(data), four_corners()) == 0
    assert inspect(tmp_path, data).orientation == 1


@pytest.mark.parametrize("kind", [5, 11, 12])  # of numbers: a fraction, a float, a double
def test_an_orientation_that_is_a_real_number_is_that_whole_one(tmp_path: Path, kind: int) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[ORIENTATION], tags[ORIENTATION] = kind, 6.0
    orientation = inspect(
        tmp_path, encode(four_corners(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + tags.tobytes(8))
    ).orientation
    assert (orientation, type(orientation)) == (6, int)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\x00\x00garbage",
        b"Exif\x00\x00II*\x00\xff",  # ends within its header
        b"Exif\x00\x00",
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01",  # 65,535 entries, but none follows
        b"Exif\x00\x00MM\x00*\x00\x00\xff\xff",  # points behind its end
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x02\x00\x03\x00\x00\x00six\x00\x00\x00\x00\x00",  # text
    ],
    ids=["garbage", "half a header", "empty", "torn", "out of bounds", "text"],
)
def test_broken_exif_does_not_make_a_photo_unusable(tmp_path: Path, exif: bytes, kind: str) -> None:
    data = encode(four_corners(), kind, exif=exif, **KINDS[kind])
    facts = inspect(tmp_path, data, "photo.jpg")
    assert (facts.reason, facts.orientation, facts.width) == (None, 1, 64)
    assert distance(decode_rgb(data), four_corners()) < 2


# --- colours


def palette(transparency: int | None = None) -> bytes:
    image = Image.new("P", (24, 16), 1)
    image.putpalette([*RED, *GREEN, *BLUE])
    return encode(image, transparency=transparency) if transparency is not None else encode(image)


def grey16(level: int, kind: str = "PNG") -> bytes:
    return encode(Image.fromarray(np.full((16, 24), level, dtype=np.uint16)), kind)


def solid(mode: str, colour: object, kind: str = "PNG", **options: object) -> bytes:
    return encode(Image.new(mode, (24, 16), colour), kind, **options)  # type: ignore[arg-type]


COLOURS = {
    "grey": (solid("L", 100), (100, 100, 100)),
    "grey JPEG": (solid("L", 100, "JPEG"), (100, 100, 100)),
    "black and white": (solid("1", 1), WHITE),
    "CMYK JPEG": (solid("CMYK", (0, 255, 255, 0), "JPEG"), RED),
    "RGBA, half": (solid("RGBA", (0, 255, 0, 128)), (127, 255, 127)),
    "RGBA, an alpha of zeros": (solid("RGBA", (9, 9, 9, 0)), (9, 9, 9)),
    "RGBA, opaque": (solid("RGBA", (*BLUE, 255)), BLUE),
    "RGBA, WEBP": (solid("RGBA", (0, 255, 0, 0), "WEBP", lossless=True, exact=True), GREEN),
    "LA, half": (solid("LA", (0, 128)), (127, 127, 127)),
    "palette": (palette(), GREEN),
    "palette, all transparent": (palette(transparency=1), GREEN),
    "palette, another colour transparent": (palette(transparency=2), GREEN),
    "RGB, all transparent": (solid("RGB", GREEN, transparency=GREEN), GREEN),
    "16 bits, middle": (grey16(0x8000), (128, 128, 128)),
    "16 bits, dark": (grey16(300), (1, 1, 1)),
    "16 bits, bright": (grey16(0xFFFF), WHITE),
    "16 bits, TIFF": (grey16(0x4000, "TIFF"), (64, 64, 64)),
    "GIF": (solid("RGB", BLUE, "GIF"), BLUE),
    "GIF, all transparent": (solid("P", 0, "GIF", transparency=0), (0, 0, 0)),
    "WEBP": (solid("RGB", BLUE, "WEBP", lossless=True), BLUE),
    "BMP": (solid("RGB", BLUE, "BMP"), BLUE),
    "TIFF": (solid("RGB", BLUE, "TIFF"), BLUE),
    "JPEG": (solid("RGB", BLUE, "JPEG", quality=100), BLUE),
}


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
    monkeypatch.setattr(strips, "STRIP_PIXELS", strip_pixels)
    shown = decode_rgb(encode(half("RGBA"), kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert is_all(shown.crop((0, 0, 12, 16)), WHITE)
    assert is_all(shown.crop((12, 0, 24, 16)), GREEN)


@pytest.mark.parametrize("strip_pixels", [10**6, 100])
def test_an_alpha_that_hides_all_is_ignored(tmp_path: Path, strip_pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP_PIXELS", strip_pixels)
    photo = noise()
    photo.putalpha(0)
    data = encode(photo)
    assert distance(decode_rgb(data), noise()) == 0
    facts = inspect(tmp_path, data)
    assert (facts.reason, facts.phash) == (None, inspect(tmp_path, encode(noise())).phash)
    assert facts.guess is Guess.OPAQUE
    photo.putpixel((3, 3), (*RED, 9))
    assert inspect(tmp_path, encode(photo)).guess is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_one_pixel_of_another_colour_is_no_blank(tmp_path: Path, kind: str) -> None:
    image = Image.new("L", (256, 256), 100)
    assert inspect(tmp_path, encode(image, kind)).reason is Reason.BLANK
    image.putpixel((7, 9), 200)
    assert inspect(tmp_path, encode(image, kind, **({"quality": 95} if kind == "JPEG" else {}))).reason is None


def test_colours_of_one_brightness_are_no_blank(tmp_path: Path) -> None:
    image = Image.new("YCbCr", (64, 64), (128, 90, 128))
    image.paste((128, 150, 128), (0, 0, 32, 64))
    assert inspect(tmp_path, encode(image.convert("YCbCr"), "JPEG", quality=100)).reason is None


# --- what inspecting a file tells


def bits_apart(phash: str, other: str) -> int:
    return (int(phash, 16) ^ int(other, 16)).bit_count()


def test_facts_of_a_photo(tmp_path: Path) -> None:
    data = encode(noise(), "JPEG", quality=90)
    facts = inspect(tmp_path, data, "photo.jpg")
    assert facts == Facts(
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        reason=None,
        format="JPEG",
        extension_matches=True,
        mode="RGB",
        orientation=1,
        width=48,
        height=32,
        phash=facts.phash,
    )
    assert len(facts.phash) == 16


@pytest.mark.parametrize(
    ("kind", "name", "matches"),
    [
        ("JPEG", "a.jpeg", True),
        ("JPEG", "a.JPG", True),
        ("JPEG", "a.JFIF", True),
        ("JPEG", "a.jpe", True),
        ("JPEG", "a.mpo", True),
        ("PNG", "a.apng", True),
        ("BMP", "a.dib", True),
        ("DIB", "a.dib", True),
        ("TIFF", "a.tiff", True),
        ("PNG", "a.jpg", False),
        ("PNG", "a", False),
        ("GIF", "a.gif", True),
        ("BMP", "a.bmp", True),
        ("TIFF", "a.tif", True),
        ("WEBP", "a.webp", True),
    ],
)
def test_format_is_what_the_bytes_are(tmp_path: Path, kind: str, name: str, matches: bool) -> None:
    facts = inspect(tmp_path, encode(noise(), kind), name)
    assert (facts.reason, facts.format, facts.extension_matches) == (None, kind.replace("DIB", "BMP"), matches)


def test_a_camera_s_multi_picture_file_is_a_jpeg(tmp_path: Path) -> None:
    data = encode(noise(), "MPO", save_all=True, append_images=[noise(1)])
    facts = inspect(tmp_path, data, "photo.jpg")
    assert (facts.reason, facts.format, facts.extension_matches) == (None, "JPEG", True)
    assert distance(decode_rgb(data), noise()) < 12


def test_mode_is_that_of_the_file(tmp_path: Path) -> None:
    assert inspect(tmp_path, COLOURS["CMYK JPEG"][0]).mode == "CMYK"
    assert inspect(tmp_path, COLOURS["palette"][0]).mode == "P"


def test_the_perceptual_hash_survives_size_and_compression_but_tells_photos_apart(tmp_path: Path) -> None:
    original = inspect(tmp_path, encode(noise(size=(480, 320)))).phash
    small = inspect(tmp_path, encode(noise(size=(480, 320)).resize((240, 160)), "JPEG", quality=60)).phash
    assert bits_apart(original, small) <= 4
    assert bits_apart(original, inspect(tmp_path, encode(noise(1, size=(480, 320)))).phash) > 15


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"])
def test_a_file_that_ends_early_is_truncated(tmp_path: Path, kind: str) -> None:
    data = encode(noise(), kind)
    facts = inspect(tmp_path, data[: len(data) * 3 // 5])
    assert (facts.reason, facts.phash) == (Reason.TRUNCATED, "")
    assert facts.bytes == len(data) * 3 // 5


@pytest.mark.parametrize(
    "data",
    [b"", b"not a photo", b"%PDF-1.7", b"<svg/>", bytes(900)],
    ids=["empty", "text", "PDF", "SVG", "zeros"],
)
def test_what_is_no_image_is_unreadable(tmp_path: Path, data: bytes) -> None:
    facts = inspect(tmp_path, data, "photo.jpg")
    assert facts == Facts(bytes=len(data), sha256=hashlib.sha256(data).hexdigest(), reason=Reason.UNREADABLE)


@pytest.mark.parametrize(
    ("size", "reason"), [((16, 40), None), ((15, 40), Reason.TOO_SMALL), ((40, 15), Reason.TOO_SMALL)]
)
def test_the_shorter_side_decides_what_is_too_small(
    tmp_path: Path, size: tuple[int, int], reason: Reason | None
) -> None:
    assert inspect(tmp_path, encode(noise(size=size)), min_side_px=16).reason is reason


def test_a_too_small_image_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("decoded"))
    assert inspect(tmp_path, png_that_claims(89_000_000, 1), max_pixels=10**8).reason is Reason.TOO_SMALL


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("error", [AssertionError, RecursionError, TypeError, KeyError, AttributeError])
def test_whatever_the_decoder_raises_is_the_reason_of_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, error: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise error

    data = encode(noise(), kind)
    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", fail)
    monkeypatch.setattr(jpeg, "decode_grey", lambda *_: None)  # left to Pillow
    assert inspect(tmp_path, data).reason is Reason.UNREADABLE
    with pytest.raises(PhotoError, match=r"photo.png: .*Replace the file"):
        fit_file("photo.png", 16, "crop", keep, 90, folder=tmp_path)


def out_of_memory(*_: object) -> None:
    raise MemoryError


def test_memory_that_is_full_is_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is in bounds by then, so it is the machine's fault, and the next run may find the photo good."""
    data = encode(noise())
    monkeypatch.setattr(ImageFile.ImageFile, "load", out_of_memory)
    with pytest.raises(MemoryError):
        inspect(tmp_path, data)
    with pytest.raises(MemoryError):
        fit_file("photo.png", 16, "crop", keep, 90, folder=tmp_path)


def test_a_declared_size_out_of_bounds_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", out_of_memory)
    assert inspect(tmp_path, png_that_claims(89_000_000, 100), max_pixels=10**8).reason is Reason.TOO_LARGE


def test_interrupts_are_no_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageFile.ImageFile, "load", interrupt)
    with pytest.raises(KeyboardInterrupt):
        inspect(tmp_path, encode(noise()))


def test_a_photo_that_changed_is_not_fitted(tmp_path: Path) -> None:
    path = tmp_path / "photo\n.png"
    path.write_bytes(encode(noise()))
    sha256, how = hashlib.sha256(path.read_bytes()).hexdigest(), (16, "crop", keep, 90)
    named = dict(zip(("side_px", "resize", "treat", "quality"), how, strict=True))
    assert fit_unchanged((path.name, sha256), folder=tmp_path, **named) == fit_file(path, *how).jpeg
    path.write_bytes(encode(noise(1)))
    with pytest.raises(UserError) as error:
        fit_unchanged((path.name, sha256), folder=tmp_path, **named)
    assert str(error.value).startswith(f"Expected {tmp_path}/photo\\n.png as it was when stage clean looked at it. Rec")


def test_a_file_that_the_system_does_not_give_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fit_file("gone.png", 16, "crop", keep, 90, folder=tmp_path)


def test_a_photo_error_is_one_line() -> None:
    assert "a\\nclean: all good: not" in str(PhotoError("a\nclean: all good", "not an image"))


def test_a_photo_error_survives_its_way_out_of_a_worker() -> None:
    error = pickle.loads(pickle.dumps(PhotoError("a.jpg", "not an image")))
    assert (error.path, error.problem) == ("a.jpg", "not an image")
    assert str(error).startswith("Expected a photo that can be read. Received: a.jpg: not an image.")


MEASURE = """
import resource, sys
from pathlib import Path
from rare_species.images.fit import fit_file
from rare_species.images.inspect import inspect_image
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
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "photo")], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) * 1024 < 10 * 4000 * 4000


@pytest.mark.parametrize(("max_pixels", "reason"), [(48 * 32, None), (48 * 32 - 1, Reason.TOO_LARGE)])
def test_more_pixels_than_allowed_is_too_large(tmp_path: Path, max_pixels: int, reason: Reason | None) -> None:
    facts = inspect(tmp_path, encode(noise()), max_pixels=max_pixels)
    assert (facts.reason, facts.width, facts.height, facts.phash == "") == (reason, 48, 32, reason is not None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"])
def test_a_too_large_image_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    data = encode(noise(), kind)

    def refuse(*_: object) -> None:
        pytest.fail("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", refuse)
    assert inspect(tmp_path, data, max_pixels=100).reason is Reason.TOO_LARGE


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_what_pillow_takes_for_a_decompression_bomb_is_too_large(tmp_path: Path) -> None:
    assert inspect(tmp_path, png_that_claims(60_000, 60_000), max_pixels=10**12).reason is Reason.TOO_LARGE


def test_what_pillow_only_warns_of_is_judged_by_max_pixels(tmp_path: Path) -> None:
    facts = inspect(tmp_path, png_that_claims(10_000, 10_000), max_pixels=10**7)
    assert (facts.reason, facts.width) == (Reason.TOO_LARGE, 10_000)
