"""Locks: each output is written by one run at a time."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rare_species.common.errors import UserError

LOCK = ".lock.partial"  # suffix of lock files
_LOOK_S = 0.1  # checking whether a lock is taken holds it for less than this
# Errors of network disks without locks, where users must avoid parallel runs themselves
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Hold the lock of an output; the same process may take it again inside the block.

    The system releases the lock when the process ends, however it ends. The lock file lies beside the output.

    Raises:
        UserError: when another process is writing the output.
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
            file.unlink(missing_ok=True)  # while it is held: a waiting process notices, and makes a new one
        lock.release()


def is_taken(output: Path) -> bool:
    """Return whether another process is writing an output; the check leaves no file behind."""
    if not _lock_file(output).exists():
        return False
    try:
        with alone(output):  # also removes the lock file of a killed process
            return False
    except UserError:
        return True


def _lock_file(output: Path) -> Path:
    return output.with_name(f"{output.name}{LOCK}")
