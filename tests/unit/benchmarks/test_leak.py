"""benchmarks.leak: bursts are planted beside all photos, and the pipeline finds them again."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks import leak
from rare_species.images.decode import decode_rgb
from rare_species.split.groups import burst_pairs
from tests import toy
from tests.unit.listings import read_metadata

PHOTOS = 24  # three families of eight; ids 100 apart


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_archive(tmp_path_factory.mktemp("raw") / "toy.zip")


def test_a_share_of_the_photos_gets_two_to_four_near_copies(archive, tmp_path):
    planted = tmp_path / "planted.zip"
    copies = leak.plant_bursts(archive, planted, share=0.5, seed=0)
    with zipfile.ZipFile(planted) as found, zipfile.ZipFile(archive) as given:
        listing = read_metadata(found.read("metadata.csv"), "metadata.csv")
        assert all(found.read(name) == given.read(name) for name in given.namelist() if name.endswith(".jpg"))
        assert all(decode_rgb(found.read(path)) for path in copies)
    assert len(listing) == PHOTOS + len(copies)
    assert copies <= set(listing["file_path"])
    sizes = burst_sizes(listing)
    assert len(sizes) == PHOTOS / 2
    assert set(sizes) <= {3, 4, 5}
    assert sum(sizes) == PHOTOS / 2 + len(copies)


def burst_sizes(listing) -> list[int]:
    """Photos in each burst, by the neighbours that the pipeline finds at its default gap; families are species."""
    pairs = burst_pairs(listing, burst_gap=2)
    inside = listing.loc[np.unique(pairs)].assign(hundred=lambda rows: rows["content_id"].astype(int) // 100)
    return inside.groupby(["family", "hundred"]).size().tolist()


def test_near_copies_differ_a_little(archive):
    with zipfile.ZipFile(archive) as given:
        name = next(name for name in given.namelist() if name.endswith(".jpg"))
        data = given.read(name)
    row = {"eol_content_id": "500", "eol_page_id": "7", "file_path": f"folder/{name}"}
    copies = [changed for _, changed in leak.near_copies(row, data, seed=0)]
    width = decode_rgb(data).width
    assert all(0.85 * width < decode_rgb(copy).width < width for copy in copies)
    assert len({*copies, data}) == len(copies) + 1


def test_same_seed_same_bytes(archive, tmp_path):
    for name, seed in (("one", 0), ("same", 0), ("other", 1)):
        leak.plant_bursts(archive, tmp_path / f"{name}.zip", share=0.5, seed=seed)
    one, same, other = ((tmp_path / f"{name}.zip").read_bytes() for name in ("one", "same", "other"))
    assert one == same != other


def test_photos_followed_by_others_get_no_near_copies():
    rows = [{"eol_content_id": str(number)} for number in (100, 101, 105, 200, 209, 300)]
    assert leak.choose_photos(rows, share=1.0, seed=0) == {"105", "209", "300"}
