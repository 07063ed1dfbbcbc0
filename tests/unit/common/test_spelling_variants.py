"""rare_species.common.spelling_variants: one thing under two spellings is one key."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.common.spelling_variants import (
    canonical_spellings,
    match_files,
    path_key,
    posix_path,
    spelling_key,
    spelt_twice,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Felidae", "FELIDAE"),
        ("felidae", "felidae\u200b"),
        ("felidae", "\ufefffelidae"),
        ("polar bear", " polar  bear "),
        ("polar bear", "polar\u00a0bear"),
        ("polar bear", "polar\tbear"),
        ("\u00f1and\u00fa", "n\u0303andu\u0301"),
        ("\uff26elidae", "felidae"),
        ("stra\u00dfe", "STRASSE"),
    ],
)
def test_one_thing(one: str, other: str) -> None:
    assert spelling_key(one) == spelling_key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("lynx", "lynxes"), ("polarbear", "polar bear"), ("nandu", "ñandú")])
def test_two_things(one: str, other: str) -> None:
    assert spelling_key(one) != spelling_key(other)


@given(st.text(max_size=8))
def test_a_key_is_its_own_key_and_that_of_every_normal_form(text: str) -> None:
    key = spelling_key(text)
    assert spelling_key(key) == key
    assert {spelling_key(unicodedata.normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")} == {key}


def test_a_path_keeps_its_folders() -> None:
    assert path_key("Cats /A.JPG") == "cats/a.jpg" != path_key("Cats A.JPG")


@pytest.mark.parametrize("path", ["cats/a.jpg", "./cats/a.jpg", "cats\\a.jpg", ".\\cats\\\\a.jpg", "cats/./a.jpg"])
def test_a_path_has_one_way_to_be_written(path: str) -> None:
    assert posix_path(path) == "cats/a.jpg"


@pytest.mark.parametrize(
    ("listed", "files", "meant"),
    [
        (["a.jpg"], ["A.jpg"], ["A.jpg"]),
        (["A.jpg", "a.jpg"], ["A.jpg"], ["A.jpg", "A.jpg"]),  # one photo, listed twice
        (["A.jpg", "a.jpg"], ["A.jpg", "a.jpg"], ["A.jpg", "a.jpg"]),  # two photos
        (["a b.jpg"], ["A b.jpg", "a  b.jpg"], ["a b.jpg"]),  # either
        (["a b.jpg", "A b.jpg"], ["A b.jpg", "a  b.jpg"], ["a  b.jpg", "A b.jpg"]),
        (["a b.jpg", "A b.jpg", "a  b.jpg"], ["A b.jpg", "a  b.jpg"], ["a b.jpg", "A b.jpg", "a  b.jpg"]),
        (["a.jpg", "A.jpg"], [], ["a.jpg", "A.jpg"]),
    ],
)
def test_a_listed_path_means_the_one_file_that_it_can(listed: list[str], files: list[str], meant: list[str]) -> None:
    assert match_files(listed, files, "x") == meant


def test_spellings_are_counted_and_the_canonical_spellings_is_first() -> None:
    groups = spelt_twice(["b", "B", "B", "a", "c ", "c"])
    assert groups == [[("B", 2), ("b", 1)], [("c", 1), ("c ", 1)]]
    assert canonical_spellings(groups) == {"B": "B", "b": "B", "c": "c", "c ": "c"}
