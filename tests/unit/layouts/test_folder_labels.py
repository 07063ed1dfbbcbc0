"""rare_species.layouts.folder_labels: folders are read where there is one way to, or both readings are named."""

import re

import pytest

from rare_species.common.errors import UserError
from rare_species.layouts.folder_labels import folder_labels


def classes(*folders: str, class_folder: str = "auto") -> list[str]:
    found = folder_labels(folders, class_folder)
    assert list(found) == list(folders)
    return list(found.values())


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (("cat", "dog"), ["cat", "dog"]),
        (("train/cat", "test/cat", "Validation/dog"), ["cat", "cat", "dog"]),
        (("train/cat", "test/dog/dog"), ["cat", "dog"]),
        (("cat", "dog/dog"), ["cat", "dog"]),
        (("train", "test"), ["train", "test"]),
        ((), []),
    ],
)
def test_one_reading(folders: tuple[str, ...], found: list[str]) -> None:
    assert classes(*folders) == found


@pytest.mark.parametrize(
    ("folders", "first", "last"),
    [
        (("lion/cam01", "lion/cam02", "zebra/cam01"), ["lion", "lion", "zebra"], ["cam01", "cam02", "cam01"]),
        (("lion/IMG_100", "zebra/IMG_101"), ["lion", "zebra"], ["IMG_100", "IMG_101"]),
        (("chordata/felidae", "arthropoda/apidae"), ["chordata", "arthropoda"], ["felidae", "apidae"]),
        (("train/lion/IMG_100", "test/zebra/IMG_101"), ["lion", "zebra"], ["IMG_100", "IMG_101"]),
        (("lion/zebra", "zebra/lion"), ["lion", "zebra"], ["zebra", "lion"]),
        (("lion/cam01", "zebra/CAM01"), ["lion", "zebra"], ["cam01", "CAM01"]),
        (("lion", "lion/night", "zebra"), ["lion", "lion", "zebra"], ["lion", "night", "zebra"]),
        (("lion/night", "zebra"), ["lion", "zebra"], ["night", "zebra"]),
        (("train/lion/cam01", "test/zebra/cam01"), ["lion", "zebra"], ["cam01", "cam01"]),
        (("lion/train", "zebra/train"), ["lion", "zebra"], ["train", "train"]),
        (("train/cat", "train/dog", "test"), ["train", "train", "test"], ["cat", "dog", "test"]),
        (("2019/cat", "2020/cat"), ["2019", "2020"], ["cat", "cat"]),
    ],
)
def test_two_readings_are_refused_and_chosen_by_the_parameter(
    folders: tuple[str, ...], first: list[str], last: list[str]
) -> None:
    with pytest.raises(UserError, match=r"in two ways.*unzip\.class_folder: first reads .*; last reads") as error:
        classes(*folders)
    assert all(repr(name) in str(error.value) for name in (first[0], last[-1]))
    assert re.search("such as '.*/.*', which", str(error.value))
    assert classes(*folders, class_folder="first") == first
    assert classes(*folders, class_folder="last") == last
