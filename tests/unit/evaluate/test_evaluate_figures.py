"""rare_species.evaluate.figures: the same size whatever is in them, and no crash at either end."""

import numpy as np
import pandas as pd
import pytest

from rare_species.evaluate import figures as evaluate_figures
from tests.unit.plots import check_bytes, check_size, names, png, tick_labels


def draw_confusion(n):
    counts = np.diag(np.arange(n)) + np.eye(n, k=1, dtype=int)
    return evaluate_figures.confusion_matrix(counts, names(n), "confusion")


def draw_family_scores(n):
    table = pd.DataFrame({"family": names(n), "f1": np.linspace(0, 1, n), "images": np.arange(n)})
    return evaluate_figures.f1_by_family(table, "scores")


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


FIGURES = {  # what is drawn, and its pixels
    draw_confusion: (1100, 1000),
    draw_family_scores: (900, 1100),
    draw_reliability: (700, 700),
    draw_risk: (700, 500),
    draw_f1_by_images: (800, 500),
    draw_accuracy_bars: (1100, 400),
}


@pytest.mark.parametrize("n", [2, 202])
@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_size_does_not_depend_on_the_data(draw, n, tmp_path):
    check_size(draw, n, FIGURES[draw], tmp_path)


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_png_has_the_same_bytes_every_time_and_other_bytes_for_other_data(draw, tmp_path):
    check_bytes(draw, tmp_path)


def test_nothing_to_draw_is_drawn(tmp_path):
    check_size(draw_family_scores, 0, (900, 1100), tmp_path)


@pytest.mark.parametrize("name", ["$5 cat$\\{", "$x_$"])
def test_dollars_in_names_are_not_read_as_formulas(name, tmp_path):
    png(evaluate_figures.confusion_matrix(np.eye(2, dtype=int), [name, "b"], "confusion"), tmp_path)


def test_family_scores_put_the_best_on_top_with_its_images():
    table = pd.DataFrame({"family": ["b", "a", "c"], "f1": [0.5, 0.9, 0.1], "images": [3, 4, 5]})
    axes = evaluate_figures.f1_by_family(table, "scores").axes[0]
    places = dict(zip(axes.get_yticks(), tick_labels(axes.yaxis), strict=True))
    assert places == {2: "a (4)", 1: "b (3)", 0: "c (5)"}
    assert [bar.get_width() for bar in axes.containers[0]] == [0.1, 0.5, 0.9]


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
