"""Work on many images in a pool of processes, in order and with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")
START_METHOD = "forkserver"  # a plain fork can hang where TensorFlow's threads run
CHUNK = 16  # items a worker takes at a time: few enough to share evenly, enough to hide the hand-over


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], description: str, workers: int
) -> Generator[Result, None, None]:
    """Apply a function to every item.

    Args:
        function: picklable, without side effects.
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
            pool = stack.enter_context(ProcessPoolExecutor(processes, mp_context=get_context(START_METHOD)))
            results = pool.map(function, items, chunksize=CHUNK)
        for result in results:
            progress.update()
            yield result
