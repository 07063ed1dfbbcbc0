"""What runs in the other processes of `parallel`; it imports next to nothing, for each of them imports it."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def apply(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Apply a function to some items."""
    return [function(item) for item in items]


def follow_parent() -> None:
    """End when the process that started this one ends, even if it was killed; Ctrl-C, which both get, is its affair.

    So is to say which fonts draw what: it knows all names, and should say it once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("rare_species.figures.fonts").setLevel(logging.ERROR)
    threading.Thread(target=_end_after, args=(parent_process(),), daemon=True).start()


def _end_after(process: BaseProcess) -> None:
    process.join()
    os._exit(1)
