"""Photos are found where they are named, and read as the pipeline's packed photos are."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rare_species.common.errors import UserError
from rare_species.common.photo_status import Guess
from rare_species.data.photo_batches import photo_batches
from rare_species.data.shards import Preprocessing
from rare_species.images.decode import decode_rgb
from rare_species.images.fit_to_square import fit_square
from rare_species.predict import photo_files
from rare_species.predict.photo_files import find_photos, photo_reader
from tests import toy

SHAPE = Preprocessing(image_size=32, resize="crop", treatment={"name": "none"}, jpeg_quality=95)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """photos/ with two JPEGs, one of them deeper, a PNG and a text; the current folder is above it."""
    for name in ("photos/b.JPG", "photos/deep/a.jpg", "photos/c.png", "photos/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(toy.draw_photo((200, 60, 40), seed=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["photos"], ["photos/b.JPG", "photos/c.png", "photos/deep/a.jpg"]),
        (["photos/notes.txt"], ["photos/notes.txt"]),  # what is named is tried
        (["photos/*.png", "photos/b.JPG"], ["photos/c.png", "photos/b.JPG"]),
        (["photos/**/*.jpg"], ["photos/deep/a.jpg"]),
        (["pho*"], ["photos/b.JPG", "photos/c.png", "photos/deep/a.jpg"]),
        (["photos/c.png", "photos"], ["photos/c.png", "photos/b.JPG", "photos/deep/a.jpg"]),
    ],
)
def test_names_stand_for_photos_in_order_each_once(names, found):
    assert find_photos(names) == [Path(name) for name in found]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([".disk"], [".disk/a.JFIF"]),  # what is named is searched, whatever it is called
        ([".disk/@eaDir"], [".disk/@eaDir/a.jpg/thumb.jpg"]),
        ([".disk/._a.jpg"], [".disk/._a.jpg"]),
        ([".disk/**/*"], [".disk/a.JFIF"]),
        ([".disk/@eaDir/**/*.jpg"], [".disk/@eaDir/a.jpg/thumb.jpg"]),
    ],
)
def test_what_tools_leave_behind_is_passed_over_unless_it_is_named(folder, names, found):
    for name in ("a.JFIF", "._a.jpg", "@eaDir/a.jpg/thumb.jpg", ".thumbnails/a.jpg"):
        (folder / ".disk" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / ".disk" / name).write_bytes(b"")
    assert find_photos(names) == [Path(name) for name in found]


def test_pattern_of_another_folder(folder, monkeypatch):
    monkeypatch.chdir("/")
    assert find_photos([f"{folder}/photos/*.png"]) == [folder / "photos/c.png"]


def test_a_file_whose_name_is_a_pattern_is_that_file(folder):
    (folder / "photos/[c].png").write_bytes(b"")
    assert find_photos(["photos/[c].png"]) == [Path("photos/[c].png")]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("set [2024]/*.jpg", ["set [2024]/a.jpg"]),
        ("set [2024]/**/*.jpg", ["set [2024]/a.jpg", "set [2024]/part 1/a.jpg", "set [2024]/part [2]/b.jpg"]),
        ("set [2024]/part [2]/?.jpg", ["set [2024]/part [2]/b.jpg"]),
        ("set [2024]/part [1]/*.jpg", ["set [2024]/part 1/a.jpg"]),  # no folder of this name
        ("set [[]2024]/*.jpg", ["set [2024]/a.jpg"]),
        ("./set [2024]/*.jpg", ["set [2024]/a.jpg"]),
        ("set [2024]/*/", ["set [2024]/part 1/a.jpg", "set [2024]/part [2]/b.jpg"]),
    ],
)
def test_a_folder_whose_name_is_a_pattern_is_that_folder(folder, pattern, found):
    for name in ("a.jpg", "part 1/a.jpg", "part [2]/b.jpg"):
        (folder / "set [2024]" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "set [2024]" / name).write_bytes(b"")
    assert find_photos([pattern]) == [Path(name) for name in found]
    assert find_photos([f"{folder}/{pattern}"]) == [folder / name for name in found]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.jpg", "Expected a photo, a folder or a pattern. Received: 'nowhere.jpg', where there is nothing."),
        ("photos/*.gif", "Expected a photo, a folder or a pattern. Received: 'photos/*.gif', where there is nothing."),
        ("empty", "Expected photos. Received: empty, where no file ends in .apng, .bmp, .dib, .gif, .jfif,"),
    ],
)
def test_nothing_found_is_told(folder, name, message):
    (folder / "empty").mkdir()
    with pytest.raises(UserError) as error:
        find_photos(["photos", name])
    assert str(error.value).startswith(message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("name", ["photos", "photos/*.jpg"])
def test_pipes_are_passed_over_in_folders_and_by_patterns(folder, name):
    os.mkfifo(folder / "photos/pipe.jpg")
    (folder / "photos/d.jpg").symlink_to(folder / "photos/b.JPG")
    found = find_photos([name])
    assert Path("photos/d.jpg") in found
    assert Path("photos/pipe.jpg") not in found


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_that_is_named_is_refused(folder):
    os.mkfifo(folder / "pipe.jpg")
    with pytest.raises(UserError, match=r"Expected a file at pipe\.jpg\. Received: a pipe, a socket or a device\."):
        find_photos(["photos", "pipe.jpg"])


def test_pixels_are_those_that_the_pipeline_shows_its_networks(packed, tmp_path):
    photos, _ = toy.draw_photos()
    read = photo_reader(packed.preprocessing, 10**6)
    rows = packed.index
    shown = np.concatenate([batch.numpy() for batch in photo_batches(packed, rows, batch_size=10)])
    differs = []
    for file_path, expected in zip(rows["file_path"], shown, strict=True):
        file = tmp_path / Path(file_path).name
        file.write_bytes(photos[file_path])
        np.testing.assert_array_equal(read(file).pixels, expected)
        differs.append((np.asarray(fit_square(photos[file_path], 32, "crop")) != expected).any())
    assert all(differs)  # without the JPEG in between


def test_treatment_is_applied(folder):
    grey = Preprocessing(image_size=32, resize="pad", treatment={"name": "grayscale"}, jpeg_quality=95)
    photo = photo_reader(grey, 10**6)(folder / "photos/b.JPG")
    assert photo.pixels.shape == (32, 32, 3)
    assert np.ptp(photo.pixels, axis=-1).max() == 0


def png_of(side_px: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("1", (side_px, side_px)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (toy.draw_photo((1, 2, 3), seed=1)[:-300], "image file is truncated"),
        (b"some text", "not an image of a known format"),
        (b"", "not an image of a known format"),
        (png_of(1_001), "1001 x 1001 pixels, more than 1,000,000 together"),
        (png_of(14_000), "Image size (196000000 pixels) exceeds limit"),
    ],
    ids=["truncated", "text", "empty", "large", "bomb"],
)
def test_what_cannot_be_read_is_told(tmp_path, monkeypatch, data, problem):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 90_000_000)
    (tmp_path / "photo.jpg").write_bytes(data)
    photo = photo_reader(SHAPE, 10**6)(tmp_path / "photo.jpg")
    assert photo.pixels is None
    assert photo.problem.startswith(problem)


def test_a_photo_of_one_colour_shows_nothing(tmp_path):
    (tmp_path / "photo.png").write_bytes(png_of(100))
    photo = photo_reader(SHAPE, 10**6)(tmp_path / "photo.png")
    assert (photo.pixels, photo.problem) == (None, "one colour everywhere, which shows nothing")


def test_what_a_photo_is_taken_for_is_known(folder):
    read = photo_reader(SHAPE, 10**6)
    Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40)).save(folder / "deep.png")
    hidden = Image.open(folder / "photos/b.JPG")
    hidden.putalpha(0)
    hidden.save(folder / "hidden.png")
    names = ("deep.png", "hidden.png", "photos/b.JPG")
    assert [read(folder / name).guess for name in names] == [Guess.STRETCHED, Guess.OPAQUE, None]


def test_a_file_that_went_away_is_told(tmp_path):
    assert photo_reader(SHAPE, 10**6)(tmp_path / "gone.jpg").problem == "no such file or directory"


def test_a_photo_that_memory_does_not_suffice_for_is_told(folder, monkeypatch):
    monkeypatch.setattr(photo_files, "decode_rgb", memory_full)
    photo = photo_reader(SHAPE, 10**6)(folder / "photos/b.JPG")
    assert (photo.pixels, photo.problem) == (None, "more pixels than fit into memory")


def memory_full(_):
    raise MemoryError


def test_a_turned_photo_is_read_upright(tmp_path):
    image = decode_rgb(toy.draw_photo((200, 60, 40), seed=1))
    exif = Image.Exif()
    exif[0x0112] = 3
    image.save(tmp_path / "plain.png")
    image.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "turned.png", exif=exif)
    read = photo_reader(SHAPE, 10**6)
    np.testing.assert_array_equal(read(tmp_path / "turned.png").pixels, read(tmp_path / "plain.png").pixels)
