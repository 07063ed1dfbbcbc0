"""Put labels into a table, after checking them: all can be seen, each has one spelling, and a family one phylum."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable, Sequence

import pandas as pd

from rare_species.common.csv_tables import LISTING_COLUMNS
from rare_species.common.errors import UserError
from rare_species.common.spelling_variants import canonical_spellings, spelling_key, spelt_twice
from rare_species.common.terminal import first_few
from rare_species.layouts.safe_names import has_control_character

_LABELS = ("family", "phylum", "species")
_MOST_NAMED = 5
log = logging.getLogger(__name__)


def tabulate_labels(rows: Iterable[dict[str, str]], source: str, merge_spellings: bool) -> pd.DataFrame:
    """Put rows of labels into a table, after checking that they agree.

    Args:
        rows: of the columns `LISTING_COLUMNS`.
        source: what to call them in messages.
        merge_spellings: whether labels that differ only in how they are spelt are one, under the most frequent
            spelling; else they are refused.

    Returns:
        DataFrame of the string columns `LISTING_COLUMNS`, sorted by `file_path`. Labels are stripped. A phylum that
        only some rows of a family give is filled in for the others.

    Raises:
        UserError: if a label has a control character, a file is listed twice, a label is
            spelt in two ways or can't be seen, or a family has two phyla.
    """
    in_order = sorted(([row[column] for column in LISTING_COLUMNS] for row in rows), key=lambda cells: cells[0])
    _refuse_control_characters(in_order, source)
    frame = pd.DataFrame(in_order, columns=list(LISTING_COLUMNS), dtype="str")
    _refuse_repeated(frame["file_path"], source)
    for column in _LABELS:
        frame[column] = _spell_once(frame[column], source, merge_spellings)
    frame["phylum"] = _phylum_of_each_family(frame, source)
    return frame


def _refuse_control_characters(rows: Iterable[Sequence[str]], source: str) -> None:
    # A layout may take labels from a file that anyone may have written
    for path, *labels in rows:
        for label in labels:
            if has_control_character(label):
                raise UserError(
                    f"{source} must give labels without control characters. Received: {label!r} for {path!r}, which "
                    "has a control character. Correct it and zip the photos again."
                )


def _refuse_repeated(paths: pd.Series[str], source: str) -> None:
    repeated = paths[paths.duplicated()].unique().tolist()
    if repeated:
        raise UserError(
            f"{source} must list each image once. Received twice or more: {first_few(repeated)}. Remove the extra rows."
        )


def _spell_once(labels: pd.Series[str], source: str, merge_spellings: bool) -> pd.Series[str]:
    if unseen := [label for label in labels.unique() if label and not spelling_key(label)]:
        raise UserError(
            f"{source} must give labels that can be seen. Received: {labels.name} {first_few(unseen)}. Rename it."
        )
    twice = spelt_twice(labels)
    if twice and not merge_spellings:
        raise UserError(
            f"{source} must spell each {labels.name} in one way. Received: {_describe(twice)}. Correct the "
            "spelling, or take them for one with unzip.merge_spellings: true in params.yaml."
        )
    if twice:
        log.info("%s: each %s is spelt as most often: %s", source, labels.name, _describe(twice))
    spelt = canonical_spellings(twice)
    return labels.map({label: spelt.get(label, label).strip() for label in labels.unique()}).astype("str")


def _describe(twice: Sequence[Sequence[tuple[str, int]]]) -> str:
    groups = [" and ".join(f"{_show(spelling)} ({count:,})" for spelling, count in group) for group in twice]
    return first_few(groups, _MOST_NAMED, quoted=False, separator="; ")


def _show(spelling: str) -> str:
    """A label as Python writes it; composed and decomposed ones look alike without their code points."""
    return repr(spelling) if unicodedata.is_normalized("NFC", spelling) else ascii(spelling)


def _phylum_of_each_family(frame: pd.DataFrame, source: str) -> pd.Series[str]:
    phyla = frame[frame["phylum"] != ""].groupby("family")["phylum"].unique()
    for family, names in phyla.items():
        if len(names) > 1:
            raise UserError(
                f"{source} must place each family in one phylum. Received: {family!r} in {first_few(sorted(names))}. "
                "Correct the phylum, or give one of the families another name."
            )
    phylum_of = {family: names[0] for family, names in phyla.items()}
    return pd.Series([phylum_of.get(family, "") for family in frame["family"]], dtype="str")
