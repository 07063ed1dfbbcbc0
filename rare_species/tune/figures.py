"""Pictures of a search. Their sizes depend only on the search space, and only `trial_seconds` depends on the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from optuna.importance import FanovaImportanceEvaluator
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from rare_species.figures.contact_sheet import contact_sheet
from rare_species.figures.style import ACCENT, INK, QUIET, WARM, save_png
from rare_species.params.search_space import Choices, Distribution, Layers, Range
from rare_species.tune.trials import EPOCHS

FILES = ("history.png", "importances.png", "slices.png", "parallel.png", "epochs.png", "curves.png")
STATES = {
    TrialState.COMPLETE: ("complete", ACCENT),
    TrialState.PRUNED: ("pruned", WARM),
    TrialState.FAIL: ("failed", "#b5554d"),
}
MIN_COMPLETE_TRIALS = 4  # complete trials that are needed to compute importances
PANELS_PER_ROW = 4  # panels in a row
ABSENT = -0.15  # place, in parallel coordinates, of parameters that a trial does not have


@dataclass(frozen=True)
class SearchedParameter:
    """A searched parameter, as an axis from 0 to 1.

    Attributes:
        name: its name in `trial.params`.
        distribution: the distribution that trials draw from.
    """

    name: str
    distribution: Range | Choices

    @property
    def label(self) -> str:
        """The name, and the scale of the axis if it is not linear."""
        return f"{self.name} (log)" if isinstance(self.distribution, Range) and self.distribution.log else self.name

    def place(self, value: Any) -> float:
        """Return the place of a value on the axis."""
        drawn = self.distribution
        if isinstance(drawn, Choices):
            return (drawn.texts.index(value) + 0.5) / len(drawn.choices)
        scale = np.log if drawn.log else float
        return float((scale(value) - scale(drawn.low)) / (scale(drawn.high) - scale(drawn.low)))

    def ticks(self) -> dict[float, str]:
        """Return labels by place: every choice, or both ends and the middle."""
        drawn = self.distribution
        if isinstance(drawn, Choices):
            return {self.place(choice): choice.replace('"', "") for choice in drawn.texts}
        middle = (drawn.low * drawn.high) ** 0.5 if drawn.log else (drawn.low + drawn.high) / 2
        values = (drawn.low, round(middle) if drawn.type == "int" else middle, drawn.high)
        return {self.place(value): f"{value:.2g}" if value < 1 else f"{value:.4g}" for value in values}


def list_parameters(space: Mapping[str, Distribution]) -> list[SearchedParameter]:
    """List everything that a trial may draw, even if no trial did; see `trials.propose`."""
    return [
        SearchedParameter(part, drawn)
        for name, distribution in space.items()
        for part, drawn in _parts(name, distribution)
    ]


def _parts(parameter: str, distribution: Distribution) -> Iterator[tuple[str, Range | Choices]]:
    if isinstance(distribution, Layers):
        yield from distribution.depth(parameter)
        yield from distribution.layers(parameter)
    else:
        yield parameter, distribution


def draw_search(study: optuna.Study, space: Mapping[str, Distribution], objective: str, folder: Path) -> None:
    """Write all of `FILES` but the curves.

    Args:
        study: the finished trials, in order.
        space: the search space.
        objective: name of the metric that is searched for.
        folder: folder for the pictures.
    """
    parameters = list_parameters(space)
    save_png(history(study, objective), folder / "history.png")
    save_png(importances(study, parameters, objective), folder / "importances.png")
    save_png(slices(study, parameters, objective), folder / "slices.png")
    save_png(parallel(study, parameters, objective), folder / "parallel.png")
    save_png(trial_epochs(study), folder / "epochs.png")


def draw_nothing(reason: str, folder: Path) -> None:
    """Write `FILES` with the reason in place of a picture, and a table without trials."""
    (folder / "trials.csv").write_text("trial,state,epochs\n", encoding="utf-8")
    for name in FILES:
        save_png(contact_sheet([], [], f"tune: nothing was searched, for {reason}"), folder / name)


def history(study: optuna.Study, objective: str) -> Figure:
    """Draw the value of each trial, and the best complete trial so far."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for state, (name, colour) in STATES.items():
        trials = [trial for trial in study.trials if trial.state is state]
        numbers = [trial.number for trial in trials]
        label = f"{name} ({len(trials)})"
        if state is TrialState.FAIL:  # failed trials have no value: a cross on the axis
            crosses = axes.get_xaxis_transform()
            axes.scatter(numbers, [0.02] * len(trials), s=30, color=colour, marker="x", transform=crosses, label=label)
        else:
            axes.scatter(numbers, _values(trials), s=24, color=colour, linewidths=0, label=label, zorder=2)
    complete = _complete(study)
    if complete:
        better = np.minimum if study.direction is StudyDirection.MINIMIZE else np.maximum
        best = better.accumulate(_values(complete))
        places = [trial.number for trial in complete] + [len(study.trials) - 1]
        axes.step(places, [*best, best[-1]], where="post", color=INK, linewidth=1, label="best so far", zorder=1)
    axes.set(title=f"tune: {objective} of each trial", ylabel=objective)
    _number_trials(axes, len(study.trials))
    return figure


