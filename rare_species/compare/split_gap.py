"""Compare runs with different test photos, to show how much a split flatters.

The runs are measured on different photos, so their photos are resampled independently, and intervals are unpaired.
Photos that two runs share make the interval of their difference wider than necessary. No interval includes the
variation from training again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.compare.runs import Revision, read_rows, read_run
from rare_species.evaluate.confidence_intervals import degrees_of_freedom, interval, resample_within_classes

RESAMPLES = 10_000
METRICS = ("macro F1", "accuracy")
COUNTS = ("train", "held_out_species")  # columns that are read
Samples = NDArray[np.float64]  # shape (RESAMPLES + 1,): a metric of all photos, then of every sample


@dataclass(frozen=True)
class SplitRun:
    """The training and test photos of a run, and its predictions.

    Attributes:
        name: of the run.
        model: train or tune, whose answers these are.
        file_paths: text array of shape (n,), the test photos.
        families: text array of shape (n,), the true ones.
        predicted: text array of shape (n,).
        counts: columns `COUNTS` of every family, see `assign.count_families`.
    """

    name: str
    model: str
    file_paths: NDArray[np.str_]
    families: NDArray[np.str_]
    predicted: NDArray[np.str_]
    counts: pd.DataFrame

    def only(self, photos: NDArray[np.bool_]) -> SplitRun:
        """Return the same run with only some of its test photos."""
        texts = {name: getattr(self, name)[photos] for name in ("file_paths", "families", "predicted")}
        return replace(self, **texts)


def read_split_run(revision: Revision, model: str | None = None) -> SplitRun:
    """Read what a run's model said of its test photos.

    Args:
        revision: where.
        model: train or tune; the champion when None.

    Raises:
        UserError: when the revision does not hold a finished run, or it has no such model.
    """
    run = read_run(revision, model)
    photos = run.photos
    return SplitRun(
        name=revision.name,
        model=run.model,
        file_paths=np.asarray(photos.file_paths, dtype=str),
        families=np.asarray(photos.families, dtype=str),
        predicted=np.asarray(photos.predicted, dtype=str),
        counts=_read_counts(revision),
    )


def _read_counts(revision: Revision) -> pd.DataFrame:
    path = Paths().plots("split") / "families.csv"
    rows = read_rows(revision.results("split"), path)
    try:
        counts = {row["family"]: [int(row[name]) for name in COUNTS] for row in rows}
        if len(counts) < max(len(rows), 1):
            raise ValueError("no row, or a family twice")
    except (KeyError, ValueError) as error:
        raise UserError(
            f"Expected a table with family, {', '.join(COUNTS)} in {path} of {revision}. Received: {error!r}. "
            "Write it again: make repro"
        ) from error
    return pd.DataFrame.from_dict(counts, orient="index", columns=list(COUNTS)).rename_axis("family")


def sample_family_metrics(run: SplitRun, families: Sequence[str], seed: int) -> dict[str, Samples]:
    """Macro F1 and accuracy of some families, with bootstrap samples.

    F1 counts the photos of other families that are taken for one of these; accuracy is of these families' photos.

    Args:
        run: at least one of its photos is of these families.
        families: those averaged over; those without a test photo are left out.
        seed: of the resampling.
    """
    names, codes = np.unique(np.concatenate([run.families, run.predicted]), return_inverse=True)
    labels, predicted = np.split(codes, 2)
    chosen = np.flatnonzero(np.isin(names, families) & np.isin(names, run.families))
    theirs = np.isin(labels, chosen)
    weights = np.ones((RESAMPLES + 1, len(labels)))
    for number, part in enumerate((theirs, ~theirs)):  # apart, so that their photos count as many in every sample
        weights[1:, part] = resample_within_classes(labels[part], RESAMPLES, 2 * seed + number)
    own, taken = labels[:, None] == chosen, predicted[:, None] == chosen
    hits, support, claims = (weights @ marks for marks in (own & taken, own, taken))
    f1 = 2 * hits / np.where(support + claims > 0, support + claims, 1) * support / own.sum(axis=0)
    accuracy = hits.sum(axis=1) / theirs.sum()
    return dict(zip(METRICS, (f1.mean(axis=1), accuracy), strict=True))


def describe(runs: Sequence[SplitRun], families: Sequence[str]) -> str:
    """A table of the runs' metrics over some families, each with its difference to the first run.

    Args:
        runs: see `sample_family_metrics`.
        families: those averaged over; a difference is fair only where every run has test photos of them.
    """
    width = max(len(run.name) for run in runs)
    columns = "".join(f"  {metric:20}  {'difference':26}" for metric in METRICS)
    lines = [f"{'run':{width}}  model  train  test{columns}"]
    samples = [sample_family_metrics(run, families, seed) for seed, run in enumerate(runs)]
    freedoms = [_freedom(run, families) for run in runs]
    for run, found, freedom in zip(runs, samples, freedoms, strict=True):
        spans = [_span(found[metric], freedom) for metric in METRICS]
        changes = [""] * len(METRICS)
        if run is not runs[0]:
            changes = [_difference(samples[0][metric], found[metric], freedoms[0], freedom) for metric in METRICS]
        cells = [f"  {span:20}  {change:26}" for span, change in zip(spans, changes, strict=True)]
        trained, tested = run.counts.loc[list(families), "train"].sum(), np.isin(run.families, families).sum()
        lines.append(f"{run.name:{width}}  {run.model:5}  {trained:5}  {tested:4}{''.join(cells)}")
    return "\n".join(line.rstrip() for line in lines)


def tabulate_runs(runs: Sequence[SplitRun]) -> str:
    """Tables over the families that every run tests and, of these, over those that a run holds species out of.

    Raises:
        UserError: when the runs are not on the same families, or there is none that all of them test.
    """
    families = list(runs[0].counts.index)
    for run in runs:
        if strangers := set(run.counts.index).symmetric_difference(families):
            raise UserError(
                f"Expected runs on the same families. Received: {min(strangers)} in only one of {runs[0].name} and "
                f"{run.name}. Name runs on one archive."
            )
    tested = [family for family in families if all(family in run.families for run in runs)]
    if not tested:
        raise UserError(
            f"Expected a family with test photos in every run. Received: none of {len(families)}, in "
            f"{', '.join(run.name for run in runs)}. Name runs that test the same families."
        )
    heading = f"{len(tested)} of {len(families)} families, those that every run tests; 95 % intervals"
    return "\n\n".join([f"{heading}\n{describe(runs, tested)}", *_describe_held_out(runs, tested)])


def _describe_held_out(runs: Sequence[SplitRun], tested: Sequence[str]) -> Iterator[str]:
    """A table for the first run that holds species out, if there is one."""
    holder = next((run for run in runs if run.counts["held_out_species"].any()), None)
    if holder is None:
        return
    theirs = [family for family in tested if holder.counts.loc[family, "held_out_species"]]
    if theirs:
        yield f"the {len(theirs)} of them that {holder.name} holds species out of\n{describe(runs, theirs)}"
    else:
        yield f"None of them is a family that {holder.name} holds species out of."


def _freedom(run: SplitRun, families: Sequence[str]) -> float:
    tested = run.families[np.isin(run.families, families)]
    return degrees_of_freedom(np.unique(tested, return_inverse=True)[1])


def _span(samples: Samples, freedom: float) -> str:
    low, high = np.clip(interval(samples[0], samples[1:], freedom), 0.0, 1.0)
    return f"{samples[0]:.3f} ({low:.3f}–{high:.3f})"


def _difference(base: Samples, other: Samples, freedom_of_base: float, freedom_of_other: float) -> str:
    """With the degrees of freedom of Welch's test."""
    one, two, samples = base[1:].var(), other[1:].var(), other - base
    both = one**2 / freedom_of_base + two**2 / freedom_of_other
    low, high = interval(samples[0], samples[1:], (one + two) ** 2 / both if both else np.inf)
    return f"{samples[0]:+.3f} ({low:+.3f} to {high:+.3f})"
