"""The search: repeatable, honest about failed trials, and its best trial is what comes out."""

import logging
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import optuna
import pandas as pd
import pytest

from rare_species.common.errors import UserError
from rare_species.data.features import Features
from rare_species.fitting.callbacks import Fit
from rare_species.params.tune import TuneParams
from rare_species.tune import search as module
from tests.unit.tf_fixtures import fit_params, ignore_epoch, splits

UNITS = ((), (6,), (8, 4))
SPACE = {
    "head": {
        "units": {"type": "categorical", "choices": UNITS},
        "dropout": {"type": "float", "low": 0.0, "high": 0.6},
    },
    "optimizer": {"learning_rate": {"type": "float", "low": 0.001, "high": 0.1, "log": True}},
    "label_smoothing": {"type": "float", "low": 0.0, "high": 0.2},
}
RATES = {"optimizer": {"learning_rate": {"type": "categorical", "choices": [1e-6, 1.0]}}}


def tune_params(seed=0, trials=2, objective="val_macro_f1", space=SPACE, concurrent_trials=2, **parameters):
    return TuneParams(
        trials=trials,
        concurrent_trials=concurrent_trials,
        objective=objective,
        sampler=parameters.pop("sampler", "tpe"),
        pruning={"name": "hyperband", "min_epochs": 2, "factor": 3},
        base=fit_params(**parameters).model_dump(),
        space=space,
        seed=seed,
    )


def search(data, n_classes, params, on_epoch):
    with TemporaryDirectory() as folder:
        return module.search(data, n_classes, params, on_epoch, Path(folder) / "journal.log")


class Fake:
    """A fit whose scores follow from the parameters: `curve` takes the dropout and the epoch."""

    def __init__(self, curve, objective="val_macro_f1"):
        self.curve, self.objective, self.calls = curve, objective, []

    def __call__(self, _splits, _n_classes, params, seed, on_epoch, *, scored=("train", "val"), **_options):
        self.calls.append((params, seed, tuple(scored)))
        rows = []
        for epoch in range(params.epochs):
            rows.append({self.objective: self.curve(params.head.dropout, epoch)})
            on_epoch(epoch, rows[-1])
        scores = [row[self.objective] for row in rows]
        best = min(scores) if self.objective.endswith("loss") else max(scores)
        return keras.Sequential(), Fit(pd.DataFrame(rows), 1 + scores.index(best))


DROPOUT = {"head": {"dropout": {"type": "float", "low": 0.0, "high": 0.9}}}


@pytest.fixture
def fake(monkeypatch):
    """In place of fits: `fake(curve)` chooses the scores of every epoch; without it they are the dropout."""

    def install(curve=lambda dropout, _: dropout, objective="val_macro_f1"):
        fit = Fake(curve, objective)
        monkeypatch.setattr(module, "fit_head", fit)
        return fit

    return install


@pytest.fixture(scope="module")
def data():
    return splits(spread=2.0)


@pytest.fixture(scope="module")
def found(data):
    return search(data, 3, tune_params(), ignore_epoch)


def test_same_seed_gives_the_same_search(data, found):
    epochs = []
    again = search(data, 3, tune_params(), lambda epoch, scores: epochs.append((epoch, scores)))
    pd.testing.assert_frame_equal(again.trials, found.trials, check_exact=True)
    assert (again.best, again.params) == (found.best, found.params)
    assert all((one == two).all() for one, two in zip(again.head.get_weights(), found.head.get_weights(), strict=True))
    # epochs are reported of the final fit alone
    assert [scores for _, scores in epochs] == found.fit.history.to_dict("records")


def test_other_seed_gives_another_search(fake):
    fake()
    first, same, other = (search({}, 3, tune_params(seed), ignore_epoch).trials for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, same)
    assert not set(first["head.dropout"]) & set(other["head.dropout"])


