"""Fonts for names that matplotlib's own font can't draw, such as Chinese ones."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from functools import cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

log = logging.getLogger(__name__)
PLAIN = (400, "normal", "regular", "book")  # weights
NO_FONT = re.compile("last ?resort", re.IGNORECASE)  # these fonts draw a box for every letter


def legible(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return texts that can be drawn, and the fonts to draw them with.

    Letters that no installed font has become their code points: 日本 is drawn as [65E5 672C]. The log says so once.

    Returns:
        The texts, and font families, with matplotlib's own first.
    """
    letters = {letter for text in texts for letter in text if letter != "\n"}
    missing = frozenset(letters) - _letters(_default_file())
    if not missing:
        return list(texts), list(_default_families())
    fonts, undrawn = _find_fonts(missing)
    for font in fonts:
        _say(f"some names are drawn with the font {font}")
    if undrawn:
        _say(
            "no font here has all letters of some names: pictures show the code points of the others, such as "
            "[65E5 672C]. Install one, for instance Debian's fonts-noto-cjk"
        )
    unknown = re.compile(f"[{''.join(map(re.escape, sorted(undrawn)))}]+") if undrawn else None
    shown = [unknown.sub(_code_points, text) if unknown else text for text in texts]
    return shown, [*_default_families(), *fonts]


def _code_points(run: re.Match[str]) -> str:
    return f"[{' '.join(f'{ord(letter):04X}' for letter in run[0])}]"


@cache
def _say(message: str) -> None:
    log.warning("%s", message)


@cache
def _find_fonts(missing: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Choose as few font families as possible; return them, and the letters that none has."""
    found: list[str] = []
    candidates = {name: _letters(file) & missing for name, file in _plain_fonts()}
    while candidates and missing:
        name = max(sorted(candidates), key=lambda candidate: len(candidates[candidate] & missing))
        if not candidates[name] & missing:
            break
        found.append(name)
        missing -= candidates[name]
    return tuple(found), missing


def _plain_fonts() -> Iterator[tuple[str, str]]:
    """Return the file of each installed font that is neither bold nor slanted, one per family."""
    entries = sorted(font_manager.fontManager.ttflist, key=lambda entry: (entry.name, entry.fname))
    for entry in entries:
        if entry.style == "normal" and entry.weight in PLAIN and not NO_FONT.search(entry.name):
            yield entry.name, entry.fname


@cache
def _letters(file: str) -> frozenset[str]:
    try:
        font = FT2Font(file)
    except (OSError, RuntimeError):  # a font that FreeType can't read
        return frozenset()
    return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()


@cache
def _default_file() -> str:
    return str(font_manager.findfont(font_manager.FontProperties()))


@cache
def _default_families() -> tuple[str, ...]:
    return tuple(font_manager.FontProperties().get_family())
