"""System errors in plain words: what the system refused, and what to do about it."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from concurrent.futures import BrokenExecutor
from pathlib import Path

from rare_species.common.errors import UserError
from rare_species.common.paths import Paths

LONGEST_NAME = 200  # characters of a path in a message
IN_USE = "is in use by another program", "Close that program"
UNREACHABLE = "did not answer", "Check the connection to the disk"
NO_PERMISSION = "gave no permission", "Mend the permissions of it or of its folder (chmod, chown)"
TOO_MANY_OPEN = "could not be opened beside so many other files", "Raise the limit: ulimit -n 4096"
# By error number: what happened to the file, and what to do before running again
ADVICE = {
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EROFS: ("is on a disk that can only be read", "Work in a folder on another disk"),
    errno.ENAMETOOLONG: ("has a name that is too long for this disk", "Shorten it, or work in a folder nearer the top"),
    errno.EMFILE: TOO_MANY_OPEN,
    errno.ENFILE: TOO_MANY_OPEN,
    errno.ENOSPC: ("could not be written: the disk is full", "Free some space"),
    errno.EDQUOT: ("could not be written: your share of the disk is full", "Free some space or ask for more"),
    errno.EFBIG: (
        "would become larger than the disk or this session (ulimit -f) allows",
        "Raise the limit, or work on another disk",
    ),
    errno.EIO: ("could not be read or written: the disk itself failed", "Check the disk, and copy what is on it"),
    errno.EISDIR: ("is a folder where a file was expected", "Move it away, or name another place"),
    errno.ENOTDIR: ("lies below a file where a folder was expected", "Move that file away, or name another place"),
    errno.EEXIST: ("was there already", "Move it away"),
    errno.ENOTEMPTY: ("is a folder with files that another program put there", "Move them away"),
    errno.ELOOP: ("is a link that leads back to itself", "Mend the link"),
    errno.ETXTBSY: IN_USE,
    errno.EBUSY: IN_USE,
    errno.ETIMEDOUT: UNREACHABLE,
    errno.ESTALE: UNREACHABLE,
}


def describe_failure(error: BaseException) -> str | None:
    """Describe an error that the user can do something about.

    Args:
        error: the error that ended the work.

    Returns:
        What was expected, what was received and what to do; None when the error is a bug of this program.
    """
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return describe_os_error(error)
    if isinstance(error, BrokenExecutor):
        return out_of_memory("A process of this run was ended from outside, as the system does when memory is full.")
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's
        return out_of_memory("The memory is full.")
    return _describe_limit_of_python(error)


def _describe_limit_of_python(error: BaseException) -> str | None:
    if isinstance(error, RecursionError):
        return (
            "Expected files whose parts lie in each other a few levels deep. Received: some that are nested so deep "
            "that Python gives up. Mend the file or the archive; --debug shows where it was read."
        )
    if isinstance(error, UnicodeEncodeError) and error.encoding.replace("_", "-") != "utf-8":
        return (
            f"Expected a system that can spell every name of a file, as UTF-8 does. Received: {error.encoding}, which "
            f"has no {error.object[error.start : error.end]!a}. Set LC_ALL=C.UTF-8 and run again."
        )
    return None


def describe_os_error(error: OSError) -> str:
    """Describe what the system refused, for which file, and what to do."""
    if error.errno == errno.ENOMEM:
        return out_of_memory("The memory is full.")
    if isinstance(error, FileNotFoundError) and error.filename:
        if _is_program(error):
            return (
                f"Expected the program {_shown(error.filename)}. Received: no such program. Install it, and run again."
            )
        return _describe_missing(Path(os.fsdecode(error.filename)))
    if error.errno in ADVICE:
        problem, advice = ADVICE[error.errno]
        return f"{_shown(error.filename)} {problem} ({error.strerror}). {advice}, and run again."
    return f"Could not read or write {_shown(error.filename)}: {error.strerror or error}."


def is_refusal(error: OSError) -> bool:
    """Return whether an OSError comes from the system, and not from a library that rejects a file's bytes."""
    return error.errno in ADVICE or error.errno == errno.ENOMEM


def out_of_memory(problem: str) -> str:
    """Describe a lack of memory, and what needs less.

    Args:
        problem: a sentence about what happened.
    """
    advice = (
        f"{problem} Close other programs or lower what takes memory: clean.max_pixels for large photos, batch_size and "
        "image_size for networks."
    )
    if not hasattr(os, "sched_getaffinity"):  # such a system has no taskset either
        return advice
    return f"{advice} On one core only one photo is read at a time: taskset --cpu-list 0 dvc repro"


def _describe_missing(path: Path) -> str:
    here = f"Expected a file at {_shown(path)}. Received: nothing there."
    if path.suffix == ".partial" or any(parent.suffix == ".partial" for parent in path.parents):
        return f"{here} Another program removed it while it was written. Run again."
    if any(path.absolute().is_relative_to(place.absolute()) for place in Paths().outputs):
        return f"{here} Run the stage that writes it first: dvc repro."
    if path.is_relative_to(sys.prefix):
        return (
            f"{here} It belongs to the installed packages. Remove .venv and run make repro, which installs them again."
        )
    return f"{here} Mend the path, or put the file there, and run again."


def _is_program(error: FileNotFoundError) -> bool:
    """Return whether the missing file is a program; subprocess reports it like a missing file."""
    frames = [frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1:] == ["subprocess"] and Path(os.fsdecode(error.filename)).name == os.fsdecode(error.filename)


def _shown(name: object) -> str:
    """Format a path for a message: on one line and not too long."""
    if not isinstance(name, str | bytes | Path):
        return "a file"
    text = os.fsdecode(name)
    text = text if text.isprintable() else ascii(text)
    half = LONGEST_NAME // 2
    return text if len(text) <= LONGEST_NAME else f"{text[:half]}…{text[-half:]}"
