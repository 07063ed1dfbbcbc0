"""A WebP of which a part is zeros is found, and one that is whole is kept, however many zeros code its flat areas."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rare_species.common.errors import PhotoError
from rare_species.common.photo_status import Reason
from rare_species.images import webp
from rare_species.images.fit_to_square import fit_file
from rare_species.images.inspect_image import inspect_image
from rare_species.images.jpeg import NO_DATA
from rare_species.treatments.none import keep


def grainy(seed: int = 0, size: tuple[int, int] = (160, 120)) -> Image.Image:
    rng = np.random.default_rng(seed)
    blocks = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(0, 40, (size[1], size[0], 3))
    return Image.fromarray((np.asarray(blocks) // 2 + grain).astype(np.uint8))


def see_through(image: Image.Image) -> Image.Image:
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def half_flat(size: tuple[int, int], level: int = 255) -> Image.Image:
    """Grain above, one colour below."""
    image = grainy(size=size)
    image.paste((level,) * 3, (0, size[1] // 2, *size))
    return image


def encode(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", **options)
    return buffer.getvalue()


PHOTOS = {
    "lossy": encode(grainy()),
    "finest": encode(grainy(), quality=100),
    "lossless": encode(grainy(), lossless=True),
    "with an alpha": encode(see_through(grainy())),
    "with an alpha, lossless": encode(see_through(grainy()), lossless=True),
}
DAMAGES = {
    "cut": lambda data, at: data[:at],
    "zeros to the end": lambda data, at: data[:at].ljust(len(data), b"\0"),
    "a hole": lambda data, at: data[:at] + bytes(200) + data[at + 200 :],
}
# by how the picture is coded: flat areas of a good one are many zeros
FLAT = {
    "lossy, fast": encode(half_flat((600, 600), 0), quality=80, method=0),
    "lossy, fine": encode(half_flat((600, 600), 0), quality=100, method=2),
    "one pixel apart": encode(Image.fromarray(np.eye(900, dtype=np.uint8)), method=4),
    "lossless": encode(grainy(size=(900, 900)).crop((0, -900, 900, 900)), lossless=True, method=0),
}


def reason(tmp_path: Path, data: bytes) -> Reason | None:
    (tmp_path / "photo.webp").write_bytes(data)
    return inspect_image(tmp_path / "photo.webp", 8, 10**7, None).reason


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", PHOTOS)
def test_part_of_a_photo_is_truncated(tmp_path: Path, name: str, damage: str, share: float) -> None:
    data = PHOTOS[name]
    assert reason(tmp_path, data) is None
    assert reason(tmp_path, DAMAGES[damage](data, int(len(data) * share))) is Reason.TRUNCATED
    with pytest.raises(PhotoError, match="image file is truncated"):
        fit_file("photo.webp", 16, "crop", keep, 90, folder=tmp_path)


@pytest.mark.parametrize("lossless", [False, True])
def test_of_an_animation_the_first_picture_counts(tmp_path: Path, lossless: bool) -> None:
    data = encode(grainy(), save_all=True, append_images=[grainy(1)], lossless=lossless)
    assert reason(tmp_path, data) is None
    assert reason(tmp_path, DAMAGES["a hole"](data, len(data) // 4)) is Reason.TRUNCATED
    assert reason(tmp_path, DAMAGES["zeros to the end"](data, len(data) * 3 // 4)) is None


def test_zeros_from_before_the_picture_are_an_end_too(tmp_path: Path) -> None:
    data = encode(grainy(), save_all=True, append_images=[grainy(1)])
    for damaged in (data[:40].ljust(len(data), b"\0"), data[: len(data) // 4].ljust(len(data), b"\0")):
        assert reason(tmp_path, damaged) is Reason.TRUNCATED


@pytest.mark.parametrize("name", FLAT)
def test_flat_areas_whose_data_are_zeros_are_kept(tmp_path: Path, name: str) -> None:
    assert NO_DATA in FLAT[name]
    assert reason(tmp_path, FLAT[name]) is None


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("quality", [0, 75, 100])
@pytest.mark.parametrize("method", [0, 3, 6])
@pytest.mark.parametrize("image", [Image.new("RGB", (500, 400), (9, 99, 199)), half_flat((200, 150)), grainy()])
def test_a_whole_picture_is_never_refused(
    image: Image.Image, method: int, quality: int, lossless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webp, "NO_DATA", b"")  # all are looked at
    webp.refuse_hole(encode(image, method=method, quality=quality, lossless=lossless))
