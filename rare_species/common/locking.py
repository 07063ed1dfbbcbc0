"""One run at a time for each output."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rare_species.common.errors import UserError

LOCK = ".lock.partial"  # how the files end that are locked
_LOOK_S = 0.1  # others hold it for less while they look whether it is taken
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)  # some network disks; there one must take care oneself


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Be the only one that writes an output; within it, this process may ask for the same output again.

    The lock is the system's and goes with the process, however that ends. Its file lies beside the output.

    Raises:
        UserError: when another process is writing it.
    """
    file = _lock_file(output)
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file, timeout=_LOOK_S, poll_interval=_LOOK_S / 10, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"Expected to be alone in writing {output}. Received: another run that is writing it ({file} is locked). "
            "Wait until it has ended, or end it, and run again."
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        file.unlink(missing_ok=True)
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            file.unlink(missing_ok=True)  # while it is held: who waits for it sees that it is gone, and makes another
        lock.release()


def is_taken(output: Path) -> bool:
    """Whether another process is writing an output; to look leaves nothing behind."""
    if not _lock_file(output).exists():
        return False
    try:
        with alone(output):  # which removes what a process that was killed left
            return False
    except UserError:
        return True


def _lock_file(output: Path) -> Path:
    return output.with_name(f"{output.name}{LOCK}")
