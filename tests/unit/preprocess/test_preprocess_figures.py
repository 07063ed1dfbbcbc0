"""rare_species.preprocess.figures: packed photos of all families, a sheet for each split."""

import pytest

from rare_species.data.shards import Packed
from rare_species.figures import contact_sheet
from rare_species.preprocess import figures as preprocess_figures
from tests import toy
from tests.unit.plots import files, record_calls

FAMILY_OF = {path: path.split("/")[0] for path in toy.draw_photos()[0]}


@pytest.fixture
def drawn(monkeypatch):
    """Calls of figure functions, by their names."""
    return record_calls(monkeypatch, preprocess_figures, contact_sheet.contact_sheet)


def test_packed_photos_are_drawn_by_split(packed, drawn, tmp_path):
    preprocess_figures.draw_packed(packed, FAMILY_OF, tmp_path)
    assert files(tmp_path) == ["test.jpg", "train.jpg", "val.jpg"]
    photos, captions, title = drawn["contact_sheet"][0]
    assert captions == [family for family in toy.FAMILIES for _ in range(4)]
    assert {photo.size for photo in photos} == {(32, 32)}
    assert title == "train: 12 photos, 12 shown"


def test_more_photos_than_fit_are_spread_over_the_families(packed, drawn, monkeypatch, tmp_path):
    monkeypatch.setattr(preprocess_figures, "SHEET_PHOTOS", 4)
    preprocess_figures.draw_packed(packed, FAMILY_OF, tmp_path)
    assert drawn["contact_sheet"][0][1] == ["Felidae", "Felidae", "Formicidae", "Ranidae"]


def test_more_families_than_fit_are_drawn_from_first_to_last(packed, drawn, monkeypatch, tmp_path):
    monkeypatch.setattr(preprocess_figures, "SHEET_PHOTOS", 2)
    preprocess_figures.draw_packed(packed, FAMILY_OF, tmp_path)
    assert drawn["contact_sheet"][0][1] == ["Felidae", "Ranidae"]


def test_split_without_photos_is_drawn_empty(packed, drawn, tmp_path):
    only_train = Packed(packed.folder, packed.rows("train"), packed.preprocessing)
    preprocess_figures.draw_packed(only_train, FAMILY_OF, tmp_path)
    assert [len(photos) for photos, _, _ in drawn["contact_sheet"]] == [12, 0, 0]
