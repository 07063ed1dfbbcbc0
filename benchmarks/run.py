"""Run benchmarks one after the other and write their rows into benchmarks/results.md.

Run from the repository root: `make bench`, or `make bench-full METADATA=path/to/metadata.csv`; below these,
`python -m benchmarks.run [NAME ...] [--metadata CSV] [--photos 1000 11983 47932] [--seeds 3]`. Each benchmark runs in a
process of its own, and one that fails has its reason in the table instead of a figure. Rows of benchmarks that are not
run stay, if they were measured on such a machine with the same libraries.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.report import Row, in_one_line, read_rows, render
from benchmarks.scale import PHOTOS
from benchmarks.tuner_scores import SEEDS, number_of_seeds
from rare_species.common.command_line import Parser, run_command

COMMAND = "python -m benchmarks."
RESULTS = Path("benchmarks/results.md")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Benchmark:
    """A module with a function `rows() -> list[Row]`.

    Attributes:
        name: of the module, below benchmarks/.
        arguments: of `rows`.
        options: that stand for these on the command line.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What measures this one alone."""
        return " ".join([COMMAND + self.name, *self.options])

    def measure(self) -> list[Row]:
        """Its rows; one that says why, when there is no figure."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            try:
                return pool.submit(rows_of, self.name, self.arguments).result()
            except Exception as error:  # whatever it is, the others go on
                return [Row(self.name, "–", "–", f"failed: {in_one_line(error)}")]


QUICK = ("preprocess", "clean", "embed", "head", "fine_tuning", "convnext")
FULL = ("tuner", "full_scale", "scale")
ORDER = (*QUICK, *FULL, "tuner_scores")
TITLE = """`make bench` measures the rows down to ConvNeXt: medians of five rounds, in which both sides take turns, and
their range; seconds more are a difference of medians. `make bench-full` measures all rows but the last, in about an
hour; the last takes another. The photos are drawn by this project, with families and bursts as in the metadata of the
real photos if it is given that; where memory and time of a stage are compared, they are small, as only their number
matters there."""


def rows_of(name: str, arguments: tuple[Any, ...]) -> list[Row]:
    """Measure one benchmark in this process."""
    rows: list[Row] = importlib.import_module(f"benchmarks.{name}").rows(*arguments)
    return rows


def write_results(benchmarks: Sequence[Benchmark], file: Path) -> int:
    """Measure, and write the table after each benchmark, so that one which is stopped leaves the others' figures.

    Returns:
        1 when one of them failed, else 0.
    """
    kept = read_rows(file.read_text(encoding="utf-8")) if file.is_file() else []
    failed = False
    for benchmark in benchmarks:
        log.info("%s", benchmark.command)
        rows = benchmark.measure()
        failed |= any(row.measured.startswith("failed") for row in rows)
        others = [(row, command) for row, command in kept if _name_in(command) in set(ORDER) - {benchmark.name}]
        added = [(row, benchmark.command) for row in rows]
        kept = sorted(others + added, key=lambda pair: ORDER.index(_name_in(pair[1])))
        file.write_text(render(TITLE, kept), encoding="utf-8")
    return int(failed)


def _name_in(command: str) -> str:
    return command.removeprefix(COMMAND).partition(" ")[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write.

    Args:
        argv: arguments; those of the process when None.

    Returns:
        0, or 1 when a benchmark failed.
    """
    parser = Parser(prog="python -m benchmarks.run")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ORDER)}; default: all but the last four")
    parser.add_argument("--full", action="store_true", help="all but the last, whatever is named")
    parser.add_argument("--metadata", type=Path, help="metadata.csv of the real photos; default: made-up rows")
    parser.add_argument("--photos", type=int, nargs="+", default=PHOTOS, help="of scale, three numbers or more")
    parser.add_argument("--seeds", type=number_of_seeds, default=SEEDS, help=f"of tuner_scores; default: {SEEDS}")
    parameters = parser.parse_args(argv)
    names = QUICK + FULL if parameters.full else parameters.names or QUICK
    unknown = sorted(set(names) - set(ORDER))
    if unknown:
        parser.error(f"expected names of benchmarks: {', '.join(ORDER)}. Received: {', '.join(unknown)}")
    source = ("--metadata", parameters.metadata.name) if parameters.metadata else ()
    asked = {
        "tuner": ((parameters.metadata,), source),
        "full_scale": ((parameters.metadata,), source),
        "scale": ((parameters.metadata, tuple(parameters.photos)), (*source, "--photos", *map(str, parameters.photos))),
        "tuner_scores": ((parameters.metadata, parameters.seeds), (*source, "--seeds", str(parameters.seeds))),
    }
    benchmarks = [Benchmark(name, *asked.get(name, ())) for name in names]
    return run_command("bench", lambda: write_results(benchmarks, RESULTS))


if __name__ == "__main__":
    sys.exit(main())
