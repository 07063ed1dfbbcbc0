"""The code that runs in worker processes; it imports almost nothing, because each of them imports it."""

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
    """Apply a function to a chunk of items."""
    return [function(item) for item in items]


def follow_parent() -> None:
    """Prepare a worker: it ends when its parent ends, even if that was killed, and leaves Ctrl-C to the parent.

    It also leaves the log line about fonts to the parent, which knows all names and says it once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("rare_species.figures.fonts").setLevel(logging.ERROR)
    threading.Thread(target=_end_after, args=(parent_process(),), daemon=True).start()


def _end_after(process: BaseProcess) -> None:
    process.join()
    os._exit(1)
