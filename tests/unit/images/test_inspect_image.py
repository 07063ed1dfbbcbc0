"""rare_species.images.inspect_image: what a photo is, and a reason for a broken one."""

import hashlib
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageFile, TiffImagePlugin

from rare_species.common.errors import PhotoError
from rare_species.common.photo_status import Guess, Reason
from rare_species.images import jpeg, row_strips
from rare_species.images.decode import decode_rgb
from rare_species.images.fit_to_square import fit_file
from rare_species.images.inspect_image import Facts, inspect_image
from rare_species.treatments.none import keep
from tests.unit.pictures import (
    COLOURS,
    KINDS,
    ORIENTATION,
    RED,
    STORED,
    distance,
    encode,
    four_corners,
    inspect,
    noise,
    oriented,
)


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", STORED)
def test_facts_are_those_of_the_upright_photo(tmp_path: Path, orientation: int, kind: str) -> None:
    facts = inspect(tmp_path, oriented(noise(size=(64, 32)), orientation, kind))
    assert (facts.width, facts.height) == (64, 32)
    assert facts.orientation == (1 if kind.startswith("TIFF") else orientation)
    assert bits_apart(facts.phash, inspect(tmp_path, encode(noise(size=(64, 32)))).phash) <= 2


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


@pytest.mark.parametrize("strip_pixels", [10**6, 100])
def test_an_alpha_that_hides_all_is_ignored(tmp_path: Path, strip_pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_strips, "STRIP_PIXELS", strip_pixels)
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
