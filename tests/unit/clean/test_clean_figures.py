"""rare_species.clean.figures: families, sizes, what was rejected, and what looks like a document."""

import numpy as np
import pandas as pd
import pytest

from rare_species.clean import figures as clean_figures
from rare_species.figures import bars, contact_sheet
from tests import toy
from tests.unit.plots import check_bytes, check_size, files, record_calls


def draw_sizes(n):
    return clean_figures.size_distribution(np.arange(n) * 10 + 50, np.arange(n) * 5 + 80)


@pytest.fixture
def clean_run(tmp_path):
    """A manifest of eight kept photos and two rejected files, in a folder with the files."""
    photos, _ = toy.draw_photos({"Felidae": 4, "Formicidae": 4, "Ranidae": 1})
    rows = []
    for path, data in photos.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
        rows.append({"file_path": path, "family": path.split("/")[0], "status": "kept", "reason": "", "phash": "f0"})
    rows[-1] |= {"status": "rejected", "reason": "duplicate"}
    (tmp_path / "torn.jpg").write_bytes(b"not an image")
    rows.append({"file_path": "torn.jpg", "family": "", "status": "rejected", "reason": "unreadable", "phash": ""})
    rows.append({"file_path": "gone.jpg", "family": "Felidae", "status": "rejected", "reason": "missing", "phash": ""})
    manifest = pd.DataFrame(rows).assign(width="40", height="32")
    return manifest, tmp_path


@pytest.mark.parametrize("n", [2, 202])
def test_size_does_not_depend_on_the_data(n, tmp_path):
    check_size(draw_sizes, n, (1000, 500), tmp_path)


def test_png_has_the_same_bytes_every_time_and_other_bytes_for_other_data(tmp_path):
    check_bytes(draw_sizes, tmp_path)


@pytest.fixture
def drawn(monkeypatch):
    """Calls of figure functions, by their names."""
    return record_calls(
        monkeypatch, clean_figures, bars.family_counts, clean_figures.size_distribution, contact_sheet.contact_sheet
    )


def test_clean_draws_families_sizes_and_what_was_rejected(clean_run, drawn, tmp_path):
    manifest, images = clean_run
    clean_figures.draw_clean(manifest, None, images, tmp_path / "plots")
    assert files(tmp_path / "plots") == ["documents.jpg", "families.png", "rejected.jpg", "sizes.png"]
    ((counts, _),) = drawn["family_counts"]
    assert counts.to_dict("index") == {
        "Felidae": {"kept": 4, "rejected": 1},
        "Formicidae": {"kept": 4, "rejected": 0},
        "Ranidae": {"kept": 0, "rejected": 1},
    }
    ((widths, heights),) = drawn["size_distribution"]
    assert (widths.tolist(), heights.tolist()) == ([40] * 8, [32] * 8)
    (photos, captions, title), nobody_looked = drawn["contact_sheet"]
    assert nobody_looked == ([], [], "documents: nobody looked for any (clean.documents: keep)")
    assert [caption.split("\n")[0] for caption in captions] == ["duplicate", "missing", "unreadable"]
    assert [photo and photo.size for photo in photos] == [(160, 160), None, None]
    assert title.startswith("3 of 11 rejected")


def test_clean_shows_at_most_six_files_of_a_reason(clean_run, drawn, tmp_path):
    manifest, images = clean_run
    many = manifest.assign(status="rejected", reason="too_small")
    clean_figures.draw_clean(many, None, images, tmp_path / "plots")
    assert len(drawn["contact_sheet"][0][0]) == 6


def test_clean_without_a_rejected_file_draws_an_empty_sheet(clean_run, drawn, tmp_path):
    manifest, images = clean_run
    clean_figures.draw_clean(manifest[manifest["status"] == "kept"], None, images, tmp_path / "plots")
    assert drawn["contact_sheet"][0][:2] == ([], [])


def test_clean_shows_the_likeliest_documents(clean_run, drawn, tmp_path):
    manifest, images = clean_run
    documents = manifest[:2].assign(document_score=[0.987, 0.6], status=["kept", "rejected"])
    clean_figures.draw_clean(manifest, documents, images, tmp_path / "plots")
    photos, captions, title = drawn["contact_sheet"][1]
    assert [photo.size for photo in photos] == [(160, 160)] * 2
    assert captions == [f"kept, 0.987\n{manifest['file_path'][0]}", f"rejected, 0.600\n{manifest['file_path'][1]}"]
    assert title == "documents: 2 images look like pages, maps or diagrams, the likeliest 2 shown"


def test_clean_shows_no_more_documents_than_fit(clean_run, drawn, tmp_path):
    manifest, images = clean_run
    documents = pd.concat([manifest[:1].assign(document_score=0.9)] * 40)
    clean_figures.draw_clean(manifest, documents, images, tmp_path / "plots")
    photos, _, title = drawn["contact_sheet"][1]
    assert len(photos) == 36
    assert title.startswith("documents: 40 images")


@pytest.mark.parametrize(
    ("path", "caption"),
    [("Felidae/1.jpg", "Felidae/1.jpg"), ("a" * 34, "a" * 34), ("a" * 10 + "b" * 33, "…" + "b" * 33)],
)
def test_long_paths_lose_their_start(path, caption):
    assert clean_figures._shorten(path) == caption


def test_too_large_photo_is_not_decoded_for_the_sheet(clean_run, drawn, monkeypatch, tmp_path):
    manifest, images = clean_run
    monkeypatch.setattr(clean_figures, "fit_square", lambda *_: pytest.fail("decoded"))
    too_large = manifest.assign(status="rejected", reason="excluded", phash="")  # a person excluded it, but still
    clean_figures.draw_clean(too_large, None, images, tmp_path / "plots")
    (photos, *_), _ = drawn["contact_sheet"]
    assert photos
    assert set(photos) == {None}
