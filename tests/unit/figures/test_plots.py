"""Figures: the same size whatever is in them, the same bytes every time, and no crash at either end."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rare_species.clean import figures as clean_figures
from rare_species.data.shards import Packed
from rare_species.evaluate import figures as evaluate_figures
from rare_species.figures import bars, contact_sheet, style
from rare_species.fitting import curves
from rare_species.preprocess import figures as preprocess_figures
from rare_species.split import figures as split_figures
from tests import toy
from tests.disk import files_no_longer_than

PHOTO = Image.new("RGB", (40, 30), (10, 120, 60))
FAMILY_OF = {path: path.split("/")[0] for path in toy.draw_photos()[0]}


def names(n):
    return [f"Family{number:03d}idae" for number in range(n)]


def draw_family_counts(n):
    return bars.family_counts(pd.DataFrame({part: np.arange(n) + 1 for part in ("train", "val")}, names(n)), "counts")


def draw_sizes(n):
    return clean_figures.size_distribution(np.arange(n) * 10 + 50, np.arange(n) * 5 + 80)


def draw_confusion(n):
    counts = np.diag(np.arange(n)) + np.eye(n, k=1, dtype=int)
    return evaluate_figures.confusion_matrix(counts, names(n), "confusion")


def draw_family_scores(n):
    table = pd.DataFrame({"family": names(n), "f1": np.linspace(0, 1, n), "images": np.arange(n)})
    return evaluate_figures.family_scores(table, "scores")


def draw_curves(n):
    columns = [f"{split}_{name}" for split in ("train", "val") for name in ("loss", "accuracy", "auc")]
    history = pd.DataFrame({column: np.linspace(1, 0, n) for column in columns})
    return curves.learning_curves(history, n, ["loss", "accuracy", "auc"])


def draw_reliability(n):
    edges = np.arange(n) / n
    table = pd.DataFrame({"low": edges, "high": edges + 1 / n, "images": 3, "confidence": edges, "accuracy": edges / 2})
    return evaluate_figures.reliability_diagram({"as trained": table, "calibrated": table}, "reliability")


def draw_risk(n):
    share = (np.arange(n) + 1) / n
    curve = pd.DataFrame({"coverage": share, "risk": share / 2, "threshold": 1 - share})
    return evaluate_figures.risk_coverage_curve(curve, 0.5, "risk")


def draw_f1_by_images(n):
    table = pd.DataFrame({"train_images": np.arange(n) + 3, "f1": np.linspace(0, 1, n)})
    return evaluate_figures.f1_by_images(table, "f1")


def draw_accuracy_bars(n):
    low = np.arange(n)
    table = pd.DataFrame({"property": [f"p{number % 3}" for number in low], "low": low, "high": low + 1, "images": 5})
    return evaluate_figures.accuracy_bars(table.assign(accuracy=0.5, accuracy_low=0.25, accuracy_high=0.75), "bars")


def draw_sheet(n):
    return contact_sheet.contact_sheet([PHOTO] * n, names(n), "sheet")


# what is drawn, and its pixels at 100 per inch
FIGURES = {
    draw_family_counts: (900, 1100),
    draw_sizes: (1000, 500),
    draw_confusion: (1100, 1000),
    draw_family_scores: (900, 1100),
    draw_curves: (900, 720),
    draw_reliability: (700, 700),
    draw_risk: (700, 500),
    draw_f1_by_images: (800, 500),
    draw_accuracy_bars: (1100, 400),
}


def png(figure, folder):
    style.save_png(figure, folder / "figure.png")
    return (folder / "figure.png").read_bytes()


def size(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize("n", [2, 202])
@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_size_does_not_depend_on_the_data(draw, n, tmp_path):
    assert size(png(draw(n), tmp_path)) == FIGURES[draw]


@pytest.mark.parametrize(("photos", "rows"), [(0, 1), (1, 1), (6, 1), (7, 2), (36, 6)])
def test_contact_sheet_is_six_photos_wide_and_grows_by_rows(photos, rows, tmp_path):
    assert size(png(draw_sheet(photos), tmp_path)) == (1200, 240 * rows + 50)


def test_contact_sheet_is_as_wide_as_it_is_told(tmp_path):
    assert size(png(contact_sheet.contact_sheet([PHOTO] * 5, names(5), "sheet", columns=4), tmp_path)) == (
        800,
        240 * 2 + 50,
    )


@pytest.mark.parametrize("draw", [draw_family_counts, draw_family_scores])
def test_nothing_to_draw_is_drawn(draw, tmp_path):
    assert size(png(draw(0), tmp_path)) == FIGURES[draw]


@pytest.mark.parametrize("draw", [*FIGURES, draw_sheet], ids=lambda draw: draw.__name__)
def test_png_has_the_same_bytes_every_time_and_other_bytes_for_other_data(draw, tmp_path):
    first, same, other = (png(draw(n), tmp_path) for n in (3, 3, 4))
    assert first == same
    assert first != other


def test_png_does_not_name_the_library_that_drew_it(tmp_path):
    with Image.open(io.BytesIO(png(draw_curves(2), tmp_path))) as image:
        assert "Software" not in image.info


def test_jpeg_has_the_same_bytes_every_time_and_its_folder_is_made(tmp_path):
    paths = [tmp_path / folder / "sheet.jpg" for folder in ("a", "b")]
    for path in paths:
        style.save_jpeg(draw_sheet(2), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert size(paths[0].read_bytes()) == (1200, 290)


@pytest.mark.parametrize("name", ["$5 cat$\\{", "$x_$"])
def test_dollars_in_names_are_not_read_as_formulas(name, tmp_path):
    png(contact_sheet.contact_sheet([PHOTO], [name], "sheet"), tmp_path)
    png(evaluate_figures.confusion_matrix(np.eye(2, dtype=int), [name, "b"], "confusion"), tmp_path)
    png(bars.family_counts(pd.DataFrame({"train": [1]}, [name]), "counts"), tmp_path)


def test_contact_sheet_shows_photos_and_an_empty_frame_for_a_missing_one():
    figure = contact_sheet.contact_sheet([PHOTO, None], ["one", "two"], "a title")
    photo, missing = figure.axes
    np.testing.assert_array_equal(photo.images[0].get_array(), np.asarray(PHOTO))
    assert [axes.get_xlabel() for axes in figure.axes] == ["one", "two"]
    assert [text.get_text() for text in missing.texts] == ["no image"]
    assert not photo.texts
    assert figure.get_suptitle() == "a title"


def test_contact_sheet_wants_a_caption_for_each_photo():
    with pytest.raises(ValueError, match="shorter"):
        contact_sheet.contact_sheet([PHOTO, PHOTO], ["one"], "sheet")


def test_family_counts_stack_the_parts_with_the_largest_family_on_top():
    counts = pd.DataFrame({"train": [1, 5, 3], "val": [1, 1, 0]}, ["few", "most", "also"])
    axes = bars.family_counts(counts, "counts").axes[0]
    assert dict(zip(axes.get_yticks(), tick_labels(axes.yaxis), strict=True)) == {2: "most", 1: "also", 0: "few"}
    train, val = ([(bar.get_x(), bar.get_width()) for bar in part] for part in axes.containers)
    assert train == [(0, 1), (0, 3), (0, 5)]
    assert val == [(1, 1), (3, 0), (5, 1)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "val"]


def test_family_scores_put_the_best_on_top_with_its_images():
    table = pd.DataFrame({"family": ["b", "a", "c"], "f1": [0.5, 0.9, 0.1], "images": [3, 4, 5]})
    axes = evaluate_figures.family_scores(table, "scores").axes[0]
    places = dict(zip(axes.get_yticks(), tick_labels(axes.yaxis), strict=True))
    assert places == {2: "a (4)", 1: "b (3)", 0: "c (5)"}
    assert [bar.get_width() for bar in axes.containers[0]] == [0.1, 0.5, 0.9]


@pytest.mark.parametrize(("n", "labelled"), [(60, 60), (61, 31), (202, 51)])
def test_many_rows_are_labelled_in_steps_from_the_top(n, labelled):
    axes = draw_family_counts(n).axes[0]
    assert len(axes.get_yticks()) == labelled
    assert tick_labels(axes.yaxis)[0] == names(n)[-1]


def test_confusion_matrix_scales_rows_and_numbers_their_cells():
    axes = evaluate_figures.confusion_matrix(np.array([[3, 1], [0, 0]]), ["a", "b"], "confusion").axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0.75, 0.25], [0, 0]])
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [((0, 0), "3"), ((1, 0), "1")]
    assert tick_labels(axes.xaxis) == tick_labels(axes.yaxis) == ["a", "b"]


@pytest.mark.parametrize(("n", "step"), [(60, 1), (61, 2), (202, 4)])
def test_large_confusion_matrix_names_every_nth_family(n, step):
    axes = evaluate_figures.confusion_matrix(np.eye(n, dtype=int), names(n), "confusion").axes[0]
    for axis in (axes.xaxis, axes.yaxis):
        assert tick_labels(axis) == names(n)[::step]
        assert axis.get_ticklocs().tolist() == list(range(0, n, step))


def test_large_confusion_matrix_has_no_numbers():
    assert len(draw_confusion(40).axes[0].texts) > 0
    assert len(draw_confusion(41).axes[0].texts) == 0


def test_learning_curves_mark_the_best_epoch():
    history = pd.DataFrame({"train_loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.0, 2.5]})
    (axes,) = curves.learning_curves(history, 2, ["loss"]).axes
    train, val, best = axes.lines
    assert (list(train.get_xdata()), list(train.get_ydata())) == ([1, 2, 3], [3, 2, 1])
    assert list(val.get_ydata()) == [3, 2, 2.5]
    assert list(best.get_xdata()) == [2, 2]
    assert axes.get_title() == "loss"


def test_learning_curves_mark_where_fine_tuning_begins():
    history = pd.DataFrame({"train_loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.0, 2.5]})
    (axes,) = curves.learning_curves(history, 2, ["loss"], fine_tuned_after=1).axes
    _, _, begin, best = axes.lines
    assert (begin.get_label(), list(begin.get_xdata())) == ("fine-tuning begins", [1.5, 1.5])
    assert list(best.get_xdata()) == [2, 2]


def test_reliability_lies_on_the_diagonal_where_a_model_is_as_right_as_sure():
    table = pd.DataFrame({"low": [0.4, 0.8], "high": [0.5, 0.9], "images": [3, 9], "confidence": 0.5, "accuracy": 0.25})
    curve, counts = evaluate_figures.reliability_diagram({"as trained": table}, "title").axes
    diagonal, drawn = curve.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    assert (list(drawn.get_xdata()), list(drawn.get_ydata())) == ([0.5, 0.5], [0.25, 0.25])
    assert [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in counts.patches] == [
        pytest.approx((0.4, 0.1, 3)),
        pytest.approx((0.8, 0.1, 9)),
    ]


@pytest.mark.parametrize(("threshold", "answered"), [(0.6, 0.5), (0.1, 1.0), (0.95, 0.0), (None, 0.0)])
def test_curve_marks_how_many_photos_are_sure(threshold, answered):
    curve = pd.DataFrame({"coverage": [0.5, 1.0], "risk": [0.0, 0.2], "threshold": [0.9, 0.4]})
    (axes,) = evaluate_figures.risk_coverage_curve(curve, threshold, "title").axes
    assert list(axes.lines[1].get_xdata()) == [answered] * 2
    assert axes.get_legend().get_texts()[0].get_text() == f"sure of the family: {answered:.0%}"


def test_f1_of_families_is_averaged_by_quarters_of_their_training_photos():
    table = pd.DataFrame({"train_images": [8, 1, 2, 4], "f1": [0.8, 0.1, 0.2, 0.4]})
    (axes,) = evaluate_figures.f1_by_images(table, "title").axes
    assert list(axes.lines[0].get_xdata()) == [1, 2, 4, 8]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([0.1, 0.2, 0.4, 0.8])


def test_bars_have_a_panel_for_each_property():
    table = pd.DataFrame(
        [("shorter_side_px", 10, 20, 4, 0.5, 0.2, 0.8), ("sharpness", 1.5, 2.5, 4, 0.75, 0.5, 0.9)],
        columns=["property", "low", "high", "images", "accuracy", "accuracy_low", "accuracy_high"],
    )
    first, second = evaluate_figures.accuracy_bars(table, "title").axes
    assert (first.get_title(), second.get_title()) == ("shorter side, px", "sharpness")
    assert tick_labels(second.xaxis) == ["1.5–2.5\n4 photos"]
    assert second.patches[0].get_height() == 0.75


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


@pytest.fixture
def drawn(monkeypatch):
    """Calls of every figure function, by its name; figures are drawn all the same."""
    calls = {}

    def recorded(draw):
        def record(*args):
            calls.setdefault(draw.__name__, []).append(args)
            return draw(*args)

        return record

    for draw in (bars.family_counts, clean_figures.size_distribution, contact_sheet.contact_sheet):
        for module in (clean_figures, split_figures, preprocess_figures):
            if hasattr(module, draw.__name__):
                monkeypatch.setattr(module, draw.__name__, recorded(draw))
    return calls


def files(folder: Path):
    return sorted(path.name for path in folder.iterdir())


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


def test_split_draws_every_family_with_all_three_splits(drawn, tmp_path):
    photos = pd.DataFrame({"family": ["a", "a", "b"], "split": ["train", "val", "train"]})
    split_figures.draw_split(photos, tmp_path)
    assert files(tmp_path) == ["families.png"]
    ((counts, _),) = drawn["family_counts"]
    assert counts.to_dict("list") == {"train": [1, 1], "val": [1, 0], "test": [0, 0]}


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
    only_train = Packed(packed.folder, packed.rows("train"), packed.shape)
    preprocess_figures.draw_packed(only_train, FAMILY_OF, tmp_path)
    assert [len(photos) for photos, _, _ in drawn["contact_sheet"]] == [12, 0, 0]


def test_too_large_photo_is_not_decoded_for_the_sheet(clean_run, drawn, monkeypatch, tmp_path):
    manifest, images = clean_run
    monkeypatch.setattr(clean_figures, "fit_square", lambda *_: pytest.fail("decoded"))
    too_large = manifest.assign(status="rejected", reason="excluded", phash="")  # a person excluded it, but still
    clean_figures.draw_clean(too_large, None, images, tmp_path / "plots")
    (photos, *_), _ = drawn["contact_sheet"]
    assert photos
    assert set(photos) == {None}


@pytest.mark.parametrize(("save", "suffix"), [(style.save_jpeg, "jpg"), (style.save_png, "png")])
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_picture_that_does_not_fit_on_the_disk_is_an_error(save, suffix, share, tmp_path):
    whole = tmp_path / f"whole.{suffix}"
    save(draw_sheet(2), whole)
    with files_no_longer_than(int(whole.stat().st_size * share)), pytest.raises(OSError, match="File too large"):
        save(draw_sheet(2), tmp_path / f"cut.{suffix}")
