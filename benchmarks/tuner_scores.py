"""Compare what the report's search finds with what KerasTuner's Hyperband finds, over three seeds.

Run from the repository root: `python -m benchmarks.tuner_scores [--metadata CSV] [--seeds 3]`; about an hour on two
cores. The searches are those of benchmarks/tuner.py, as many at once as there are cores: their time does not count.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import mean, stdev

from benchmarks.photos import full_scale_archive
from benchmarks.report import Row, print_rows
from benchmarks.tuner import SIDES, run_apart
from benchmarks.workspace import ran_on
from rare_species.common.cores import available_cores

SEEDS = 3


def rows(metadata: Path | None = None, seeds: int = SEEDS) -> list[Row]:
    """Best validation accuracy of both sides.

    Args:
        metadata: of the real photos; None for made-up rows.
        seeds: how many searches of each, two or more.
    """
    workspace = ran_on(full_scale_archive(metadata))
    with ThreadPoolExecutor(available_cores()) as searches:
        runs = list(searches.map(lambda asked: run_apart(asked[0], asked[1], workspace), product(SIDES, range(seeds))))
    ours, theirs = runs[:seeds], runs[seeds:]
    return [
        Row(
            f"best validation accuracy of the report's search, {seeds} seeds",
            "KerasTuner's",
            "not below, beyond seeds' noise",
            f"{_in_words(ours)}; {_in_words(theirs)}",
            "mean and standard deviation; epochs of all trials",
        )
    ]


def _in_words(runs: list[dict[str, float]]) -> str:
    best, epochs = ([run[name] for run in runs] for name in ("best", "epochs"))
    each = ", ".join(f"{score:.3f}" for score in best)
    return f"{mean(best):.3f} ± {stdev(best):.3f} ({each}) in {mean(epochs):.0f} epochs"


def number_of_seeds(text: str) -> int:
    """Read a number of seeds: one has no deviation."""
    number = int(text)
    if number < 2:
        raise argparse.ArgumentTypeError(f"expected two seeds or more. Received: {text}")
    return number


def main() -> int:
    """Search and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadata", type=Path, help="metadata.csv of the real photos; default: made-up rows")
    parser.add_argument("--seeds", type=number_of_seeds, default=SEEDS, help=f"searches of each side; default: {SEEDS}")
    parameters = parser.parse_args()
    return print_rows(rows(parameters.metadata, parameters.seeds))


if __name__ == "__main__":
    sys.exit(main())
