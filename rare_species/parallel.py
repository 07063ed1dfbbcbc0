"""Work on many images in a pool, in order: of processes with a progress bar, or of threads ahead of who asks.

Or in one process beside this one, whatever the work.
"""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from types import ModuleType
from typing import Any, TypeVar

from tqdm import tqdm

from rare_species.stage import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")
START_METHOD = "forkserver"  # a plain fork can hang where TensorFlow's threads run
HEAD_THREADS = 2  # of TensorFlow's pool: a sum shared out among others is rounded in another way, and so is the model
MOST_STREAMS = 8  # each holds a batch's activations
CHUNK = 16  # items a worker takes at a time: few enough to share evenly, enough to hide the hand-over


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], description: str, workers: int
) -> Generator[Result, None, None]:
    """Apply a function to every item.

    Args:
        function: picklable, without side effects, and not of the script that runs.
        items: its arguments.
        description: shown beside the progress bar.
        workers: processes at most; with work for one only, it is done in this process.

    Yields:
        Results in the order of `items`, whatever the number of workers.
    """
    with tqdm(total=len(items), desc=description, unit="image", mininterval=1.0) as progress, ExitStack() as stack:
        results: Iterator[Result]
        processes = min(workers, -(-len(items) // CHUNK))
        if processes <= 1:
            results = map(function, items)
        else:
            context = get_context(START_METHOD)
            context.set_forkserver_preload(_modules(function))  # imported once, not by each process
            pool = stack.enter_context(ProcessPoolExecutor(processes, mp_context=context))
            with _main_hidden():
                results = pool.map(function, items, chunksize=CHUNK)  # starts the processes
        for result in results:
            progress.update()
            yield result


def _modules(function: Callable[..., Any]) -> list[str]:
    """Where a function and the functions that a partial binds to it are from."""
    parts = [getattr(function, "func", function), *getattr(function, "keywords", {}).values()]
    return [part.__module__ for part in parts if callable(part)]


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Processes that start here do not import the script that runs, and with a stage pandas and matplotlib."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def streams() -> int:
    """How many batches a network runs on at once: with a core each they never wait for each other between layers."""
    return min(available_cores(), MOST_STREAMS)


def pool_threads() -> int:
    """Threads of the pool in TensorFlow that all streams share; with one, each stream computes in its own thread."""
    return 1 if available_cores() <= MOST_STREAMS else available_cores()


@contextmanager
def process_beside() -> Iterator[Executor]:
    """A process for work in Python that this one need not wait for; it starts with the first of it.

    Yields:
        What takes the calls; they are done one after the other. What was not begun is dropped when this one fails.
    """
    with ProcessPoolExecutor(1, mp_context=get_context(START_METHOD), initializer=_ignore_interrupts) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _ignore_interrupts() -> None:
    """Ctrl-C reaches both processes: this one waits for the other to end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def map_in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Generator[Result, None, None]:
    """Apply a function to every item while the results are used, without ever holding more than a few.

    Args:
        function: spends its time outside Python's lock, as Pillow does.
        items: its arguments, taken one by one.
        workers: threads.
        ahead: results at most that nobody has asked for yet, at least 1.

    Yields:
        Results in the order of `items`.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
