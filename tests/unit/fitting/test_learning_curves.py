"""rare_species.fitting.learning_curves: metrics by epoch, the best epoch marked."""

import numpy as np
import pandas as pd
import pytest

from rare_species.fitting import learning_curves
from tests.unit.plots import check_bytes, check_size


def draw_curves(n):
    columns = [f"{split}_{name}" for split in ("train", "val") for name in ("loss", "accuracy", "auc")]
    history = pd.DataFrame({column: np.linspace(1, 0, n) for column in columns})
    return learning_curves.learning_curves(history, n, ["loss", "accuracy", "auc"])


@pytest.mark.parametrize("n", [2, 202])
def test_size_does_not_depend_on_the_data(n, tmp_path):
    check_size(draw_curves, n, (900, 720), tmp_path)


def test_png_has_the_same_bytes_every_time_and_other_bytes_for_other_data(tmp_path):
    check_bytes(draw_curves, tmp_path)


def test_learning_curves_mark_the_best_epoch():
    history = pd.DataFrame({"train_loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.0, 2.5]})
    (axes,) = learning_curves.learning_curves(history, 2, ["loss"]).axes
    train, val, best = axes.lines
    assert (list(train.get_xdata()), list(train.get_ydata())) == ([1, 2, 3], [3, 2, 1])
    assert list(val.get_ydata()) == [3, 2, 2.5]
    assert list(best.get_xdata()) == [2, 2]
    assert axes.get_title() == "loss"


def test_learning_curves_mark_where_fine_tuning_begins():
    history = pd.DataFrame({"train_loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.0, 2.5]})
    (axes,) = learning_curves.learning_curves(history, 2, ["loss"], fine_tuned_after=1).axes
    _, _, begin, best = axes.lines
    assert (begin.get_label(), list(begin.get_xdata())) == ("fine-tuning begins", [1.5, 1.5])
    assert list(best.get_xdata()) == [2, 2]
