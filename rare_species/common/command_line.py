"""What all stages and commands share: arguments, error messages, signals and exit codes; no TensorFlow."""

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
from rare_species.common.system_errors import describe_failure
from rare_species.common.terminal import log_handler, printable_lines

MEND = 1
DEBUG = "RARE_SPECIES_DEBUG"  # an environment variable, so that stages started by DVC see it too
_STOPPED = 128  # plus the signal's number: the exit code by which shells report a program that a signal stopped
PATIENCE_S = 3  # how long a failed command waits for its threads; reading a photo takes less
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Parser(argparse.ArgumentParser):
    """Argument parser with --debug. After wrong arguments it exits with the command's code for mistakes, not with 2.

    Args:
        mistake: the command's exit code for mistakes of the user.
        options: passed to `argparse.ArgumentParser`.
    """

    def __init__(self, *, mistake: int = MEND, **options: Any) -> None:
        super().__init__(**options)
        self.mistake = mistake
        self.add_argument("--debug", action=_Debug, help=f"show where an error came from; {DEBUG}=1 does so everywhere")

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, and exit."""
        self.print_usage(sys.stderr)
        self.exit(self.mistake, f"{re.split(r'[. ]', self.prog)[-1]}: {message}\n")


class _Debug(argparse.Action):
    """Set the environment variable; the parsed arguments stay as they are."""

    def __init__(self, option_strings: list[str], dest: str, **options: Any) -> None:
        del dest
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **options)

    def __call__(self, *_: Any) -> None:
        os.environ[DEBUG] = "1"


def run_command(
    name: str, work: Callable[[], int], mistake: int = MEND, unread: int = 0, interrupted: str = "interrupted"
) -> int:
    """Run a command's work; turn mistakes and signals into one message and an exit code.

    Args:
        name: the command's name, with which messages and log lines begin.
        work: does the work and returns the exit code.
        mistake: exit code after a mistake of the user.
        unread: exit code when the reader of the output stops early, as `head` does.
        interrupted: message after a signal.

    Returns:
        One of these exit codes, or 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
    """
    before = set(threading.enumerate())
    make_streams_safe()
    _start_log(name)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # hides TensorFlow's notices about this machine
    with _stoppable() as signals:
        try:
            code = work()
            sys.stdout.flush()  # while an error can still be reported
            return code
        except (Exception, KeyboardInterrupt) as error:
            # Libraries may replace an interrupt by an error of their own, or swallow it and fail later
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
    """Log to standard error: everything from this project's code, and warnings from libraries."""
    logging.basicConfig(level=logging.WARNING, handlers=[log_handler(name)])
    for own in ("rare_species", "stages", "benchmarks", "__main__"):
        logging.getLogger(own).setLevel(logging.INFO)


def make_streams_safe() -> None:
    """Make printing safe: closed streams discard text, and characters that a stream can't encode are escaped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes this number, so that no file gets it
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, unless they are ignored, as under nohup; yield the signals received.

    A second signal does not stop the clean-up after the first: `timeout` sends each twice, and people press twice.
    """
    received: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1 or sys.exception() is None:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # Python handles signals in the main thread only
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
    """Exit the process if a thread of the work hangs, for instance in a read: Python would wait for it forever."""
    until = time.monotonic() + PATIENCE_S
    with suppress(KeyboardInterrupt):
        while _at_work(before) and time.monotonic() < until:  # polling, because a half-started thread can't be joined
            time.sleep(0.02)
    if _at_work(before):
        os._exit(code)


def _at_work(before: set[threading.Thread]) -> bool:
    return any(thread not in before and not thread.daemon for thread in threading.enumerate())


def debugging() -> bool:
    """Return whether --debug or the environment asks for tracebacks."""
    return os.environ.get(DEBUG, "0") not in ("", "0")


def _drop(stream: TextIO) -> None:
    """Discard what is still to be printed to a stream that nobody reads; Python would fail on it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
