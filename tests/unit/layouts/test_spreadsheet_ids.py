"""rare_species.layouts.spreadsheet_ids: whole numbers come back as they were before a table program, or are refused."""

from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.layouts.spreadsheet_ids import read_id, unread_ids


@given(st.integers(0, 10**17))
def test_a_number_is_read_in_every_way_that_keeps_it(number: int) -> None:
    written = (f"{number}", f"{number:,}", f"{number}.0", f"{number:,}.00", f"{Decimal(number):.17E}", f"{number},0")
    assert {read_id(text) for text in written} == {str(number)}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10.000.000", "10000000"),  # German
        ("10 000 000", "10000000"),
        ("1\u202f234", "1234"),  # as French and others are written
        ("10\u00a0000", "10000"),
        ("192.168.100.200", "192.168.100.200"),
        ("1.0000001E+07", "10000001"),
        ("007", "7"),
        ("007.0", "7"),
        ("0,000,300", "300"),
        ("000", "0"),
        ("007a", "007a"),
        ("\u0660\u0667", "\u0660\u0667"),
        ("300.000", "300.000"),  # 300, or in German 300,000
        ("1.5", "1.5"),
        ("-3", "-3"),
        ("12e4", "12e4"),
        ("1e5", "1e5"),
        ("Panthera leo", "Panthera leo"),
        ("4f3c2e10-7a1d", "4f3c2e10-7a1d"),
        ("", ""),
    ],
)
def test_ids(text: str, read: str) -> None:
    assert read_id(text) == read


@pytest.mark.parametrize("text", ["1.00E+07", "1e+07", "1,00E+07", "1.2345E+09", "10.0E+06"])
def test_lost_digits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="last digits may be lost"):
        read_id(text)


def test_ids_without_an_order_are_found() -> None:
    ids = pd.Series(["", "12", "0" * 18, "1" * 19, "x", "1.5", "-3", "\u0661"], dtype="str")
    assert unread_ids(ids).tolist() == [False, False, False, True, True, True, True, True]
