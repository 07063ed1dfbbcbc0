"""When two texts are one thing spelt twice."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping


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


def most_frequent(groups: Iterable[list[tuple[str, int]]]) -> Mapping[str, str]:
    """Spelling -> the most frequent one of its group, of what `spelt_twice` found."""
    return {spelling: group[0][0] for group in groups for spelling, _ in group}
