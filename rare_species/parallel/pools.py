"""Parallel work: in processes with a progress bar, in threads ahead of the consumer, or in one process beside this one.

Results come in the order of the items.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, util
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from tqdm import tqdm

from rare_species.common.command_line import SIGNALS
from rare_species.common.cores import available_cores
from rare_species.common.errors import UserError
from rare_species.common.system_errors import out_of_memory
from rare_species.common.terminal import printable
from rare_species.parallel import worker

Item = TypeVar("Item")
Result = TypeVar("Result")
START_METHOD = "forkserver"  # a plain fork can hang when TensorFlow's threads run
MOST_STREAMS = 8  # each needs memory for a batch's activations
AHEAD = 16  # chunks per process that are computed before anybody asks for them
LONGEST_TMPDIR = 70  # bytes; Python appends up to 32
CHUNK = 16  # items per task: few enough to share evenly, enough to hide the cost of passing them


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], description: str, workers: int
) -> Generator[Result, None, None]:
    """Apply a function to every item, in several processes.

    Args:
        function: a picklable function without side effects, not defined in the running script.
        items: the function's arguments.
        description: label of the progress bar.
        workers: largest number of processes; work for only one is done in this process.

    Yields:
        Results in the order of `items`, whatever the number of workers.

    Raises:
        UserError: when the memory is too small for some items.
    """
    processes = min(workers, -(-len(items) // CHUNK))
    results = _map_here(function, items) if processes <= 1 else _map_apart(function, items, processes)
    with tqdm(total=len(items), desc=description, unit="image", mininterval=1.0) as progress:
        try:
            for result in results:
                progress.update()
                yield result
        finally:
            results.close()


def _map_here(function: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result, None, None]:
    for item in items:
        try:
            result = function(item)
        except MemoryError as error:
            raise UserError(out_of_memory(f"The memory is full{_between([item])}.")) from error
        yield result


def _map_apart(
    function: Callable[[Item], Result], items: Sequence[Item], processes: int
) -> Generator[Result, None, None]:
    waiting: deque[tuple[Sequence[Item], Future[list[Result]]]] = deque()
    with _processes(processes, preload=_modules(function)) as pool:
        try:
            for start in range(0, len(items), CHUNK):
                chunk = items[start : start + CHUNK]
                with _main_hidden(), _uninterrupted():  # submitting may start a process
                    waiting.append((chunk, pool.submit(worker.apply, function, chunk)))
                if len(waiting) > AHEAD * processes:
                    yield from waiting[0][1].result()
                    waiting.popleft()
            while waiting:
                yield from waiting[0][1].result()
                waiting.popleft()
        except MemoryError as error:
            raise UserError(out_of_memory(f"The memory is full{_between(waiting[0][0])}.")) from error
        except BrokenExecutor as error:
            lost = [chunk for chunk, future in waiting if future.exception()][:processes]  # chunks start in order
            at_work = _between([item for chunk in lost for item in chunk])
            raise UserError(
                out_of_memory(
                    f"A worker process was ended from outside{at_work}, as the system does when memory is full."
                )
            ) from error


def _between(items: Sequence[object]) -> str:
    """Name the items that were being processed, if they are paths or tuples that begin with one."""
    names = [item[0] if isinstance(item, tuple) else item for item in items]
    if not names or not isinstance(names[0], str | Path):
        return ""
    first, last = printable(names[0]), printable(names[-1])
    return f" while it worked on {first if first == last else f'what lies between {first} and {last}'}"


@contextmanager
def _processes(count: int, preload: Sequence[str] = ()) -> Iterator[ProcessPoolExecutor]:
    """Make a pool of processes that end with this process, however it ends, and at once when the block fails."""
    _shorten_sockets()
    context = get_context(START_METHOD)
    context.set_forkserver_preload([worker.__name__, *preload])  # imported once, for all processes
    others = set(active_children())
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=worker.follow_parent)
    try:
        yield pool
    except BaseException:
        for process in set(active_children()) - others:
            process.kill()
        raise
    finally:
        pool.shutdown()


def _shorten_sockets() -> None:
    """Put the processes' sockets into /tmp when TMPDIR is too long: socket paths have at most 104 bytes."""
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_TMPDIR:
        before, tempfile.tempdir = tempfile.tempdir, "/tmp"
        try:
            util.get_temp_dir()  # creates it once per process
        finally:
            tempfile.tempdir = before


def _modules(function: Callable[..., Any]) -> list[str]:
    """Return the modules of a function, and of the functions that a partial binds to it."""
    parts = [getattr(function, "func", function), *getattr(function, "keywords", {}).values()]
    return [part.__module__ for part in parts if callable(part)]


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep new processes from importing the running script, and with it pandas and matplotlib."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay signals: nobody would know about a half-started process and end it."""
    if threading.current_thread() is not threading.main_thread():  # only there Python handles signals
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def streams() -> int:
    """Return the number of batches that a network computes at the same time, one per core."""
    return min(available_cores(), MOST_STREAMS)


def pool_threads() -> int:
    """Return the size of TensorFlow's thread pool for all streams; with 1, each stream computes in its own thread."""
    return 1 if available_cores() <= MOST_STREAMS else available_cores()


@contextmanager
def process_beside() -> Iterator[Executor]:
    """Run Python work in one other process, which starts with the first call.

    Yields:
        An executor, which runs calls one after the other. Open calls are dropped when the block fails.
    """
    with _processes(1) as pool:
        yield pool


def map_in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    """Apply a function to every item in threads, a few items ahead of the consumer.

    Args:
        function: a function that mostly releases Python's lock, as Pillow does.
        items: the function's arguments, taken one by one.
        workers: number of threads.
        ahead: largest number of results that are computed before they are asked for, at least 1.

    Yields:
        Results in the order of `items`. A consumer that stops early does not wait for running calls, which may hang.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
