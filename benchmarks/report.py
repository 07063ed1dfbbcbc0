"""The table of all benchmarks, below what it was measured on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path

from rare_species.common.cores import available_cores

HEADER = ("what", "against", "wanted", "measured", "note", "command")
ESCAPED = r"\|"  # a bar inside a cell
LIBRARIES = ("tensorflow", "keras", "numpy", "pillow", "optuna", "keras-tuner", "dvc")


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what: is measured.
        against: what it is compared with.
        wanted: of the ratio, such as "≥ 3×".
        measured: the median, and the range of the rounds.
        note: what stands in the way, or what else should be known.
    """

    what: str
    against: str
    wanted: str
    measured: str
    note: str = ""


def print_rows(rows: Sequence[Row]) -> int:
    """What a benchmark says that runs alone; an exit code of 0."""
    for row in rows:
        note = f" ({row.note})" if row.note else ""
        print(f"{row.what}, against {row.against}: {row.measured}; wanted: {row.wanted}{note}")
    return 0


def render(title: str, rows: Iterable[tuple[Row, str]]) -> str:
    """Write the page in Markdown.

    Args:
        title: what was run.
        rows: each with the command that measures it alone.
    """
    lines = [HEADER, tuple("---" for _ in HEADER), *((*astuple(row), f"`{command}`") for row, command in rows)]
    table = "\n".join(f"| {' | '.join(cell.replace('|', ESCAPED) for cell in line)} |" for line in lines)
    return f"# Benchmarks\n\n{title}\n\n{describe_here()}\n\n{table}\n"


def read_rows(page: str) -> list[tuple[Row, str]]:
    """Read the rows that `render` wrote; none when they were measured elsewhere or with other libraries."""
    if describe_here() not in page:
        return []
    lines = [line for line in page.splitlines() if line.startswith("| ")][2:]
    cells = ([cell.replace(ESCAPED, "|") for cell in line[2:-2].split(" | ")] for line in lines)
    return [(Row(*row), command.strip("`")) for *row, command in cells]


def describe_here() -> str:
    """What the figures hold for."""
    return f"* Machine: {describe_machine()}\n* Versions: {describe_versions()}"


def describe_machine() -> str:
    """Cores, the processor's model and memory; nothing that names this one machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{available_cores()} cores, {_processor()}, {memory:.0f} GiB of memory"


def describe_versions() -> str:
    """Of Python and of the libraries that the time is spent in."""
    return ", ".join([f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in LIBRARIES)])


def in_one_line(error: BaseException) -> str:
    """Why a benchmark failed, for a cell of the table."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else f"{text[:159]}…"


def run_alone(rows: Callable[[], Sequence[Row]]) -> None:
    """Measure and print, then leave."""
    sys.exit(print_rows(rows()))


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