def importances(study: optuna.Study, parameters: Sequence[SearchedParameter], objective: str) -> Figure:
    """Draw the share of variance that each parameter explains where trials have it (fANOVA, Hutter et al., 2014)."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=f"tune: what decides {objective}")
    complete = _complete(study)
    if len(complete) < MIN_COMPLETE_TRIALS or len(parameters) < 2:
        there_are = f"there are {len(complete)} of {len(parameters)}"
        axes.text(
            0.5,
            0.5,
            f"It takes {MIN_COMPLETE_TRIALS} complete trials of 2 parameters to say; {there_are}.",
            ha="center",
        )
        axes.set_axis_off()
        return figure
    shares = parameter_shares(study, parameters)
    names = sorted((parameter.name for parameter in parameters), key=lambda name: (shares[name], name))
    axes.barh(range(len(names)), [shares[name] for name in names], color=ACCENT, height=0.8)
    counts = [sum(name in trial.params for trial in complete) for name in names]
    partly = ["" if count == len(complete) else f"\nin {count} of {len(complete)} trials" for count in counts]
    labels = [name + note for name, note in zip(names, partly, strict=True)]
    axes.set_yticks(range(len(names)), labels, fontsize=8)
    axes.set(xlabel=f"share of the importance, by {len(complete)} complete trials", xlim=(0, 1))
    return figure


def parameter_shares(study: optuna.Study, parameters: Sequence[SearchedParameter]) -> dict[str, float]:
    """Compute each parameter's importance in [0, 1], by name; 0 when too few complete trials have it.

    Args:
        study: a study with complete trials.
        parameters: the parameters; one that only some trials have is judged by those trials.
    """
    complete = _complete(study)
    common = [parameter.name for parameter in parameters if all(parameter.name in trial.params for trial in complete)]
    shares = _importance(study, common)
    for name in [parameter.name for parameter in parameters if parameter.name not in common]:
        shares[name] = _importance(study, [*common, name]).get(name, 0.0)
    return shares


def _importance(study: optuna.Study, names: list[str]) -> dict[str, float]:
    trials = [trial for trial in _complete(study) if set(names) <= set(trial.params)]
    if len(trials) < MIN_COMPLETE_TRIALS or not names:
        return dict.fromkeys(names, 0.0)
    evaluator = FanovaImportanceEvaluator(seed=0)
    try:
        found = optuna.importance.get_param_importances(study, evaluator=evaluator, params=names)
    except RuntimeError:  # all trials have the same value, or the same parameters
        return dict.fromkeys(names, 0.0)
    return {name: float(share) for name, share in found.items()}


def slices(study: optuna.Study, parameters: Sequence[SearchedParameter], objective: str) -> Figure:
    """Draw the value against each parameter, one panel each; the best trial has a ring."""
    rows = -(-len(parameters) // PANELS_PER_ROW)
    figure = Figure(figsize=(12, 3 * rows + 0.5), layout="constrained")
    figure.suptitle(f"tune: {objective} against each parameter")
    for number, parameter in enumerate(parameters, start=1):
        axes = figure.add_subplot(rows, PANELS_PER_ROW, number)
        for state in (TrialState.PRUNED, TrialState.COMPLETE):
            _scatter(axes, parameter, [trial for trial in study.trials if trial.state is state], STATES[state])
        best = [study.best_trial] if _complete(study) else []
        theirs = [trial for trial in best if parameter.name in trial.params]
        places = [parameter.place(trial.params[parameter.name]) for trial in theirs]
        axes.scatter(places, _values(theirs), s=70, facecolors="none", edgecolors=INK, label="best")
        axes.set(xlim=(-0.06, 1.06), ylabel="" if (number - 1) % PANELS_PER_ROW else objective)
        axes.set_xlabel(parameter.label, fontsize=9)
        axes.set_xticks(list(parameter.ticks()), list(parameter.ticks().values()), fontsize=8)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower right", ncols=3, frameon=False, fontsize=8)
    return figure


def _scatter(axes: Axes, parameter: SearchedParameter, trials: Sequence[FrozenTrial], style: tuple[str, str]) -> None:
    shown = [trial for trial in trials if parameter.name in trial.params]
    places = [parameter.place(trial.params[parameter.name]) for trial in shown]
    axes.scatter(places, _values(shown), s=16, color=style[1], linewidths=0, label=style[0])


def parallel(study: optuna.Study, parameters: Sequence[SearchedParameter], objective: str) -> Figure:
    """Draw parallel coordinates: one line per complete trial, the better the darker."""
    figure = Figure(figsize=(13, 6), layout="constrained")
    axes = figure.add_subplot()
    trials = _complete(study)
    heights, goodness, ends = _heights(study, trials)
    for place in np.argsort(goodness, kind="stable"):  # the best on top
        drawn = trials[place].params
        line = [
            parameter.place(drawn[parameter.name]) if parameter.name in drawn else ABSENT for parameter in parameters
        ]
        colour = colormaps["Blues"](0.25 + 0.75 * goodness[place])
        axes.plot([*line, heights[place]], color=colour, linewidth=1.5, alpha=0.8)
    partly = [any(parameter.name not in one.params for one in trials) for parameter in parameters]
    ticks = [
        parameter.ticks() | ({ABSENT: "none"} if some else {})
        for parameter, some in zip(parameters, partly, strict=True)
    ]
    for column, labels in enumerate([*ticks, ends]):
        axes.axvline(column, color=QUIET, linewidth=1, zorder=0)
        for height, label in labels.items():
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 1}
            axes.text(column + 0.03, height, label, fontsize=7, va="center", color=INK, bbox=box, parse_math=False)
    names = [parameter.label for parameter in parameters] + [objective]
    axes.set_xticks(range(len(names)), names, rotation=20, ha="right", fontsize=8)
    axes.set(title="tune: parameters of the complete trials, the better the darker", yticks=[], frame_on=False)
    axes.set(xlim=(-0.1, len(parameters) + 0.5), ylim=((ABSENT if any(partly) else 0) - 0.05, 1.05))
    return figure


def _heights(
    study: optuna.Study, trials: Sequence[FrozenTrial]
) -> tuple[NDArray[np.float64], NDArray[np.float64], dict[float, str]]:
    """Scale values to heights from 0 to 1; return these, the goodness (1 is best) and labels by height."""
    values = _values(trials)
    if not len(values):
        return values, values, {}
    low, high = values.min(), values.max()
    if low == high:
        return np.full_like(values, 0.5), np.ones_like(values), {0.5: f"{low:.4g}"}
    heights = (values - low) / (high - low)
    goodness = 1 - heights if study.direction is StudyDirection.MINIMIZE else heights
    return heights, goodness, {0.0: f"{low:.4g}", 1.0: f"{high:.4g}"}


def trial_epochs(study: optuna.Study) -> Figure:
    """Draw the epochs of each trial: the cost of the search in a unit that does not depend on the machine."""
    counts = [trial.user_attrs[EPOCHS] for trial in study.trials]
    return _bars(study, counts, "epochs", f"tune: {sum(counts)} epochs in {len(counts)} trials")


def trial_seconds(study: optuna.Study) -> Figure:
    """Draw the seconds of each trial; they differ between runs, so this is no output of the pipeline."""
    seconds = [trial.duration.total_seconds() if trial.duration else 0.0 for trial in study.trials]
    return _bars(study, seconds, "seconds", f"tune: {sum(seconds):.0f} seconds in {len(seconds)} trials, some at once")


def _bars(study: optuna.Study, heights: Sequence[float], what: str, title: str) -> Figure:
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.add_subplot()
    for state, (name, colour) in STATES.items():
        own = [trial.state is state for trial in study.trials]
        axes.bar(range(len(own)), np.where(own, heights, 0), color=colour, label=f"{name} ({sum(own)})")
    axes.set(title=title, ylabel=what)
    axes.set_ylim(bottom=0)
    _number_trials(axes, len(heights))
    return figure


def _number_trials(axes: Axes, count: int) -> None:
    """Label the axis of trials, and put the legend beside the axes, where it hides no point."""
    axes.set(xlabel="trial", xlim=(-1, max(count, 1)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return [trial for trial in study.trials if trial.state is TrialState.COMPLETE]


def _values(trials: Sequence[FrozenTrial]) -> NDArray[np.float64]:
    return np.array([trial.value for trial in trials], dtype=np.float64)
