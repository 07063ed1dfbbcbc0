"""Text for terminals, logs and spreadsheets: names, which may hold anything, and counts with their nouns."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control characters, formats (bidi overrides), surrogates, line separators
JOINERS = "\u200c\u200d"  # format characters that Persian and Hindi words need
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # characters with which spreadsheets begin a formula


def printable(text: object) -> str:
    r"""Return a text as one line that is safe to print, whatever it holds.

    Characters that would move the cursor, change colours, break the line or turn the reading direction become escapes
    such as `\x1b` or `\u202e`; so do bytes of file names that are not UTF-8.
    """
    return "".join(_escape(letter) if _is_hidden(letter) else letter for letter in str(text))


def printable_lines(text: str) -> str:
    """Return a message of several lines with each line made safe to print."""
    return "\n".join(map(printable, text.split("\n")))


def count(amount: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: "1 family", "2,293 photos"."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def first_few(names: Sequence[str], most: int = 5, *, quoted: bool = True, separator: str = ", ") -> str:
    """List the first of many names, in quotes or on one printable line, and say how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return separator.join(map(repr if quoted else printable, names[:most])) + more


def spreadsheet_cell(text: object) -> str:
    """Return a printable text that no spreadsheet takes for a formula: `'` is put before it where one could.

    This follows OWASP, https://owasp.org/www-community/attacks/CSV_Injection.
    """
    shown = printable(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown


def log_handler(name: str) -> logging.Handler:
    """Make a log handler for standard error: the time, a name and the message on one printable line."""
    handler = logging.StreamHandler()
    handler.setFormatter(_PrintableFormatter(f"%(asctime)s {name}: %(message)s", datefmt="%H:%M:%S"))
    return handler


class _PrintableFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return printable(super().formatMessage(record))


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in HIDDEN and letter not in JOINERS


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode()
