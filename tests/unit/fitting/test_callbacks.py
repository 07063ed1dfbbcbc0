"""What happens between epochs: scores, and the state on disk that a killed fit goes on from."""

import io

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from tqdm import tqdm

from rare_species.data.features import as_batches
from rare_species.fitting.callbacks import BatchProgress, DivergedError, EpochMetrics, Fit
from rare_species.metrics.registry import epoch_metrics
from tests.unit.tf_fixtures import ignore_epoch


@pytest.fixture
def scoring():
    """EpochMetrics of a model that gives back its inputs: what it is scored on are hand-made logits."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    model.compile(keras.optimizers.SGD(0.25))

    def build(logits, monitor="val_loss", on_epoch=ignore_epoch, before=None):
        callback = EpochMetrics(model, {"val": (np.arange(3), as_batches(logits))}, on_epoch, monitor, before=before)
        callback.set_model(model)
        return callback

    return build


GOOD = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3]], dtype=np.float32)


def test_scores_of_an_epoch_are_reported_kept_and_handed_on(scoring):
    reported, logs = [], {"loss": 1.0}
    logits = np.array([[2, 1, 0], [0, 3, 1], [1, 0.5, 0]], dtype=np.float32)
    callback = scoring(logits, on_epoch=lambda epoch, scores: reported.append((epoch, scores)))
    callback.on_epoch_end(4, logs)
    expected = {f"val_{name}": value for name, value in epoch_metrics(np.arange(3), softmax(logits, axis=1)).items()}
    assert set(expected) == {"val_loss", "val_accuracy", "val_auc", "val_macro_f1"}
    assert expected["val_accuracy"] == pytest.approx(2 / 3)
    assert reported == [(0, pytest.approx(expected))]
    assert logs == pytest.approx({"loss": 1.0, **expected})
    assert callback.fit.best == pytest.approx(expected)


@pytest.mark.parametrize(
    ("monitor", "values", "best"),
    [
        ("val_loss", [3.0, 1.0, 2.0, 1.0], 1),
        ("val_accuracy", [0.1, 0.5, 0.7, 0.7], 2),
        ("val_macro_f1", [0.9, 0.5, 0.7, 0.7], 0),
    ],
)
def test_best_epoch_is_the_first_with_the_best_score(scoring, monkeypatch, monitor, values, best):
    rows = iter(values)
    monkeypatch.setattr(
        "rare_species.fitting.callbacks.epoch_metrics", lambda *_: {monitor.removeprefix("val_"): next(rows)}
    )
    callback = scoring(GOOD, monitor)
    for epoch in range(len(values)):
        callback.on_epoch_end(epoch, {})
    assert callback.fit.best_epoch == best + 1
    assert callback.fit.best == {monitor: values[best]}
    assert callback.fit.history[monitor].tolist() == values


@pytest.mark.parametrize(
    ("logits", "loss"),
    [(GOOD * np.nan, 1.0), (GOOD + np.float32(np.inf), 1.0), (GOOD, float("nan")), (GOOD, float("inf"))],
    ids=["logits NaN", "logits infinite", "loss NaN", "loss infinite"],
)
def test_diverged_epoch_is_refused_and_not_reported(scoring, logits, loss):
    reported = []
    callback = scoring(logits, on_epoch=lambda *_: reported.append(1))
    with pytest.raises(DivergedError, match=r"NaN or infinite in epoch 3 at learning rate 0\.25"):
        callback.on_epoch_end(2, {"loss": loss})
    assert not reported


def test_epochs_of_an_earlier_fit_come_first_and_can_be_the_best(scoring):
    before = Fit(pd.DataFrame({"val_loss": [0.5, 0.01, 0.7]}), best_epoch=2)
    numbers = []
    callback = scoring(GOOD, on_epoch=lambda epoch, _: numbers.append(epoch), before=before)
    callback.on_epoch_end(0, {})
    assert numbers == [3]
    assert callback.fit.best_epoch == 2
    assert callback.fit.history["val_loss"].tolist()[:3] == [0.5, 0.01, 0.7]
    assert before.rows == [{"val_loss": 0.5}, {"val_loss": 0.01}, {"val_loss": 0.7}]


def test_bar_moves_from_batch_to_batch_over_all_epochs():
    bar = tqdm(total=8, disable=False, file=io.StringIO())
    progress = BatchProgress(bar, steps=4)
    seen = []
    for epoch in (0, 1):
        progress.on_epoch_begin(epoch)
        for batch in (1, 3, 5):  # two batches per call: the last call has only one left
            progress.on_train_batch_end(batch)
            seen.append(bar.n)
    assert seen == [2, 4, 4, 6, 8, 8]
