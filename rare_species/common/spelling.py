"""When two texts are one thing spelt twice."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

log = logging.getLogger(__name__)


def spelling_key(text: str) -> str:
    """What is left of a text when case, composition, width, whitespace and invisible characters don't count.

    Unicode's NFKC and case folding (Unicode Standard Annex 15, section 3.13 of the core specification), without format
    characters such as the zero-width space, and with single spaces; "" when nothing can be seen.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold()).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def path_key(path: str) -> str:
    """The spelling keys of a path's folders and of its file, with "/" between them."""
    return "/".join(map(spelling_key, path.split("/")))


def posix_path(path: str) -> str:
    """A path as archives write it: with `/` for the backslash of Windows, and without names that say nothing (`./`)."""
    return PurePosixPath(path.replace("\\", "/")).as_posix()


def match_files(listed: Sequence[str], files: Iterable[str], source: str) -> list[str]:
    """Give listed paths the spelling of the files they mean.

    A path without a file means the one whose name differs in nothing but case, composed accents, whitespace and
    invisible characters. Of several it is the one that no row lists in its own spelling, if there is exactly one.

    Args:
        listed: paths, relative to the same folder as `files`.
        files: that are there.
        source: what to call the list in the log.

    Returns:
        As many paths, in the same order; a path that means no file, or could mean several, as it is.
    """
    present = set(files)
    astray = [path for path in listed if path not in present]
    if not astray:
        return list(listed)
    by_key: dict[str, list[str]] = {}
    for file in present:
        by_key.setdefault(path_key(file), []).append(file)
    free = present.difference(listed)
    meant = {}
    for path in astray:
        alike = by_key.get(path_key(path), [])
        found = [file for file in alike if file in free] or alike
        if len(found) == 1:
            meant[path] = found[0]
    if meant:
        path, file = next(iter(meant.items()))
        log.info("%s: paths spelt otherwise than their files: %d, first %a for %a", source, len(meant), path, file)
    return [meant.get(path, path) for path in listed]


def spelt_twice(labels: Iterable[str]) -> list[list[tuple[str, int]]]:
    """Labels that differ only in how they are spelt.

    Args:
        labels: one per photo, repeated as they are.

    Returns:
        One list per label with several spellings, in alphabetical order: its spellings and how often each occurs, the
        most frequent first, then in alphabetical order.
    """
    groups: dict[str, list[tuple[str, int]]] = {}
    for spelling, count in sorted(Counter(labels).items()):
        groups.setdefault(spelling_key(spelling), []).append((spelling, count))
    return [sorted(group, key=lambda entry: -entry[1]) for _, group in sorted(groups.items()) if len(group) > 1]


def canonical_spellings(groups: Iterable[list[tuple[str, int]]]) -> Mapping[str, str]:
    """Spelling -> the most frequent one of its group, of what `spelt_twice` found."""
    return {spelling: group[0][0] for group in groups for spelling, _ in group}
