"""A JPEG of which a part is missing is found, and one that is whole is kept, whatever else is wrong with it."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rare_species.common.errors import PhotoError
from rare_species.common.photo_status import Reason
from rare_species.images import jpeg
from rare_species.images.decode import decode_rgb
from rare_species.images.fit_to_square import fit_file
from rare_species.images.inspect_image import inspect_image
from rare_species.treatments.none import keep

END = b"\xff\xd9"


def grainy(size: tuple[int, int] = (160, 120)) -> Image.Image:
    rng = np.random.default_rng(0)
    blocks = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(0, 100, (size[1], size[0], 3))
    return Image.fromarray((np.asarray(blocks) // 2 + grain).astype(np.uint8))


def encode(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


PHOTOS = {
    "baseline": encode(grainy(), quality=90),
    "progressive": encode(grainy(), quality=90, progressive=True),
    "optimized": encode(grainy(), quality=90, optimize=True),
    "with restart markers": encode(grainy(), quality=90, restart_marker_rows=1),
    "grey": encode(grainy().convert("L"), quality=90),
    "CMYK": encode(grainy().convert("CMYK"), quality=90),
    "finest": encode(grainy(), quality=100, subsampling=0),
}


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def before(data: bytes, marker: bytes) -> bytes:
    at = data.index(marker)
    return data[:at] + b"PADDINGX" * 2 + data[at:]


DAMAGES = {
    "cut": lambda data: cut(data, 0.5),
    "cut, with an end marker": lambda data: cut(data, 0.5) + END,
    "a few bytes lost": lambda data: data[:-40] + END,
    "zeros from 30 %": lambda data: cut(data, 0.3).ljust(len(data), b"\0"),
    "zeros from 90 %": lambda data: cut(data, 0.9).ljust(len(data), b"\0"),
    "zeros, with an end marker": lambda data: cut(data, 0.6).ljust(len(data) - 2, b"\0") + END,
}
FLAWS = {
    "no end marker": lambda data: data[:-2],
    "zeros instead of the end marker": lambda data: data[:-2] + bytes(700),
    "zeros after it": lambda data: data + bytes(700),
    "another file after it": lambda data: data + b"moov" * 99 + data[:300],
    "bytes before it": lambda data: data[:-2] + b"\x12" * 20 + END,
    "an odd JFIF version": lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\7", 1),
    "bytes before its tables": lambda data: before(data, b"\xff\xdb"),
    "bytes before its first scan": lambda data: before(data, b"\xff\xda"),
}


def inspect(tmp_path: Path, data: bytes) -> Reason | None:
    (tmp_path / "photo.jpg").write_bytes(data)
    return inspect_image(tmp_path / "photo.jpg", 8, 10**9, None).reason


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_part_of_a_photo_is_truncated(tmp_path: Path, name: str, damage: str) -> None:
    assert inspect(tmp_path, DAMAGES[damage](PHOTOS[name])) is Reason.TRUNCATED
    with pytest.raises(PhotoError, match="image file is truncated"):
        fit_file("photo.jpg", 16, "crop", keep, 90, folder=tmp_path)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_photo_that_is_whole_is_kept(tmp_path: Path, name: str, flaw: str) -> None:
    data = FLAWS[flaw](PHOTOS[name])
    assert inspect(tmp_path, data) is None
    assert decode_rgb(data).tobytes() == decode_rgb(PHOTOS[name]).tobytes()


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "flaw", ["an odd JFIF version", "bytes before its tables", "bytes before its first scan", "wrong numbers"]
)
def test_a_harmless_flaw_hides_no_damage_behind_it(tmp_path: Path, name: str, damage: str, flaw: str) -> None:
    data = wrong_numbers(PHOTOS[name]) if flaw == "wrong numbers" else FLAWS[flaw](PHOTOS[name])
    assert inspect(tmp_path, DAMAGES[damage](data)) is Reason.TRUNCATED


def wrong_numbers(data: bytes) -> bytes:
    """A baseline photo whose scan names other coefficients than all, as some write it; a progressive one as it is."""
    (at, *_) = (at for code, at in jpeg._markers(data) if code == jpeg.SCAN)
    end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
    return data if b"\xff\xc2" in data else data[: end - 3] + bytes(3) + data[end:]


def test_a_photo_whose_scan_has_wrong_numbers_is_kept(tmp_path: Path) -> None:
    assert inspect(tmp_path, wrong_numbers(PHOTOS["baseline"])) is None


@pytest.mark.parametrize("tail", [b"<html>error 503 </html>\n", b"\x55", b"\xff"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_other_data_where_restart_markers_should_be_is_damage(tmp_path: Path, share: float, tail: bytes) -> None:
    data = encode(grainy(), quality=90, restart_marker_blocks=3)
    torn = (cut(data, share) + tail * len(data))[: len(data)]
    assert inspect(tmp_path, torn) in {Reason.TRUNCATED, Reason.UNREADABLE}


@pytest.mark.parametrize("scan", [1, 4])
def test_bytes_between_scans_are_harmless_and_hide_no_damage(tmp_path: Path, scan: int) -> None:
    data = PHOTOS["progressive"]
    at = [at for code, at in jpeg._markers(data) if code == jpeg.SCAN][scan]
    padded = data[:at] + b"\x12" * 20 + data[at:]
    assert inspect(tmp_path, padded) is None
    assert inspect(tmp_path, padded[:-40] + END) is Reason.TRUNCATED


def test_a_marker_that_is_not_the_next_is_damage(tmp_path: Path) -> None:
    data = PHOTOS["with restart markers"].replace(b"\xff\xd3", b"\xff\xd6", 1)
    assert inspect(tmp_path, data) is Reason.UNREADABLE


def test_a_flat_picture_whose_data_are_zeros_is_kept(tmp_path: Path) -> None:
    image = Image.new("L", (900, 900), 255)
    image.paste(grainy().convert("L"), (0, 0))
    data = encode(image, optimize=True)
    assert jpeg.NO_DATA in data
    assert inspect(tmp_path, data) is None


def test_a_progressive_photo_without_its_last_scans_is_truncated(tmp_path: Path) -> None:
    data = PHOTOS["progressive"]
    scans = [at for code, at in jpeg._markers(data) if code == jpeg.SCAN]
    assert len(scans) == 10
    for at in scans:
        assert inspect(tmp_path, data[:at] + END) in {Reason.TRUNCATED, Reason.UNREADABLE}


@pytest.mark.parametrize("name", PHOTOS)
def test_a_file_that_ends_in_a_header_is_truncated(tmp_path: Path, name: str) -> None:
    data = PHOTOS[name]
    headers = [at + 2 for code, at in jpeg._markers(data) if code in jpeg.FRAMES or code == jpeg.SCAN]
    for header in headers:
        for end in range(header, header + int.from_bytes(data[header : header + 2])):
            with pytest.raises(OSError, match="truncated"):
                jpeg.refuse_damaged(jpeg.with_end(data[:end]))
            assert inspect(tmp_path, data[:end]) is Reason.TRUNCATED


def test_half_of_a_cameras_multi_picture_file_is_truncated(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    grainy().save(buffer, "MPO", save_all=True, append_images=[grainy()])
    assert inspect(tmp_path, cut(buffer.getvalue(), 0.25)) is Reason.TRUNCATED


@pytest.mark.parametrize("size", [(63, 90), (128, 130), (301, 257), (1021, 515)])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"progressive": True}])
def test_pixels_are_those_of_pillows_draft(size: tuple[int, int], options: dict[str, object]) -> None:
    data = encode(grainy(size), **options)
    grey = jpeg.decode_grey(data, size, 64)
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (64, 64))
        assert grey is not None
        assert (grey.mode, grey.size, grey.tobytes()) == ("L", image.size, image.tobytes())


def of_many_scans(scans: int) -> bytes:
    data = PHOTOS["progressive"]
    places = [at for code, at in jpeg._markers(data) if code == jpeg.SCAN]
    return data[:-2] + data[places[-1] : -2] * (scans - len(places)) + END


def test_many_scans_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = time.perf_counter()
    assert inspect(tmp_path, of_many_scans(20_000)) is Reason.UNREADABLE
    assert time.perf_counter() - begin < 5
    assert inspect(tmp_path, of_many_scans(501)) is Reason.UNREADABLE
    assert inspect(tmp_path, of_many_scans(500)) is None
    monkeypatch.setattr(jpeg, "MOST_VISITS", 499 * 160 * 120)
    assert inspect(tmp_path, of_many_scans(500)) is Reason.UNREADABLE


def test_what_looks_like_scans_in_metadata_is_not_counted(tmp_path: Path) -> None:
    assert inspect(tmp_path, encode(grainy(), comment=b"\xff\xda" * 600)) is None
