"""rare_species.figures.bars: one bar for each family, however many there are."""

import numpy as np
import pandas as pd
import pytest

from rare_species.figures import bars
from tests.unit.plots import check_bytes, check_size, names, png, tick_labels


def draw_family_counts(n):
    return bars.family_counts(pd.DataFrame({part: np.arange(n) + 1 for part in ("train", "val")}, names(n)), "counts")


@pytest.mark.parametrize("n", [2, 202])
def test_size_does_not_depend_on_the_data(n, tmp_path):
    check_size(draw_family_counts, n, (900, 1100), tmp_path)


def test_png_has_the_same_bytes_every_time_and_other_bytes_for_other_data(tmp_path):
    check_bytes(draw_family_counts, tmp_path)


def test_nothing_to_draw_is_drawn(tmp_path):
    check_size(draw_family_counts, 0, (900, 1100), tmp_path)


@pytest.mark.parametrize("name", ["$5 cat$\\{", "$x_$"])
def test_dollars_in_names_are_not_read_as_formulas(name, tmp_path):
    png(bars.family_counts(pd.DataFrame({"train": [1]}, [name]), "counts"), tmp_path)


def test_family_counts_stack_the_parts_with_the_largest_family_on_top():
    counts = pd.DataFrame({"train": [1, 5, 3], "val": [1, 1, 0]}, ["few", "most", "also"])
    axes = bars.family_counts(counts, "counts").axes[0]
    assert dict(zip(axes.get_yticks(), tick_labels(axes.yaxis), strict=True)) == {2: "most", 1: "also", 0: "few"}
    train, val = ([(bar.get_x(), bar.get_width()) for bar in part] for part in axes.containers)
    assert train == [(0, 1), (0, 3), (0, 5)]
    assert val == [(1, 1), (3, 0), (5, 1)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "val"]


@pytest.mark.parametrize(("n", "labelled"), [(60, 60), (61, 31), (202, 51)])
def test_many_rows_are_labelled_in_steps_from_the_top(n, labelled):
    axes = draw_family_counts(n).axes[0]
    assert len(axes.get_yticks()) == labelled
    assert tick_labels(axes.yaxis)[0] == names(n)[-1]
