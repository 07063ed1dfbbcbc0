"""Trials: what they try, what each may know, and the journal from which a killed search goes on."""

from datetime import datetime

import pytest
from optuna.trial import TrialState

from rare_species.params.tune import TuneParams
from rare_species.tune.trials import Journal, finished, parameters_of, propose
from tests.damage import list_damages
from tests.unit.tf_fixtures import fit_params

DROPOUT = {"type": "float", "low": 0.0, "high": 0.9}
NUMBERS = {"head.dropout": DROPOUT, "label_smoothing": {"type": "float", "low": 0.0, "high": 0.2}}
LAYERS = {
    "head.units": {
        "type": "layers",
        "at_least": 0,
        "each": [{"type": "int", "low": 16, "high": 64, "step": 16}, {"type": "categorical", "choices": [4, 8]}],
    },
    "head.dropout": {"type": "layers", "as_many_as": "head.units", "each": [DROPOUT, {**DROPOUT, "step": 0.3}]},
    "optimizer.name": {"type": "categorical", "choices": ["adam", "sgd"]},
}
GRID = {
    "batch_size": {"type": "int", "low": 8, "high": 24, "step": 8},
    "head.units": {"type": "categorical", "choices": [[], [8]]},
}


def tune_params(space, sampler="tpe", seed=0, epochs=9):
    return TuneParams(
        trials=10,
        concurrent_trials=2,
        objective="val_macro_f1",
        sampler=sampler,
        pruning={"name": "hyperband", "min_epochs": 1, "factor": 3},
        base=fit_params(epochs=epochs).model_dump(),
        space=space,
        seed=seed,
    )


def run_all(params, count, value=lambda parameters: parameters["head.dropout"]):
    """Trials one after the other, each of which knows all before it."""
    over = []
    for _ in range(count):
        trial = propose(over, params)
        parameters = parameters_of(trial.study.trials[trial.number], params.space)
        trial.report(value(parameters), 1)
        trial.should_prune()  # notes how far it came
        over.append(finished(trial, datetime.now(), TrialState.COMPLETE, value(parameters)))
    return over


def tried(trials):
    return [trial.params for trial in trials]


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes"])
def test_same_seed_and_past_give_the_same_trials(sampler):
    first, same = (tried(run_all(tune_params(NUMBERS, sampler), 14)) for _ in range(2))
    assert first == same
    assert len({params["head.dropout"] for params in first}) == 14
    assert tried(run_all(tune_params(NUMBERS, sampler, seed=1), 3)) != first[:3]


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_trials_follow_what_was_good(sampler):
    """Both go where the objective is high; a sampler that ignored it would stay near the middle."""
    trials = run_all(tune_params({"head.dropout": DROPOUT, **NUMBERS}, sampler, epochs=1), 50)
    assert sum(trial.params["head.dropout"] for trial in trials[-10:]) / 10 > 0.7


def test_trial_that_may_not_be_known_is_known_by_what_it_tries():
    params = tune_params(NUMBERS)
    over = run_all(params, 11)
    running = propose(over, params)
    trial = propose([*over, running.study.trials[11]], params)
    assert trial.number == 12
    assert [one.state for one in trial.study.trials[-2:]] == [TrialState.RUNNING] * 2
    assert trial.study.trials[11].params == running.params


def test_grid_tries_every_point_once():
    points = [
        (parameters["batch_size"], tuple(parameters["head.units"]))
        for parameters in (
            parameters_of(trial, tune_params(GRID, "grid").space)
            for trial in run_all(tune_params(GRID, "grid"), 6, lambda parameters: parameters["batch_size"])
        )
    ]
    assert sorted(points) == [(size, units) for size in (8, 16, 24) for units in ((), (8,))]


def test_layers_have_a_number_for_each_layer():
    params = tune_params(LAYERS)
    trials = run_all(params, 30, lambda parameters: len(parameters["head.units"]))
    found = [parameters_of(trial, params.space) for trial in trials]
    assert {len(parameters["head.units"]) for parameters in found} == {0, 1, 2}
    for parameters in found:
        assert len(parameters["head.dropout"]) == len(parameters["head.units"])
        assert all(units in (16, 32, 48, 64) for units in parameters["head.units"][:1])
        assert all(units in (4, 8) for units in parameters["head.units"][1:])
        assert all(round(dropout / 0.3, 9) in (0, 1, 2, 3) for dropout in parameters["head.dropout"][1:])


