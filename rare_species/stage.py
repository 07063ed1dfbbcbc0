"""What every stage script does around its own work: arguments, params, log, errors and the exit code."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from rare_species.errors import UserError
from rare_species.params_file import load_params
from rare_species.paths import Paths
from rare_species.terminal import log_handler, printable_lines

P = TypeVar("P")
INTERRUPTED = 130  # what a shell gives a program that Ctrl-C stopped
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stage(Generic[P]):
    """A stage as its script declares it.

    Attributes:
        name: as in dvc.yaml.
        description: the script's docstring, shown by `--help`.
        params: dataclass with one field per section of params.yaml that the stage reads.
        run: does the work; returns figures worth a line in the log.
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
            0 when the outputs are complete, 1 when the user has something to mend, 130 after Ctrl-C.
        """
        args = self._parse(argv)
        logging.basicConfig(level=logging.INFO, handlers=[log_handler(self.name)])
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notices about this machine are not news
        start = time.monotonic()
        try:
            summary = self.run(load_params(args.params, self.params), Paths())
        except UserError as error:
            return self._fail(str(error))
        except OSError as error:
            return self._fail(describe_os_error(error))
        except KeyboardInterrupt:
            self._fail("interrupted; nothing half-written is left")
            return INTERRUPTED
        figures = ", ".join(f"{key} {value}" for key, value in summary.items())
        log.info("%s (%.1f s)", figures, time.monotonic() - start)
        return 0

    def _parse(self, argv: Sequence[str] | None) -> argparse.Namespace:
        parser = argparse.ArgumentParser(
            prog=f"python -m stages.{self.name}",
            description=self.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="default: params.yaml")
        return parser.parse_args(argv)

    def _fail(self, message: str) -> int:
        print(printable_lines(f"{self.name}: {message}"), file=sys.stderr)
        return 1


def describe_os_error(error: OSError) -> str:
    """Say in one sentence what the system refused and what to do."""
    where = f" {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"The disk is full: could not write{where}. Free some space and run again."
    if isinstance(error, FileNotFoundError):
        return f"Expected a file at{where}. Received: nothing there. Run the stage that writes it first: dvc repro."
    return f"Could not read or write{where}: {error.strerror or error}."


def available_cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
