"""Files that systems and tools leave behind; the same rule applies wherever files are listed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# In lower case; names that begin with a dot are junk anyway.
_JUNK_NAMES = frozenset(
    {
        # macOS, in archives and on other systems' disks
        "__macosx",
        "icon\r",
        "network trash folder",
        "temporary items",
        # Windows
        "$recycle.bin",
        "recycler",
        "system volume information",
        "desktop.ini",
        "thumbs.db",
        "ehthumbs.db",
        # Linux
        "lost+found",
        # storage by Synology and QNAP
        "@eadir",
        "#recycle",
        "#snapshot",
        "@recycle",
        "@recently-snapshot",
        "@__thumb",
    }
)


def is_junk(parts: Iterable[str]) -> bool:
    """Return whether a file, or a folder that it lies in, was left behind by a system or a tool.

    These are names that begin with a dot (`.ipynb_checkpoints`, `._photo.jpg`), and a few fixed names in upper or lower
    case. They hold thumbnails, copies and notes, never photos that a person took, and they name no class.

    Args:
        parts: names of the folders and of the file; "." and ".." are ignored.
    """
    return any(
        (part.startswith(".") and part not in {".", ".."}) or part.casefold() in _JUNK_NAMES for part in parts if part
    )


def list_files(folder: Path) -> Iterator[str]:
    """List the files below a folder without junk, as POSIX paths relative to it; links to folders are not followed."""
    waiting = [""]  # folders to visit, each with a "/" at its end
    while waiting:
        place = waiting.pop()
        with os.scandir(folder / place) as entries:
            for entry in entries:
                path = f"{place}{entry.name}"
                if is_junk([entry.name]):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                elif entry.is_file():
                    yield path
