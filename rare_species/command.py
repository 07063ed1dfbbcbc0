"""What commands for a person do around their own work: wrong arguments, errors and exit codes; no TensorFlow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from rare_species.errors import UserError
from rare_species.stage import INTERRUPTED, describe_os_error
from rare_species.terminal import escape_what_cannot_be_encoded, printable_lines

MEND = 1


class Parser(argparse.ArgumentParser):
    """One whose own errors have the exit code of all mistakes; argparse's 2 would say something else here.

    Args:
        mistake: that exit code.
        options: see `argparse.ArgumentParser`.
    """

    def __init__(self, *, mistake: int = MEND, **options: Any) -> None:
        super().__init__(**options)
        self.mistake = mistake

    def error(self, message: str) -> NoReturn:
        """Print how the command is used and what is wrong."""
        self.print_usage(sys.stderr)
        self.exit(self.mistake, f"{self.prog.rpartition('.')[2]}: {message}\n")


def run_command(name: str, work: Callable[[], int], mistake: int = MEND, unread: int = 0) -> int:
    """Do the work; a mistake of the user's is one message.

    Args:
        name: of the command, before its messages.
        work: returns the exit code.
        mistake: exit code when the user has something to mend.
        unread: exit code when nobody reads the output to its end, as `head` does not.

    Returns:
        One of these, or 130 after Ctrl-C.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notices about this machine are not news
    escape_what_cannot_be_encoded()
    try:
        return work()
    except UserError as error:
        return _fail(name, str(error), mistake)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return unread
    except OSError as error:
        return _fail(name, describe_os_error(error), mistake)
    except KeyboardInterrupt:
        return _fail(name, "interrupted", INTERRUPTED)


def _fail(name: str, message: str, code: int) -> int:
    print(printable_lines(f"{name}: {message}"), file=sys.stderr)
    return code
