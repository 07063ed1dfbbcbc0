"""What commands for a person do around their own work: wrong arguments, errors and exit codes; no TensorFlow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from rare_species.errors import UserError
from rare_species.stage import INTERRUPTED, describe_os_error

MEND = 1


class Parser(argparse.ArgumentParser):
    """One whose own errors have the exit code of all mistakes; argparse's 2 would say something else here."""

    def error(self, message: str) -> NoReturn:
        """Print how the command is used and what is wrong."""
        self.print_usage(sys.stderr)
        self.exit(MEND, f"{self.prog.rpartition('.')[2]}: {message}\n")


def run_command(name: str, work: Callable[[], int]) -> int:
    """Do the work; a mistake of the user's is one message.

    Args:
        name: of the command, before its messages.
        work: returns the exit code.

    Returns:
        That, 1 when the user has something to mend, 130 after Ctrl-C.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notices about this machine are not news
    try:
        return work()
    except UserError as error:
        return _fail(name, str(error))
    except BrokenPipeError:  # whoever reads the output has had enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(name, describe_os_error(error))
    except KeyboardInterrupt:
        _fail(name, "interrupted; nothing half-written is left")
        return INTERRUPTED


def _fail(name: str, message: str) -> int:
    print(f"{name}: {message}", file=sys.stderr)
    return MEND
