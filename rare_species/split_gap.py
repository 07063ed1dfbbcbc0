"""How much a split flatters: scores of runs whose test photos differ, `python -m rare_species.split_gap BASE OTHER...`.

Each run is a git revision, a DVC experiment or "workspace"; `experiments/splits.sh` makes three and compares them. No
two are measured on the same photos, so intervals are unpaired: the photos of every run are resampled on their own.
Photos that two runs share make the interval of their difference wider than it need be. What training once more would
change is in none of them.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species.bootstrap import interval, resample_within_classes
from rare_species.errors import UserError
from rare_species.paths import Paths
from rare_species.revisions import Revision, find_revision, read_run

RESAMPLES = 10_000
METRICS = ("macro F1", "accuracy")
Samples = NDArray[np.float64]  # shape (RESAMPLES + 1,): a metric of all photos, then of every sample


@dataclass(frozen=True)
class SplitRun:
    """What a run was trained and tested on, and what it said.

    Attributes:
        name: of the run.
        file_paths: text array of shape (n,), the test photos.
        families: text array of shape (n,), the true ones.
        predicted: text array of shape (n,).
        counts: species and images of every family, see `splitting.count_families`.
    """

    name: str
    file_paths: NDArray[np.str_]
    families: NDArray[np.str_]
    predicted: NDArray[np.str_]
    counts: pd.DataFrame

    def only(self, photos: NDArray[np.bool_]) -> SplitRun:
        """The same run on some of its test photos."""
        texts = {name: getattr(self, name)[photos] for name in ("file_paths", "families", "predicted")}
        return replace(self, **texts)


def read_split_run(revision: Revision) -> SplitRun:
    """Read what a run's champion said of its test photos.

    Raises:
        UserError: when the revision does not hold a finished run.
    """
    photos = read_run(revision).photos
    table = revision.read(Paths().plots("split") / "families.csv")
    return SplitRun(
        name=revision.name,
        file_paths=np.asarray(photos.file_paths, dtype=str),
        families=np.asarray(photos.families, dtype=str),
        predicted=np.asarray(photos.predicted, dtype=str),
        counts=pd.read_csv(io.StringIO(table), index_col="family"),
    )


def sample_scores(run: SplitRun, families: Sequence[str], seed: int) -> dict[str, Samples]:
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
    """A table of the runs' scores over some families, each with its difference to the first run.

    Args:
        runs: see `sample_scores`.
        families: those averaged over.
    """
    width = max(len(run.name) for run in runs)
    columns = "".join(f"  {metric:20}  {'difference':26}" for metric in METRICS)
    lines = [f"{'run':{width}}  train  test{columns}"]
    base = sample_scores(runs[0], families, seed=0)
    for seed, run in enumerate(runs):
        found = sample_scores(run, families, seed)
        cells = [
            f"  {_span(found[metric]):20}  {_difference(found[metric] - base[metric]) if seed else '':26}"
            for metric in METRICS
        ]
        trained, tested = run.counts.loc[list(families), "train"].sum(), np.isin(run.families, families).sum()
        lines.append(f"{run.name:{width}}  {trained:5}  {tested:4}{''.join(cells)}")
    return "\n".join(line.rstrip() for line in lines)


def report(runs: Sequence[SplitRun]) -> str:
    """Tables over all families and, where a run holds species out, over the families that it does so for.

    Raises:
        UserError: when the runs are not on the same families.
    """
    families = list(runs[0].counts.index)
    for run in runs:
        if strangers := set(run.counts.index).symmetric_difference(families):
            raise UserError(
                f"Expected runs on the same families. Received: {min(strangers)} in only one of {runs[0].name} and "
                f"{run.name}. Name runs on one archive."
            )
    parts = [f"{len(families)} families, 95 % intervals\n{describe(runs, families)}"]
    several = [family for family in families if any(run.counts.loc[family, "held_out_species"] for run in runs)]
    if several:
        holder = next(run.name for run in runs if run.counts["held_out_species"].any())
        parts.append(f"the {len(several)} of them that {holder} holds species out of\n{describe(runs, several)}")
    return "\n\n".join(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        0 when all runs were read, 1 when the user has something to mend.
    """
    parser = argparse.ArgumentParser(prog="python -m rare_species.split_gap", description=__doc__)
    parser.add_argument("base", help="the run that the others are compared with: a git revision or an experiment")
    parser.add_argument("others", nargs="+", metavar="other", help="runs on the same archive, split in another way")
    args = parser.parse_args(argv)
    try:
        print(report([read_split_run(find_revision(name, Path())) for name in (args.base, *args.others)]))
    except UserError as error:
        print(f"split_gap: {error}", file=sys.stderr)
        return 1
    return 0


def _span(samples: Samples) -> str:
    low, high = np.clip(interval(samples[0], samples[1:]), 0.0, 1.0)
    return f"{samples[0]:.3f} ({low:.3f}–{high:.3f})"


def _difference(samples: Samples) -> str:
    low, high = interval(samples[0], samples[1:])
    return f"{samples[0]:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    sys.exit(main())
