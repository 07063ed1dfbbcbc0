"""Run the benchmarks one after the other and write benchmarks/results.md.

Run from the repository root: `make bench`, or `make bench-full METADATA=path/to/metadata.csv`; below these,
`python -m benchmarks.run [--full] [--metadata CSV] [--photos 1000 11983 47932]`. Each runs in a process of its own, and
one that fails has its reason in the table instead of a figure.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.report import Row, in_one_line, render
from benchmarks.scale import PHOTOS
from rare_species.command import run_command

RESULTS = Path("benchmarks/results.md")
log = logging.getLogger("bench")


@dataclass(frozen=True)
class Benchmark:
    """A module with a function `rows() -> list[Row]`.

    Attributes:
        name: of the module, below benchmarks/.
        arguments: of `rows`.
    """

    name: str
    arguments: tuple[Any, ...] = ()

    @property
    def command(self) -> str:
        """What measures this one alone."""
        return f"python -m benchmarks.{self.name}"

    def measure(self) -> list[Row]:
        """Its rows; one that says why, when there is no figure."""
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            try:
                return pool.submit(rows_of, self.name, self.arguments).result()
            except Exception as error:  # whatever it is, the others go on
                return [Row(self.name, "–", "–", f"failed: {in_one_line(error)}")]


# benchmarks.tuner, stage tune against KerasTuner, takes half an hour a search and is run alone
QUICK = tuple(Benchmark(name) for name in ("preprocess", "clean", "embed", "head", "fine_tuning", "convnext"))


def rows_of(name: str, arguments: tuple[Any, ...]) -> list[Row]:
    """Measure one benchmark in this process."""
    rows: list[Row] = importlib.import_module(f"benchmarks.{name}").rows(*arguments)
    return rows


def full_scale(metadata: Path | None, photos: Sequence[int]) -> tuple[Benchmark, ...]:
    """Those that run the whole pipeline on many photos."""
    return Benchmark("full_scale", (metadata,)), Benchmark("scale", (metadata, tuple(photos)))


def write_results(benchmarks: Sequence[Benchmark], title: str, file: Path) -> int:
    """Measure, and write the table after each benchmark, so that one which is stopped leaves the others' figures.

    Returns:
        1 when one of them failed, else 0.
    """
    rows: list[tuple[Row, str]] = []
    for benchmark in benchmarks:
        log.info("%s", benchmark.command)
        rows += [(row, benchmark.command) for row in benchmark.measure()]
        file.write_text(render(title, rows), encoding="utf-8")
    return int(any(row.measured.startswith("failed") for row, _ in rows))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write.

    Args:
        argv: arguments; those of the process when None.

    Returns:
        0, or 1 when a benchmark failed.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run")
    parser.add_argument("--full", action="store_true", help="also run the whole pipeline on many photos")
    parser.add_argument("--metadata", type=Path, help="metadata.csv of the real photos; default: made-up rows")
    parser.add_argument("--photos", type=int, nargs="+", default=PHOTOS, help="of the full run, three numbers or more")
    knobs = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    benchmarks, title = QUICK, "`make bench`: medians of five rounds, in which both sides take turns, and their range."
    if knobs.full:
        benchmarks += full_scale(knobs.metadata, knobs.photos)
        source = "as in the metadata of the real photos" if knobs.metadata else "made up"
        numbers = ", ".join(f"{number:,}" for number in knobs.photos)
        title = f"{title} `make bench-full`, with families and bursts {source}: {numbers} photos."
    return run_command("bench", lambda: write_results(benchmarks, title, RESULTS))


if __name__ == "__main__":
    sys.exit(main())
