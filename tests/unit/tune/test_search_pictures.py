"""Pictures of a search: same size and bytes, no crash with few or failed trials, and what they show."""

from datetime import datetime, timedelta

import numpy as np
import optuna
import pytest
from matplotlib.colors import to_hex
from optuna.trial import TrialState, create_trial
from PIL import Image
from pydantic import TypeAdapter

from rare_species.params.search_space import Distribution
from rare_species.tune import figures
from tests.toy import snapshot

RATE = {"type": "float", "low": 0.0001, "high": 0.01, "log": True}
DISTRIBUTIONS = {
    "head.units": {"type": "layers", "at_least": 0, "each": [{"type": "int", "low": 8, "high": 64, "step": 8}] * 2},
    "optimizer.learning_rate": RATE,
    "optimizer.name": {"type": "categorical", "choices": ["adam", "sgd"]},
}
SPACE = TypeAdapter(dict[str, Distribution]).validate_python(DISTRIBUTIONS)
PARAMETERS = figures.list_parameters(SPACE)
DRAWN = {
    "head.units.layers": optuna.distributions.IntDistribution(0, 2),
    "head.units.1": optuna.distributions.IntDistribution(8, 64, step=8),
    "head.units.2": optuna.distributions.IntDistribution(8, 64, step=8),
    "optimizer.learning_rate": optuna.distributions.FloatDistribution(0.0001, 0.01, log=True),
    "optimizer.name": optuna.distributions.CategoricalDistribution(['"adam"', '"sgd"']),
}
SIZES = {"history": (900, 500), "importances": (900, 600), "slices": (1200, 650), "parallel": (1300, 600)}
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def make_study(*trials, direction="maximize"):
    """A study of trials given as state and value; more layers and other rates from one to the next."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study, start = optuna.create_study(direction=direction), datetime(2024, 1, 1)
    for number, (state, value) in enumerate(trials):
        layers = number % 3
        given = {
            "head.units.layers": layers,
            "optimizer.learning_rate": 0.0001 * (1 + 9 * number % 80),
            "optimizer.name": ['"adam"', '"sgd"'][number % 2],
            **{f"head.units.{layer}": 8 * layer for layer in range(1, layers + 1)},
        }
        trial = create_trial(
            state=state,
            value=value,
            params=given,
            distributions={name: DRAWN[name] for name in given},
            user_attrs={"number": number, "epochs": number},
        )
        trial.datetime_start, trial.datetime_complete = start, start + timedelta(seconds=2 * number)
        study.add_trial(trial)
    return study


def many(count, shift=0.0):
    """Trials of all states, and values that follow a wave."""
    states = [COMPLETE, COMPLETE, PRUNED, FAIL, COMPLETE]
    chosen = [states[number % 5] for number in range(count)]
    return [(state, None if state is FAIL else np.sin(number) + shift) for number, state in enumerate(chosen)]


STUDIES = {
    "many": many(30),
    "other": many(11, shift=1000.0),
    "one": [(COMPLETE, 0.5)],
    "all alike": [(COMPLETE, 0.5)] * 5,
    "none complete": [(PRUNED, 0.5), (FAIL, None)],
    "none": [],
}


def draw(study, folder):
    figures.draw_search(study, SPACE, "val_loss", folder)
    return folder


@pytest.mark.parametrize("trials", STUDIES.values(), ids=STUDIES)
def test_every_search_is_drawn_in_the_same_size(trials, tmp_path):
    draw(make_study(*trials), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*figures.FILES} - {"curves.png"}
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert image.size == SIZES.get(path.stem, (900, 400))


def test_same_search_gives_the_same_bytes_and_another_other_ones(tmp_path):
    first, same = (snapshot(draw(make_study(*many(12)), tmp_path / name)) for name in "ab")
    other = snapshot(draw(make_study(*many(12)[1:]), tmp_path / "c"))
    assert first == same
    assert not set(first.values()) & set(other.values())


def test_nothing_searched_is_drawn_under_the_same_names(tmp_path):
    figures.draw_nothing("tune.trials is 0", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*figures.FILES, "trials.csv"])


def test_clock_changes_no_picture_but_that_of_the_seconds(tmp_path):
    studies = [make_study(*many(6)) for _ in range(2)]
    slow = studies[1].get_trials(deepcopy=True)
    for trial in slow:
        trial.datetime_complete += timedelta(hours=1)
    later = optuna.create_study(direction="maximize")
    later.add_trials(slow)
    assert snapshot(draw(studies[0], tmp_path / "a")) == snapshot(draw(later, tmp_path / "b"))
    drawn = [figures.trial_seconds(one).axes[0].containers for one in (studies[0], later)]
    heights = [sum(bars.datavalues for bars in states).tolist() for states in drawn]
    assert heights == [[0, 2, 4, 6, 8, 10], [3600, 3602, 3604, 3606, 3608, 3610]]


def test_legend_has_the_colour_of_a_state_that_no_trial_has():
    (axes,) = figures.trial_epochs(make_study((COMPLETE, 1), (COMPLETE, 2))).axes
    handles = axes.get_legend().legend_handles
    assert [to_hex(handle.get_facecolor()) for handle in handles] == [colour for _, colour in figures.STATES.values()]


@pytest.mark.parametrize(("direction", "best"), [("maximize", [1, 3, 3, 3]), ("minimize", [1, 1, 0.5, 0.5])])
def test_history_follows_the_best_of_complete_trials(direction, best):
    study = make_study((COMPLETE, 1), (PRUNED, 9), (COMPLETE, 3), (FAIL, None), (COMPLETE, 0.5), direction=direction)
    (axes,) = figures.history(study, "val_loss").axes
    (line,) = axes.lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([0, 2, 4, 4], best)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["complete (3)", "pruned (1)", "failed (1)", "best so far"]
    assert [points.get_offsets()[:, 0].tolist() for points in axes.collections] == [[0, 2, 4], [1], [3]]


def test_importance_is_that_of_the_parameter_that_decides():
    study = make_study(*[(COMPLETE, float(number % 2)) for number in range(12)])  # the optimizer takes turns
    shares = figures.parameter_shares(study, PARAMETERS)
    assert max(shares, key=shares.__getitem__) == "optimizer.name"
    assert all(0 <= share <= 1 for share in shares.values())


def test_importance_of_trials_all_alike_is_0():
    assert set(figures.parameter_shares(make_study(*[(COMPLETE, 0.5)] * 9), PARAMETERS).values()) == {0}


def test_importance_of_a_parameter_says_how_many_trials_have_it():
    (axes,) = figures.importances(make_study(*many(30)), PARAMETERS, "val_loss").axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert {label for label in labels if "\n" in label} == {
        "head.units.1\nin 12 of 18 trials",
        "head.units.2\nin 6 of 18 trials",
    }
    assert len(axes.patches) == len(PARAMETERS)


@pytest.mark.parametrize(("trials", "parameters"), [(many(5), PARAMETERS), (many(30), PARAMETERS[:1])])
def test_importance_of_too_little_is_a_sentence(trials, parameters):
    (axes,) = figures.importances(make_study(*trials), parameters, "val_loss").axes
    complete = sum(state is COMPLETE for state, _ in trials)
    assert axes.texts[0].get_text() == (
        f"It takes 4 complete trials of 2 parameters to say; there are {complete} of {len(parameters)}."
    )
    assert not axes.patches


def test_slices_have_a_panel_per_parameter_with_the_best_ringed():
    study = make_study((COMPLETE, 1), (COMPLETE, 5), (PRUNED, 9))
    panels = figures.slices(study, PARAMETERS, "val_loss").axes
    assert [axes.get_xlabel() for axes in panels] == [
        "head.units.layers",
        "head.units.1",
        "head.units.2",
        "optimizer.learning_rate (log)",
        "optimizer.name",
    ]
    pruned, complete, best = (points.get_offsets().tolist() for points in panels[4].collections)
    assert (pruned, complete, best) == ([[0.25, 9]], [[0.25, 1], [0.75, 5]], [[0.75, 5]])
    assert [len(points.get_offsets()) for points in panels[2].collections] == [1, 0, 0]  # trial 2 alone has two layers


def test_parallel_lines_end_in_the_value_and_run_below_what_a_trial_lacks():
    study = make_study((COMPLETE, 1), (COMPLETE, 5), direction="minimize")
    (axes,) = figures.parallel(study, PARAMETERS, "val_loss").axes
    worse, better = axes.lines[:2]  # the better one is drawn last
    assert (worse.get_ydata()[-1], better.get_ydata()[-1]) == (1, 0)
    assert better.get_ydata()[1] == figures.ABSENT
    assert [label.get_text() for label in axes.get_xticklabels()][-1] == "val_loss"


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("head.units.layers", 1, 0.5),
        ("head.units.1", 8, 0),
        ("optimizer.learning_rate", 0.001, 0.5),
        ("optimizer.name", '"sgd"', 0.75),
    ],
)
def test_values_have_their_place_on_the_axis(name, value, place):
    (parameter,) = [parameter for parameter in PARAMETERS if parameter.name == name]
    assert parameter.place(value) == pytest.approx(place)
    assert len(parameter.ticks()) in (2, 3)


def test_layers_are_parameters_of_their_own_and_their_number_only_when_it_is_searched():
    each = [{"type": "int", "low": 1, "high": 2}] * 2
    both = {
        "head.units": {"type": "layers", "at_least": 2, "each": each},
        "head.dropout": {"type": "layers", "as_many_as": "head.units", "each": each},
    }
    fixed = figures.list_parameters(TypeAdapter(dict[str, Distribution]).validate_python(both))
    assert [parameter.name for parameter in fixed] == [
        "head.units.1",
        "head.units.2",
        "head.dropout.1",
        "head.dropout.2",
    ]
    assert PARAMETERS[0].name == "head.units.layers"
