"""What stages and commands do around their own work: arguments, errors, signals and exit codes; no TensorFlow."""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn, TextIO

from rare_species.common.errors import UserError
from rare_species.common.failures import describe_failure
from rare_species.common.terminal import log_handler, printable_lines

MEND = 1
DEBUG = "RARE_SPECIES_DEBUG"  # in the environment, so that the stages that DVC starts see it too
_STOPPED = 128  # and the signal's number: what a shell gives a program that a signal stopped
PATIENCE_S = 3  # with threads that are at work when a command has failed: a photo takes less
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Parser(argparse.ArgumentParser):
    """One with --debug, and whose own errors have the exit code of all mistakes; argparse's 2 would say something else.

    Args:
        mistake: that exit code.
        options: see `argparse.ArgumentParser`.
    """

    def __init__(self, *, mistake: int = MEND, **options: Any) -> None:
        super().__init__(**options)
        self.mistake = mistake
        self.add_argument("--debug", action=_Debug, help=f"show where an error came from; {DEBUG}=1 does so everywhere")

    def error(self, message: str) -> NoReturn:
        """Print how the command is used and what is wrong."""
        self.print_usage(sys.stderr)
        self.exit(self.mistake, f"{re.split(r'[. ]', self.prog)[-1]}: {message}\n")


class _Debug(argparse.Action):
    """Sets the environment variable; parsed arguments have no such name."""

    def __init__(self, option_strings: list[str], dest: str, **options: Any) -> None:
        del dest
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **options)

    def __call__(self, *_: Any) -> None:
        os.environ[DEBUG] = "1"


def run_command(
    name: str, work: Callable[[], int], mistake: int = MEND, unread: int = 0, interrupted: str = "interrupted"
) -> int:
    """Do the work; a mistake of the user's is one message, and the log goes to standard error.

    Args:
        name: of the command, before its messages and in its log.
        work: returns the exit code.
        mistake: exit code when the user has something to mend.
        unread: exit code when nobody reads the output to its end, as `head` does not.
        interrupted: message after a signal.

    Returns:
        One of these, or 130 after Ctrl-C, 143 after SIGTERM and 129 after SIGHUP.
    """
    before = set(threading.enumerate())
    make_streams_safe()
    _start_log(name)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's notices about this machine are not news
    with _stoppable() as signals:
        try:
            code = work()
            sys.stdout.flush()  # here an error still has a message
            return code
        except (Exception, KeyboardInterrupt) as error:
            # Libraries may make another error of an interrupt, or pass over it: what comes later is told then
            if isinstance(error, KeyboardInterrupt) or (signals and not isinstance(error, UserError)):
                code = _fail(name, interrupted, _STOPPED + (signals or [signal.SIGINT])[0])
            elif isinstance(error, BrokenPipeError):
                _drop(sys.stdout)
                code = unread
            elif message := describe_failure(error):
                code = _fail(name, message, mistake)
            else:
                raise
            _end_if_stuck(code, before)
            return code


def _start_log(name: str) -> None:
    """What this project's own code reports goes to standard error, and of libraries what they warn of."""
    logging.basicConfig(level=logging.WARNING, handlers=[log_handler(name)])
    for own in ("rare_species", "stages", "benchmarks", "__main__"):
        logging.getLogger(own).setLevel(logging.INFO)


def make_streams_safe() -> None:
    """Let printing never fail: streams that are closed lead nowhere, and letters they do not know are escaped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one: else a file would
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, unless they are ignored, as under nohup; yields those that came.

    A second one does not stop what cleans up after the first: `timeout` sends each twice, and people press twice.
    """
    received: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1 or sys.exception() is None:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only there Python can handle signals
        yield received
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heeded = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    try:
        for number in heeded:
            signal.signal(number, interrupt)
        yield received
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def _fail(name: str, message: str, code: int) -> int:
    try:
        if debugging():
            traceback.print_exc()
        print(printable_lines(f"{name}: {message}"), file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:
        _drop(sys.stdout)
    return code


def _end_if_stuck(code: int, before: set[threading.Thread]) -> None:
    """End the process if a thread that the work began hangs, in a read for instance: Python would wait for it."""
    until = time.monotonic() + PATIENCE_S
    with suppress(KeyboardInterrupt):
        while _at_work(before) and time.monotonic() < until:  # one that is half started can't be joined
            time.sleep(0.02)
    if _at_work(before):
        os._exit(code)


def _at_work(before: set[threading.Thread]) -> bool:
    return any(thread not in before and not thread.daemon for thread in threading.enumerate())


def debugging() -> bool:
    """Whether a person wishes to see where errors come from."""
    return os.environ.get(DEBUG, "0") not in ("", "0")


def _drop(stream: TextIO) -> None:
    """Nobody takes what is still to be printed there: Python would complain about it as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
