"""What is in a PNG beside its picture, whole or damaged, decides nothing; what makes its picture is checked."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rare_species.common.photo_status import Reason
from rare_species.images.decode import decode_rgb
from rare_species.images.inspect_image import inspect_image
from rare_species.images.png import without_side_chunks

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8))
ORIENTATION = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="6"/></x:xmpmeta>'


def encode(image: Image.Image = PHOTO, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def with_text(text: str, keyword: str = "XML:com.adobe.xmp", packed: bool = True) -> bytes:
    info = PngInfo()
    info.add_itxt(keyword, text, zip=packed)
    return encode(pnginfo=info)


def with_wrong_checksum(name: bytes, data: bytes) -> bytes:
    at = data.index(name) - 4
    end = at + 12 + int.from_bytes(data[at : at + 4])
    return data[: end - 1] + bytes([data[end - 1] ^ 0xFF]) + data[end:]


def with_chunk(name: bytes, body: bytes) -> bytes:
    data, end = encode(), len(PNG_HEAD)
    return data[:end] + len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4) + data[end:]


PNG_HEAD = encode()[:33]
BESIDE = {
    "2 MB of XMP": with_text("x" * 2_000_000),
    "2 MB of other text": with_text("x" * 2_000_000, "Comment"),
    "2 MB of plain text": with_text("x" * 2_000_000, packed=False),
    "broken text": with_chunk(b"zTXt", b"Raw profile type exif\0\0broken"),
    "a broken profile": with_chunk(b"iCCP", b"name\0\0broken"),
    "a profile of 2 MB": encode(icc_profile=np.random.default_rng(0).bytes(2_000_000)),
    "a chunk that is too short": with_chunk(b"pHYs", b"1"),
    "no frames": with_chunk(b"acTL", bytes(8)),
    "an unknown chunk": with_chunk(b"xxXx", b"?"),
    "wrong checksum of pHYs": with_wrong_checksum(b"pHYs", encode(dpi=(72, 72))),
    "wrong checksum of eXIf": with_wrong_checksum(b"eXIf", encode(exif=Image.Exif().tobytes() + bytes(9))),
    "wrong checksum of text": with_wrong_checksum(b"iTXt", with_text("hello")),
    "no end": encode()[:-12],
}


def reason(tmp_path: Path, data: bytes) -> Reason | None:
    (tmp_path / "photo.png").write_bytes(data)
    return inspect_image(tmp_path / "photo.png", 8, 10**6, None).reason


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_beside_the_picture_does_not_cost_it(tmp_path: Path, name: str) -> None:
    assert reason(tmp_path, BESIDE[name]) is None
    assert decode_rgb(BESIDE[name]).tobytes() == PHOTO.tobytes()


@pytest.mark.parametrize("packed", [False, True])
def test_orientation_in_a_text_is_followed(packed: bool) -> None:
    assert decode_rgb(with_text(ORIENTATION.decode(), packed=packed)).size == (24, 32)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"])
def test_a_wrong_checksum_of_the_picture_is_damage(tmp_path: Path, name: bytes) -> None:
    data = encode(PHOTO.quantize(16), transparency=3)
    assert reason(tmp_path, data) is None
    assert reason(tmp_path, with_wrong_checksum(name, data)) is Reason.UNREADABLE


@pytest.mark.parametrize("ask", [False, True], ids=["no EXIF", "EXIF"])
def test_damage_is_not_taken_for_that_of_exif(tmp_path: Path, ask: bool) -> None:
    """Pillow decodes a PNG when it is asked for its EXIF; damage that no checksum tells must be seen all the same."""
    data = encode(**({"exif": Image.Exif()} if ask else {}))
    at = data.index(b"IDAT") - 4
    packed = data[at + 8 : -16]
    packed = packed[:600] + bytes(300) + packed[900:]
    torn = data[: at + 4] + b"IDAT" + packed + zlib.crc32(b"IDAT" + packed).to_bytes(4) + data[-12:]
    assert reason(tmp_path, torn) in {Reason.UNREADABLE, Reason.TRUNCATED}
    with pytest.raises(OSError, match=r"broken|truncated"):
        decode_rgb(torn)


def test_a_palette_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    data = encode(PHOTO.quantize(16))
    at = data.index(b"PLTE") - 4
    assert reason(tmp_path, data[:at] + data[at + 12 + int.from_bytes(data[at : at + 4]) :]) is Reason.UNREADABLE


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0"])
def test_what_is_no_png_stays_as_it_is(data: bytes) -> None:
    assert without_side_chunks(data) == data
