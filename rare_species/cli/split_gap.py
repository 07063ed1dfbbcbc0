"""Measure how much a split flatters a model: `python -m rare_species split-gap BASE OTHER...`.

Compares the metrics of runs on the same archive that are split differently. Each run is a git revision, a DVC
experiment or "workspace"; `experiments/splits.sh` makes three runs and compares them.

The runs are measured on different test photos, so the intervals are unpaired: the photos of each run are resampled on
their own. If two runs share photos, the interval of their difference is wider than it need be. No interval includes
the variation between repeated trainings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rare_species.common.command_line import Parser, run_command
from rare_species.common.terminal import printable_lines
from rare_species.compare.runs import find_revision
from rare_species.compare.split_gap import read_split_run, tabulate_runs


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables that compare the runs.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        0 if all runs were read, 1 if the user has something to mend, 130 after Ctrl-C.
    """
    parser = Parser(prog="python -m rare_species split-gap", description=__doc__)
    parser.add_argument("base", help="the run that the others are compared with: a git revision or an experiment")
    parser.add_argument("others", nargs="+", metavar="other", help="runs on the same archive with another split")
    parser.add_argument("--model", choices=("champion", "train", "tune"), default="champion", help="default: champion")
    args = parser.parse_args(argv)
    return run_command("split-gap", lambda: _print_report((args.base, *args.others), args.model))


def _print_report(names: Sequence[str], model: str) -> int:
    chosen = None if model == "champion" else model
    print(printable_lines(tabulate_runs([read_split_run(find_revision(name, Path()), chosen) for name in names])))
    return 0
