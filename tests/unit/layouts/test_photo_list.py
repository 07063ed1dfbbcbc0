"""rare_species.layouts.photo_list: where the paths of a list begin, whatever its format."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from rare_species.common.csv_tables import LISTING_COLUMNS
from rare_species.common.errors import UserError
from rare_species.layouts.layout import Archive, Labels
from rare_species.layouts.photo_list import read_list

OPTIONS = SimpleNamespace(class_folder="auto", merge_spellings=False)


def parse(data: bytes, _: str) -> list[dict[str, str]]:
    """A format of the tests: a path and a family, with a space between."""
    rows = (line.split(" ") for line in data.decode().splitlines())
    return [dict.fromkeys(LISTING_COLUMNS, "") | {"file_path": path, "family": family} for path, family in rows]


def read(names: list[str], data: bytes) -> Labels:
    (name,) = (name for name in names if name.endswith(".txt"))
    return read_list(Archive(Path("photos.zip"), names, lambda _: data), OPTIONS, name, parse)


def test_paths_begin_at_the_folder_of_the_list() -> None:
    labels = read(["set/list.txt", "set/a/1.jpg", "set/2.jpg"], b"a/1.jpg felidae\n2.jpg canidae")
    assert (labels.folder, list(labels.lists)) == ("set", ["set/list.txt"])
    assert labels.listing[["file_path", "family"]].to_numpy().tolist() == [["2.jpg", "canidae"], ["a/1.jpg", "felidae"]]


def test_photos_beside_the_folder_of_the_list_are_in_the_listing_s_folder_too() -> None:
    labels = read(["lists/list.txt", "lists/1.jpg", "photos/2.jpg"], b"1.jpg felidae")
    assert labels.folder == ""
    assert labels.listing["file_path"].tolist() == ["lists/1.jpg"]


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (b"", "Received: 0 rows, none of a file there. Move"),
        (b"9.jpg felidae", "1 row, none of a file there, first '9.jpg'"),
    ],
)
def test_a_list_that_names_no_file_is_refused(data: bytes, received: str) -> None:
    with pytest.raises(UserError) as error:
        read(["list.txt", "1.jpg"], data)
    assert received in str(error.value)
    assert "Move list.txt, or correct its paths" in str(error.value)


@pytest.mark.parametrize(
    ("path", "received"),
    [
        ("../cat.jpg", "file_path '../cat.jpg', which leads out of its folder"),
        ("/cat.jpg", "file_path '/cat.jpg', which is an absolute path"),
    ],
)
def test_unsafe_paths_are_refused(path: str, received: str) -> None:
    with pytest.raises(UserError) as error:
        read(["list.txt", "1.jpg"], f"1.jpg felidae\n{path} canidae".encode())
    assert f"Received: {received}" in str(error.value)