def test_table_has_a_row_per_trial_and_a_column_per_parameter(found):
    parameters = ["head.units", "head.dropout", "optimizer.learning_rate", "label_smoothing"]
    assert list(found.trials) == ["trial", "state", "epochs", "val_macro_f1", *parameters]
    assert found.trials["trial"].tolist() == [0, 1]
    assert set(found.trials["state"]) <= {"complete", "pruned"}
    assert found.trials["epochs"].between(1, 3).all()
    assert found.trials["optimizer.learning_rate"].between(0.001, 0.1).all()
    assert found.trials["head.dropout"].between(0, 0.6).all()


def test_list_valued_parameter_is_a_list_in_the_table_and_in_the_head(found):
    assert set(found.trials["head.units"]) <= set(UNITS)
    assert found.best["head.units"] in UNITS
    dense = [layer.units for layer in found.head.layers if isinstance(layer, keras.layers.Dense)]
    assert tuple(dense) == (*found.best["head.units"], 3)


def test_best_trial_is_fitted_again_with_its_parameters(found):
    finished = found.trials[found.trials["state"] == "complete"]
    best = finished.loc[finished["val_macro_f1"].idxmax()]
    assert found.best == {parameter: best[parameter] for parameter in found.best}
    assert found.params.head.units == found.best["head.units"]
    assert found.params.head.dropout == found.best["head.dropout"]
    assert found.params.optimizer.learning_rate == found.best["optimizer.learning_rate"]
    assert found.params.label_smoothing == found.best["label_smoothing"]
    assert found.params.batch_size == fit_params().batch_size
    # the same seed: the refit is the trial
    assert found.fit.best["val_macro_f1"] == pytest.approx(best["val_macro_f1"])


def huge(data):
    """Features so large that a learning rate of 1 overflows float32 in the first step."""
    return {
        name: Features(split.file_paths, split.labels, split.values * np.float32(1e20), split.photos)
        for name, split in data.items()
    }


DIVERGING = {"optimizer__weight_decay": 0.0, "head__dropout": 0.0}


