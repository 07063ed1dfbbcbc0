"""What systems and tools leave beside people's files: one rule, wherever files are listed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# In lower case. Names that begin with a dot need no entry.
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
    """Whether a path leads to, or through, what a tool left behind.

    Such are names that begin with a dot (`.ipynb_checkpoints`, `._photo.jpg`), and a few that systems give, in upper or
    lower case. They hold thumbnails, copies and notes: none is a photo that a person took, and none a class.

    Args:
        parts: names of the folders and of the file; "." and ".." say nothing.
    """
    return any(
        (part.startswith(".") and part not in {".", ".."}) or part.casefold() in _JUNK_NAMES for part in parts if part
    )


def list_files(folder: Path) -> Iterator[str]:
    """POSIX paths of the files below a folder, relative to it, without junk; links to folders are not followed."""
    waiting = [""]  # folders in it, each with a "/" at its end
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
