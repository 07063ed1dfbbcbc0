"""rare_species.layouts.tabulate_labels: spellings of one label are refused with their counts, or joined."""

import logging

import pytest

from rare_species.common.csv_tables import LISTING_COLUMNS
from rare_species.common.errors import UserError
from rare_species.layouts.tabulate_labels import tabulate_labels


def make_rows(column: str, *labels: str) -> list[dict[str, str]]:
    base = dict.fromkeys(LISTING_COLUMNS, "") | {"family": "x"}
    return [base | {"file_path": f"{number}.jpg", column: label} for number, label in enumerate(labels)]


@pytest.mark.parametrize("column", ["family", "phylum", "species"])
def test_two_spellings_are_refused_with_their_counts(column: str) -> None:
    rows = make_rows(column, "Felis", "felis", "felis", "Felis\u200b", "Canis")
    with pytest.raises(UserError) as error:
        tabulate_labels(rows, "list.csv", merge_spellings=False)
    assert f"must spell each {column} in one way" in str(error.value)
    assert "'felis' (2) and 'Felis' (1) and 'Felis\\u200b' (1)" in str(error.value)
    assert "unzip.merge_spellings" in str(error.value)


@pytest.mark.parametrize("column", ["family", "phylum", "species"])
def test_two_spellings_are_joined_under_the_canonical_spellings(column: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rows = make_rows(column, "Felis", "felis", "felis")
    assert tabulate_labels(rows, "list.csv", merge_spellings=True)[column].tolist() == ["felis"] * 3
    assert "'felis' (2) and 'Felis' (1)" in caplog.text


def test_composed_and_decomposed_labels_are_told_apart_in_the_message() -> None:
    with pytest.raises(UserError, match=r"'ñ' \(1\) and|'n\\u0303' \(1\) and"):
        tabulate_labels(make_rows("family", "\u00f1", "n\u0303"), "list.csv", merge_spellings=False)


def test_phyla_are_joined_before_a_family_is_found_in_two() -> None:
    frame = tabulate_labels(make_rows("phylum", "Chordata", "chordata", "Chordata"), "list.csv", merge_spellings=True)
    assert frame["phylum"].tolist() == ["Chordata"] * 3


def test_spaces_around_a_label_are_no_part_of_it() -> None:
    assert (
        tabulate_labels(make_rows("family", " ursidae", " ursidae"), "x", merge_spellings=False)["family"].tolist()
        == ["ursidae"] * 2
    )


def test_a_label_that_nobody_can_see_is_refused() -> None:
    with pytest.raises(UserError, match="labels that can be seen"):
        tabulate_labels(make_rows("family", "\u200b", "a"), "x", merge_spellings=False)


@pytest.mark.parametrize(
    ("row", "received"),
    [
        ({"family": "fel\nidae"}, "'fel\\nidae' for '0.jpg', which has a control character"),
        ({"species": "\x1b[2J"}, "'\\x1b[2J' for '0.jpg', which has a control character"),
    ],
)
def test_labels_with_control_characters_are_refused(row: dict[str, str], received: str) -> None:
    with pytest.raises(UserError) as error:
        tabulate_labels(
            [*make_rows("family", "felidae", "canidae")[1:], make_rows("family", "x")[0] | row], "list", False
        )
    assert f"Received: {received}" in str(error.value)
