"""A compressed TIFF of which a part is missing is found, and libtiff says nothing beside it."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from rare_species.common.errors import PhotoError
from rare_species.common.photo_status import Reason
from rare_species.images import tiff
from rare_species.images.decode import decode_rgb
from rare_species.images.fit_to_square import fit_file
from rare_species.images.inspect_image import inspect_image
from rare_species.images.jpeg import NO_DATA
from rare_species.treatments.none import keep

TAGS = (256, 257, 258, 259, 262, 273, 277, 278, 279, 347)
COMPRESSIONS = ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]


def grainy(size: tuple[int, int] = (160, 120)) -> Image.Image:
    rng = np.random.default_rng(0)
    blocks = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    return Image.fromarray((np.asarray(blocks) // 2 + rng.integers(0, 40, (size[1], size[0], 3))).astype(np.uint8))


def encode(compression: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or grainy()).save(buffer, "TIFF", compression=compression, **options)
    return buffer.getvalue()


def pack(value: object) -> tuple[int, int, bytes]:
    """Type, count and bytes of a tag."""
    if isinstance(value, bytes):
        return 7, len(value), value
    numbers = value if isinstance(value, tuple) else (value,)
    return 4, len(numbers), struct.pack(f"<{len(numbers)}I", *numbers)


def directory_first(data: bytes) -> bytes:
    """The same picture with the directory before its data, as cameras and editors write it, and Pillow does not."""
    with Image.open(io.BytesIO(data)) as image:
        tags = {tag: image.tag_v2[tag] for tag in TAGS if tag in image.tag_v2}
    strips = [data[at : at + length] for at, length in zip(tags[273], tags[279], strict=True)]
    behind = 10 + 12 * len(tags) + 4
    start = behind + sum(len(pack(value)[2]) for value in tags.values())
    tags[273] = tuple(start + sum(map(len, strips[:place])) for place in range(len(strips)))
    entries, values = b"", b""
    for tag, value in tags.items():
        kind, count, packed = pack(value)
        if len(packed) > 4:
            packed, values = struct.pack("<I", behind + len(values)), values + packed
        entries += struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + values
    return head.ljust(start, b"\0") + b"".join(strips)


def reason(tmp_path: Path, data: bytes) -> Reason | None:
    (tmp_path / "photo.tif").write_bytes(data)
    return inspect_image(tmp_path / "photo.tif", 8, 10**7, None).reason


FORMS = {"directory last": bytes, "directory first": directory_first}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_part_of_a_photo_is_truncated(
    tmp_path: Path, compression: str, form: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    data = FORMS[form](encode(compression))
    assert decode_rgb(data).tobytes() == decode_rgb(encode(compression)).tobytes()
    assert reason(tmp_path, data) is None
    for damaged in (data[: int(len(data) * share)], data[: int(len(data) * share)].ljust(len(data), b"\0")):
        assert reason(tmp_path, damaged) is Reason.TRUNCATED
        with pytest.raises(PhotoError, match="image file is truncated"):
            fit_file("photo.tif", 16, "crop", keep, 90, folder=tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_hole_in_deflated_data_is_found(tmp_path: Path) -> None:
    data = directory_first(encode("tiff_adobe_deflate"))
    half = len(data) // 2
    assert reason(tmp_path, data[:half] + bytes(100) + data[half + 100 :]) is Reason.TRUNCATED


def test_damage_is_no_end(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = directory_first(encode("tiff_lzw"))
    half = len(data) // 2
    assert reason(tmp_path, data[:half] + b"\xff" * 100 + data[half + 100 :]) is Reason.UNREADABLE
    with pytest.raises(PhotoError, match="image file is damaged"):
        fit_file("photo.tif", 16, "crop", keep, 90, folder=tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_flat_areas_are_kept(tmp_path: Path, compression: str) -> None:
    image = Image.new("RGB", (900, 900))
    image.paste(grainy((900, 100)))
    data = encode(compression, image, strip_size=2**24)
    assert (NO_DATA in data) == (compression == "tiff_adobe_deflate")
    assert reason(tmp_path, data) is None


def test_deflated_data_are_looked_at_no_longer_than_a_picture_is() -> None:
    strip = zlib.compress(bytes(10**6))[:-4]  # its checksum is missing
    assert not tiff._inflates(strip, most=10**6)
    assert tiff._inflates(strip, most=10**5)


def test_strips_that_are_the_same_bytes_are_not_searched_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode("tiff_adobe_deflate", Image.new("L", (900, 900)), strip_size=2**24)
    monkeypatch.setattr(tiff, "_has_end", lambda *_: pytest.fail("searched"))
    with Image.open(io.BytesIO(data)) as image:
        assert isinstance(image, TiffImageFile)
        image.tag_v2[273], image.tag_v2[279] = (8,) * 1000, (len(data) - 8,) * 1000
        tiff.refuse_damaged(image, data)


@pytest.mark.parametrize(
    "data",
    [
        b"II*\0",
        b"MM\0*\0\0\0\x08",
        b"II*\0\x08\0\0\0\2\0" + bytes(23),
        b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1),
        b"MM\0*\0\0\0\x08" + bytes(300),
    ],
    ids=["no directory", "none where it should be", "half of it", "of a BigTIFF", "zeros"],
)
def test_a_file_without_its_directory_is_truncated(tmp_path: Path, data: bytes) -> None:
    assert reason(tmp_path, data) is Reason.TRUNCATED


@pytest.mark.parametrize("place", [2**63, 2**64 - 1])
@pytest.mark.parametrize("order", "<>")
def test_a_directory_beyond_all_files_is_an_end_too(tmp_path: Path, order: str, place: int) -> None:
    head = struct.pack(f"{order}HHHHQ", 0x4949 if order == "<" else 0x4D4D, 43, 8, 0, place)
    path = tmp_path / "photo.tif"
    path.write_bytes(head + b"x" * 40)
    assert inspect_image(path, 1, 10**6, None).reason == Reason.TRUNCATED
