"""Ids as archives give them: whole numbers, also where a spreadsheet or a table program has rewritten them."""

from __future__ import annotations

import re
from decimal import Decimal

import pandas as pd

# As many digits as an int64 surely holds.
_NUMBER = re.compile(r"[0-9]{1,18}")
# "300.000" is 300 or, in German, 300,000: it is no number here.
_WHOLE_FLOAT = re.compile(r"(?![0-9]{1,3}\.000$)([0-9]+)[.,]0*")
# Four groups with dots between are a code more often than a number.
_THOUSANDS = re.compile(
    r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.0*)?"
    r"|[0-9]{1,3}([ \u00a0\u202f'’])[0-9]{3}(?:\1[0-9]{3})*"
    r"|[0-9]{1,3}(?:\.[0-9]{3}){2}"
)
# Programs write the sign of the exponent; a code such as 12e4 that a person gave has none.
_EXPONENT = re.compile(r"[0-9]+(?:[.,][0-9]*)?[eE]\+[0-9]{1,2}")


def read_id(text: str) -> str:
    """Undo what table programs do to an id.

    Args:
        text: `10000000.0` (a column with gaps, in pandas), `10,000,000` (a spreadsheet), `1.0000001E+07`, `007` (which
            spreadsheets make 7), or any other.

    Returns:
        A whole number as digits without leading zeros; any other text, such as a name or a UUID, unchanged.

    Raises:
        ValueError: for a number of which the last digits may be lost, such as `1.00E+07`.
    """
    read = _read_number(text)
    return read.lstrip("0") or "0" if read.isascii() and read.isdigit() else read


def unread_ids(ids: pd.Series[str]) -> pd.Series[bool]:
    """Mark the content ids that have no order: they are given, but are not whole numbers of up to 18 digits."""
    return (ids != "") & ~ids.str.fullmatch(_NUMBER)


def _read_number(text: str) -> str:
    if text.isdigit() or not text[:1].isdigit():
        return text
    if _THOUSANDS.fullmatch(text):
        return re.sub(r"[^0-9]", "", text.partition(".")[0] if "," in text else text)
    if whole := _WHOLE_FLOAT.fullmatch(text):
        return whole[1]
    if not _EXPONENT.fullmatch(text):
        return text
    exact = Decimal(text.replace(",", "."))
    if isinstance(power := exact.as_tuple().exponent, int) and power > 0:
        raise ValueError(f"{text!r}, a number whose last digits may be lost")
    return str(int(exact)) if exact == exact.to_integral_value() else text
