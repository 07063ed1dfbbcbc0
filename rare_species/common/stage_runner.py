"""The runner of all stage scripts: arguments, parameters, log, lock, errors and exit code."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from rare_species.common.command_line import MEND, Parser, run_command
from rare_species.common.errors import UserError
from rare_species.common.locking import alone, is_taken
from rare_species.common.paths import Paths
from rare_species.common.read_params import PARAMS, load_params

P = TypeVar("P")
WRONG_ARGUMENTS = 2


# The stages whose outputs each stage reads; a contract test keeps this equal to dvc.yaml
READS: Mapping[str, tuple[str, ...]] = {
    "unzip": (),
    "clean": ("unzip",),
    "split": ("clean",),
    "preprocess": ("unzip", "split"),
    "embed": ("split", "preprocess"),
    "train": ("split", "preprocess", "embed"),
    "tune": ("split", "preprocess", "embed"),
    "evaluate": ("clean", "split", "preprocess", "embed", "train", "tune"),
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stage(Generic[P]):
    """A stage, declared by its script.

    Attributes:
        name: the stage's name in dvc.yaml.
        description: the script's docstring, which `--help` prints.
        params: dataclass with one field per section of params.yaml that the stage reads.
        run: does the work; returns figures for the last line of the log.
    """

    name: str
    description: str
    params: type[P]
    run: Callable[[P, Paths], dict[str, Any]]

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Run the stage from the command line.

        Args:
            argv: arguments; those of the process when None.

        Returns:
            0 when the outputs are complete, 1 after a mistake of the user, 128 plus its number after a signal.
        """
        args = self._parse(argv)
        interrupted = "interrupted; nothing half-written is left"
        return run_command(self.name, lambda: self._work(args.params), unread=MEND, interrupted=interrupted)

    def _work(self, file: Path) -> int:
        start, paths = time.monotonic(), Paths()
        params = load_params(file, self.params)
        with alone(paths.metrics(self.name)):  # a second run of the stage fails at once, not after hours
            # Only now that the lock is held: of two stages that start together, at least one sees the other
            _refuse_beside(self.name, paths)
            summary = self.run(params, paths)
        figures = ", ".join(f"{key} {value}" for key, value in summary.items())
        log.info("%s (%.1f s)", figures, time.monotonic() - start)
        return 0

    def _parse(self, argv: Sequence[str] | None) -> argparse.Namespace:
        parser = Parser(
            mistake=WRONG_ARGUMENTS,
            prog=f"python -m stages.{self.name}",
            description=self.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--params", type=Path, default=Path(PARAMS), help=f"default: {PARAMS}")
        return parser.parse_args(argv)


def _refuse_beside(name: str, paths: Paths) -> None:
    """Refuse to run while another stage writes what this stage reads, or reads what it writes."""
    readers = (other for other, read in READS.items() if name in read)
    for other in (*READS[name], *readers):
        if is_taken(paths.metrics(other)):
            clash = f"writes what {name} reads" if other in READS[name] else f"reads what {name} writes"
            raise UserError(
                f"Expected no run beside {name} of a stage that {clash}. Received: {other}, which is running. "
                "Wait until it has ended, or end it, and run again."
            )