@pytest.fixture
def optuna_log():
    """What Optuna itself would show."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger("optuna").addHandler(handler)
    yield records
    logging.getLogger("optuna").removeHandler(handler)


def test_diverged_trial_is_recorded_as_failed_and_the_search_goes_on(data, optuna_log, caplog):
    caplog.set_level(logging.INFO)
    result = search(huge(data), 3, tune_params(trials=4, space=RATES, **DIVERGING), ignore_epoch)
    states = dict(zip(result.trials["optimizer.learning_rate"], result.trials["state"], strict=True))
    assert states[1.0] == "fail"
    assert states[1e-6] in {"complete", "pruned"}
    failed = result.trials[result.trials["state"] == "fail"]
    assert failed["val_macro_f1"].isna().all()
    assert result.best == {"optimizer.learning_rate": 1e-6}
    assert not optuna_log  # a traceback of each failed trial
    assert ["fail after 0 epochs, " in message for message in caplog.messages].count(True) == len(failed)


def test_trial_whose_parameters_do_not_go_together_is_recorded_as_failed(fake, caplog):
    fake(lambda _, epoch: epoch / 10)
    choices = {"units": [[8], [8, 4]], "dropout": [0.1, [0.2]]}
    space = {"head": {parameter: {"type": "categorical", "choices": each} for parameter, each in choices.items()}}
    result = search(None, 3, tune_params(trials=12, space=space, head__units=[8]), ignore_epoch)
    together = [len(row["head.units"]) == 1 or row["head.dropout"] == 0.1 for _, row in result.trials.iterrows()]
    assert list(result.trials["state"] != "fail") == together
    assert 0 < sum(together) < 12
    assert any("must be one number or as many as units" in message for message in caplog.messages)


def test_search_of_which_every_trial_fails_says_what_to_do(data):
    only_high = {"optimizer": {"learning_rate": {"type": "categorical", "choices": [1.0]}}}
    with pytest.raises(
        UserError, match=r"Expected at least one of 2 trials.*tune\.space\.optimizer\.learning_rate\.high"
    ):
        search(huge(data), 3, tune_params(trials=2, space=only_high, **DIVERGING), ignore_epoch)


@pytest.mark.parametrize(
    ("objective", "best"), [("val_loss", min), ("val_macro_f1", max), ("val_accuracy", max), ("val_auc", max)]
)
def test_losses_are_minimised_and_scores_maximised(fake, objective, best):
    fake(lambda dropout, _: dropout, objective)
    result = search({}, 3, tune_params(trials=6, objective=objective, space=DROPOUT), ignore_epoch)
    complete = result.trials[result.trials["state"] == "complete"]
    assert result.best["head.dropout"] == best(complete["head.dropout"])
    assert complete[objective].tolist() == complete["head.dropout"].tolist()


def test_trial_is_judged_at_its_best_epoch(fake):
    fake(lambda _, epoch: [0.2, 0.9, 0.1][epoch])
    result = search({}, 3, tune_params(trials=1, space=DROPOUT), ignore_epoch)
    assert result.trials["val_macro_f1"].tolist() == [0.9]
    assert result.trials["epochs"].tolist() == [3]


def test_trials_score_validation_only_and_all_share_the_seed(fake):
    fits = fake()
    search({}, 3, tune_params(seed=7, trials=2, space=DROPOUT), ignore_epoch)
    assert [(seed, scored) for _, seed, scored in fits.calls] == [(7, ("val",)), (7, ("val",)), (7, ("train", "val"))]


def test_hopeless_trials_are_pruned_before_their_last_epoch(fake):
    fake(lambda dropout, epoch: (1 - dropout) * (1 + epoch / 100))
    params = tune_params(trials=20, space=DROPOUT, epochs=27)
    result = search({}, 3, params, ignore_epoch)
    pruned = result.trials[result.trials["state"] == "pruned"]
    assert len(pruned) > 0
    assert (pruned["epochs"] < 27).all()
    assert (result.trials.loc[result.trials["state"] == "complete", "epochs"] == 27).all()


def test_whole_numbers_stay_whole(fake):
    fits = fake()
    space = {"batch_size": {"type": "int", "low": 4, "high": 64, "log": True}}
    result = search({}, 3, tune_params(space=space, trials=3), ignore_epoch)
    assert all(isinstance(value, int) and 4 <= value <= 64 for value in result.trials["batch_size"].tolist())
    assert [params.batch_size for params, _, _ in fits.calls[:3]] == result.trials["batch_size"].tolist()


def test_study_has_a_fixed_name(fake, monkeypatch):
    """Hyperband assigns brackets from it, so that a random name would search another way each time."""
    names = []

    def create_study(*, study_name, create=optuna.create_study, **options):
        names.append(study_name)
        return create(study_name=study_name, **options)

    fake()
    monkeypatch.setattr(optuna, "create_study", create_study)
    search({}, 3, tune_params(trials=1, space=DROPOUT), ignore_epoch)
    assert set(names) == {"tune"}


def test_other_errors_are_not_taken_for_failed_trials(monkeypatch):
    def fit_head(*_, **__):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(module, "fit_head", fit_head)
    with pytest.raises(ZeroDivisionError):
        search({}, 3, tune_params(trials=1, space=DROPOUT), ignore_epoch)


def test_one_epoch_can_be_searched(fake):
    fake()
    result = search({}, 3, tune_params(trials=3, space=DROPOUT, epochs=1), ignore_epoch)
    assert result.trials["epochs"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("cores", [1, 3])
def test_search_is_the_same_on_any_number_of_cores(data, monkeypatch, cores):
    params = tune_params(trials=5, concurrent_trials=3)
    monkeypatch.setattr(module, "available_cores", lambda: cores)
    result = search(data, 3, params, ignore_epoch)
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    pd.testing.assert_frame_equal(result.trials, search(data, 3, params, ignore_epoch).trials, check_exact=True)


class CutError(Exception):
    """In place of a kill."""


@pytest.mark.parametrize("done", [0, 1, 4, 8])
def test_search_that_was_cut_off_goes_on_and_comes_to_the_same(fake, monkeypatch, tmp_path, done):
    params = tune_params(trials=9, space=DROPOUT, concurrent_trials=2)
    fake(lambda dropout, epoch: dropout * (epoch + 1))
    whole = search({}, 3, params, ignore_epoch)
    fits = fake(lambda dropout, epoch: dropout * (epoch + 1))
    lock = threading.Lock()

    def cut(*arguments, **options):
        with lock:
            if len(fits.calls) == done:
                raise CutError
        return fits(*arguments, **options)

    monkeypatch.setattr(module, "fit_head", cut)
    with pytest.raises(CutError):
        module.search({}, 3, params, ignore_epoch, tmp_path / "journal.log")
    rest = fake(lambda dropout, epoch: dropout * (epoch + 1))
    result = module.search({}, 3, params, ignore_epoch, tmp_path / "journal.log")
    pd.testing.assert_frame_equal(result.trials, whole.trials, check_exact=True)
    assert result.best == whole.best
    assert len(rest.calls) <= 9 - done + 2 + 1  # those in flight are run again; and the best


def test_trials_of_another_sampler_in_the_journal_are_run_again(fake, tmp_path):
    fake()
    params = tune_params(trials=5, space=DROPOUT)
    whole = search({}, 3, params, ignore_epoch)
    other = params.model_copy(update={"sampler": "random"})
    module.search({}, 3, other, ignore_epoch, tmp_path / "journal.log")
    result = module.search({}, 3, params, ignore_epoch, tmp_path / "journal.log")
    pd.testing.assert_frame_equal(result.trials, whole.trials, check_exact=True)


def test_grid_ends_when_every_point_is_tried(fake):
    fake()
    space = {"head": {"dropout": {"type": "float", "low": 0.0, "high": 0.5, "step": 0.25}}}
    result = search({}, 3, tune_params(trials=10, space=space, sampler="grid"), ignore_epoch)
    assert sorted(result.trials["head.dropout"]) == [0.0, 0.25, 0.5]
    assert result.best == {"head.dropout": 0.5}


def test_parameters_that_were_tried_to_the_end_are_not_fitted_again(fake):
    """Of one point in the space every trial is a repetition; only those too near the first to know it are fitted."""
    fit = fake(lambda _, epoch: (0.4, 0.9, 0.7)[epoch])
    space = {"head": {"dropout": {"type": "categorical", "choices": [0.3]}}}
    found = search({}, 3, tune_params(trials=5, space=space, concurrent_trials=2, epochs=3), ignore_epoch)
    assert len(fit.calls) == 2 + 1  # and the best once more
    assert found.trials["state"].tolist() == ["complete"] * 5
    assert found.trials["epochs"].tolist() == [3] * 5
    assert found.trials["val_macro_f1"].tolist() == [0.9] * 5


def test_search_that_fails_ends_its_other_trials(monkeypatch):
    """One trial has a defect; another would go on for an hour."""
    started = threading.Event()

    def fit_head(_splits, _n_classes, params, _seed, on_epoch, **_options):
        if params.batch_size == 1:
            started.wait(10)
            raise ZeroDivisionError("a defect")
        started.set()
        for epoch in range(36_000):
            time.sleep(0.1)
            on_epoch(epoch, {"val_macro_f1": 0.5})

    monkeypatch.setattr(module, "fit_head", fit_head)
    monkeypatch.setattr(module, "available_cores", lambda: 2)
    monkeypatch.setattr(module, "with_parameters", lambda base, _: base.model_copy(update={"batch_size": next(sizes)}))
    sizes = iter([1, 2])
    before = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        search({}, 3, tune_params(trials=2, space=DROPOUT), ignore_epoch)
    assert time.monotonic() - before < 60
