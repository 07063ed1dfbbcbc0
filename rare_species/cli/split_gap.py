"""How much a split flatters: scores of runs whose test photos differ, `python -m rare_species split-gap BASE OTHER...`.

Each run is a git revision, a DVC experiment or "workspace"; `experiments/splits.sh` makes three and compares them. No
two are measured on the same photos, so intervals are unpaired: the photos of every run are resampled on their own.
Photos that two runs share make the interval of their difference wider than it need be. What training once more would
change is in none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rare_species.common.command import Parser, run_command
from rare_species.common.terminal import printable_lines
from rare_species.compare.runs import find_revision
from rare_species.compare.split_gap import read_split_run, tabulate_runs


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        0 when all runs were read, 1 when the user has something to mend, 130 after Ctrl-C.
    """
    parser = Parser(prog="python -m rare_species split-gap", description=__doc__)
    parser.add_argument("base", help="the run that the others are compared with: a git revision or an experiment")
    parser.add_argument("others", nargs="+", metavar="other", help="runs on the same archive, split in another way")
    parser.add_argument("--model", choices=("champion", "train", "tune"), default="champion", help="default: champion")
    args = parser.parse_args(argv)
    return run_command("split-gap", lambda: _print_report((args.base, *args.others), args.model))


def _print_report(names: Sequence[str], model: str) -> int:
    chosen = None if model == "champion" else model
    print(printable_lines(tabulate_runs([read_split_run(find_revision(name, Path()), chosen) for name in names])))
    return 0
