"""Replace files and folders by new ones, all or none; where the system allows it, a place is never empty."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_AT_FDCWD = -100  # Linux: resolve paths relative to the current folder
_RENAME_EXCHANGE = 2  # renameat2, linux/fs.h; renamex_np's RENAME_SWAP is the same number
# Errors of systems or disks that can't exchange; EXDEV: the folder is in a lower layer of a container image
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV)


def put_in_place(places: Mapping[Path, Path]) -> None:
    """Exchange new files or folders with those in their final places.

    Args:
        places: final place by new path. The new path must exist; the place must be in an existing folder on the same
            disk.

    Raises:
        OSError: when one can't be moved. After this error, or an interrupt, all old ones are back in their places.
    """
    moves = [(new, place, _identity(new)) for new, place in places.items()]
    try:
        for new, place, _ in moves:
            _swap(new, place)
    except BaseException:
        try:
            _move_back(moves)
        except KeyboardInterrupt:  # only one can come: `command_line` lets no second signal through
            _move_back(moves)
            raise
        raise


def _move_back(moves: Sequence[tuple[Path, Path, tuple[int, int]]]) -> None:
    """Undo the moves; those that are undone already are left alone."""
    for new, place, identity in reversed(moves):
        if os.path.lexists(place) and _identity(place) == identity:  # an interrupt can come right after a move
            _swap(place, new)


def recover(place: Path) -> None:
    """Restore what a killed run had moved aside on a system that can't exchange."""
    aside = _aside(place)
    if os.path.lexists(aside):
        if os.path.lexists(place):
            remove(aside)
        else:
            aside.rename(place)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _swap(new: Path, place: Path) -> None:
    """Exchange two paths, or just move the new one when the place is empty."""
    if not os.path.lexists(place):
        new.rename(place)
        return
    try:
        _exchange(new, place)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        _exchange_in_steps(new, place)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two paths in one system call."""
    library = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    if hasattr(library, "renameat2"):
        failed = library.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE)
    elif sys.platform == "darwin":
        failed = library.renamex_np(*paths, _RENAME_EXCHANGE)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def _exchange_in_steps(new: Path, place: Path) -> None:
    """Exchange two paths by renames; a file's place is never empty, a folder's is empty between two renames."""
    aside = _aside(place)
    remove(aside)
    if place.is_dir() and not place.is_symlink():
        shutil.move(place, aside)
        try:
            new.rename(place)
        except BaseException:
            shutil.move(aside, place)
            raise
    else:
        shutil.copy2(place, aside, follow_symlinks=False)
        new.replace(place)
    aside.rename(new)


def _aside(place: Path) -> Path:
    return place.with_name(place.name + ".old.partial")


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
