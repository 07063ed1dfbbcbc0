"""rare_species.common.junk: one rule for what systems and tools leave behind."""

from pathlib import Path

import pytest

from rare_species.common.junk import is_junk, list_files

JUNK = (
    "__MACOSX/cats/a.jpg",
    "cats/._a.jpg",
    "cats/.ipynb_checkpoints/a-checkpoint.jpg",
    "cats/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
    "cats/.thumbnails/a.jpg",
    ".Trashes/501/a.jpg",
    "$Recycle.Bin/a.jpg",
    "System Volume Information/a.jpg",
    "#recycle/a.jpg",
    "lost+found/a.jpg",
    "cats/THUMBS.DB",
    "Desktop.ini",
    "Icon\r",
)
PHOTOS = ("cats/a.jpg", "cats.of.2020/a.b.jpg", "recycle/a.jpg", "macosx/a.jpg", "./cats/a.jpg", "../cats/a.jpg", "")


@pytest.mark.parametrize("path", JUNK)
def test_junk(path: str) -> None:
    assert is_junk(path.split("/"))


@pytest.mark.parametrize("path", PHOTOS)
def test_what_people_name_their_photos(path: str) -> None:
    assert not is_junk(path.split("/"))


def test_junk_is_not_listed_below_a_folder_that_may_be_called_anything(tmp_path: Path) -> None:
    folder = tmp_path / ".hidden"
    for name in ("cats/a.jpg", "cats/._a.jpg", "cats/@eaDir/a.jpg/THUMB.jpg", "b.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    assert sorted(list_files(folder)) == ["b.jpg", "cats/a.jpg"]
