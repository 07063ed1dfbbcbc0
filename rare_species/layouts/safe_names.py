"""Which names are safe to write on a disk, alone and side by side."""

from __future__ import annotations

import ntpath
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

MAX_PART_BYTES = 255  # of a file's or folder's own name, on the file systems of Linux


def has_control_character(text: str) -> bool:
    """Whether a text holds a control character or a line separator, such as a tab, a line end, an escape or NUL."""
    # Most texts are printable, and that check is faster.
    return not text.isprintable() and any(unicodedata.category(letter) in {"Cc", "Zl", "Zp"} for letter in text)


def name_problem(name: str) -> str:
    """Why a name is no relative path that stays in its folder, "" when it is."""
    path = PurePosixPath(name)
    checks = (
        (has_control_character(name), "has a control character in its name"),
        ("\\" in name, "has a backslash in its name"),
        (name.startswith("/") or ntpath.splitdrive(name)[0] != "", "is an absolute path"),
        (".." in path.parts, "leads out of its folder with '..'"),
        (not path.parts, "has no name"),
        (
            any(len(part.encode("utf-8", "replace")) > MAX_PART_BYTES for part in path.parts),
            f"has a folder or file name of more than {MAX_PART_BYTES} bytes",
        ),
    )
    return next((problem for failed, problem in checks if failed), "")


def clash_problem(names: Iterable[str]) -> str:
    """What is wrong with names that would meet on a disk that ignores case or how accents are composed.

    Args:
        names: paths with "/" between folders; folders end with one.

    Returns:
        The first such pair, in words; "" when they can lie side by side.
    """
    # (number of the parent folder, folded name) -> (own number, name, whether it is a folder). A tree, because whole
    # paths would take memory that grows with the square of their depth.
    seen: dict[tuple[int, str], tuple[int, str, bool]] = {}
    for name in names:
        parts, above = PurePosixPath(name).parts, 0
        for depth, part in enumerate(parts, start=1):
            is_folder = depth < len(parts) or name.endswith("/")
            key = (above, part.lower() if part.isascii() else _fold(part))
            if key not in seen:
                seen[key] = (len(seen) + 1, part, is_folder)
            elif problem := _meeting(parts[:depth], is_folder, depth == len(parts), *seen[key][1:]):
                return problem
            above = seen[key][0]
    return ""


def _fold(part: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", part).casefold())


def _meeting(parts: tuple[str, ...], is_folder: bool, is_last: bool, other: str, other_is_folder: bool) -> str:
    """What is wrong about two entries in one place, "" when they are one folder."""
    place = "/".join(parts)
    if parts[-1] != other:
        # Composed and decomposed accents look alike without their code points.
        alike = unicodedata.normalize("NFC", parts[-1]) == unicodedata.normalize("NFC", other)
        shown = map(ascii if alike else repr, ("/".join((*parts[:-1], other)), place))
        return f"{' and '.join(shown)}, which are one name on some disks: rename one, or make them one"
    if is_folder != other_is_folder:
        return f"{place!r} both as a file and as a folder"
    return f"{place!r} twice" if is_last and not is_folder else ""