def test_as_many_layers_as_are_asked_for_are_no_parameter():
    space = {"head.units": {**LAYERS["head.units"], "at_least": 2}}
    trial = propose([], tune_params(space))
    assert sorted(trial.params) == ["head.units.1", "head.units.2"]


def test_worse_trials_are_pruned_by_those_they_may_know():
    params = tune_params(NUMBERS)
    good = run_all(params, 20, lambda _: 0.9)
    alone, beside = propose([], params), propose(good, params)
    for trial in (alone, beside):
        trial.report(0.1, 1)
    assert beside.should_prune()
    assert not alone.should_prune()


def test_journal_gives_back_what_was_written(tmp_path):
    params = tune_params(LAYERS)
    over = run_all(params, 3, lambda parameters: len(parameters["head.units"]))
    journal = Journal(tmp_path / "new" / "journal.log", params)
    for trial in reversed(over):
        journal.add(trial)
    read = Journal(tmp_path / "new" / "journal.log", params).read()
    assert sorted(read) == [0, 1, 2]
    for trial in over:
        same = read[trial.number]
        assert (same.params, same.value, same.state) == (trial.params, trial.value, trial.state)
        assert same.intermediate_values == trial.intermediate_values
        assert same.duration == trial.duration
        assert parameters_of(same, params.space) == parameters_of(trial, params.space)


def test_journal_that_was_torn_is_read_up_to_there(tmp_path):
    params, file = tune_params(NUMBERS), tmp_path / "journal.log"
    over = run_all(params, 3)
    journal = Journal(file, params)
    journal.add(over[0])
    whole = file.stat().st_size
    journal.add(over[1])
    with file.open("r+b") as stream:
        stream.truncate(whole + 20)
    torn = Journal(file, params)
    assert list(torn.read()) == [0]
    torn.add(over[2])
    assert sorted(Journal(file, params).read()) == [0, 2]


@pytest.fixture
def written(tmp_path):
    """Trials that are over, and their journal."""
    params, file = tune_params(NUMBERS), tmp_path / "journal.log"
    over = run_all(params, 3)
    journal = Journal(file, params)
    for trial in over:
        journal.add(trial)
    return params, file, over


def read_damaged(file, data, params):
    """Values by number."""
    file.write_bytes(data)
    return {number: trial.value for number, trial in Journal(file, params).read().items()}


def test_damaged_journal_gives_back_what_is_whole_and_nothing_else(written):
    params, file, over = written
    whole, values = file.read_bytes(), {trial.number: trial.value for trial in over}
    lines = whole.splitlines(keepends=True)
    damages = list_damages(whole, ".log") | {
        "a line missing": b"".join([*lines[:2], *lines[3:]]),
        "a line twice": b"".join([*lines[:2], *lines[1:]]),
        "lines swapped": b"".join([lines[0], lines[2], lines[1], *lines[3:]]),
        "its first line missing": b"".join(lines[1:]),
        "other values": whole.replace(b'"values":[0.', b'"values":[9.'),
    }
    for name, data in damages.items():
        assert read_damaged(file, data, params).items() <= values.items(), name


def test_every_bit_of_a_journal_counts(written, caplog):
    params, file, _ = written
    whole = file.read_bytes()
    for place in range(0, len(whole) - 1, 41):
        before, data = whole[:place].count(b"\n"), bytearray(whole)
        data[place] ^= 1
        caplog.clear()
        assert len(read_damaged(file, bytes(data), params)) == max(0, before - 1)  # the first line is the study
        (message,) = caplog.messages
        assert message == f"{file} is damaged on line {before + 1}: the search goes on from what is before it"


def test_journal_of_another_search_is_not_taken_up(written, tmp_path):
    params, file, _ = written
    assert read_damaged(tmp_path / "other.log", file.read_bytes(), params) == {}


def test_search_goes_on_behind_what_was_damaged(written):
    params, file, over = written
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], b"nonsense\n", *lines[3:]]))
    journal = Journal(file, params)
    assert list(journal.read()) == [0]
    journal.add(over[2])
    assert sorted(Journal(file, params).read()) == [0, 2]
