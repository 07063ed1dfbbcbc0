"""What is said of a photo, and how it is written."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rare_species.predict.answers import Answer, Level, RankedFamily, csv_lines, json_lines, make_answer, table_lines

CLASSES = [
    {"class_id": 0, "family": "felidae", "phylum": "chordata"},
    {"class_id": 1, "family": "formicidae", "phylum": "arthropoda"},
    {"class_id": 2, "family": "ranidae", "phylum": "chordata"},
]
SURE, UNSURE = np.array([0.1, 0.2, 0.7], np.float32), np.array([0.3, 0.4, 0.3], np.float32)


def answer(probabilities, threshold=0.5, top=2, classes=CLASSES, path="a.jpg"):
    return make_answer(Path(path), probabilities, classes, threshold, top)


def test_sure_family_is_answered():
    guesses = [RankedFamily("ranidae", "chordata", 0.7), RankedFamily("formicidae", "arthropoda", 0.2)]
    assert answer(SURE) == Answer("a.jpg", Level.FAMILY, "ranidae", 0.7, guesses)


def test_threshold_itself_is_sure():
    assert answer(UNSURE, threshold=float(UNSURE[1])).level is Level.FAMILY


def test_unsure_family_is_answered_with_the_likeliest_phylum_which_need_not_be_its_own():
    answered = answer(UNSURE, top=1)
    assert (answered.level, answered.answer, answered.probability) == (Level.PHYLUM, "chordata", 0.6)
    assert answered.families == [RankedFamily("formicidae", "arthropoda", 0.4)]


def test_without_a_threshold_no_family_is_answered():
    certain = np.array([0, 0, 1], np.float32)
    assert answer(certain, threshold=None).level is Level.PHYLUM


def test_where_a_phylum_is_not_known_none_is_answered():
    classes = [*CLASSES[:2], CLASSES[2] | {"phylum": ""}]
    answered = answer(UNSURE, classes=classes)
    assert (answered.level, answered.answer, answered.probability) == (Level.NONE, None, 0.4)


ANSWERS = [answer(SURE), answer(UNSURE, path="b c.jpg"), answer(UNSURE, classes=[CLASSES[0] | {"phylum": ""}] * 3)]


def test_table_is_aligned():
    files = [Path("a.jpg"), Path("b c.jpg")]
    assert list(table_lines(iter(ANSWERS), files, CLASSES)) == [
        "file     answer               probability  other families",
        "a.jpg    ranidae                    0.700  formicidae 0.200",
        "b c.jpg  chordata (phylum)          0.600  formicidae 0.400, felidae 0.300",
        "a.jpg    unsure                     0.400  felidae 0.400, felidae 0.300",
    ]


def test_json_is_a_document_per_line():
    first, second, third = map(json.loads, json_lines(iter(ANSWERS)))
    assert first == {
        "file": "a.jpg",
        "level": "family",
        "answer": "ranidae",
        "probability": 0.7,
        "families": [
            {"family": "ranidae", "phylum": "chordata", "probability": 0.7},
            {"family": "formicidae", "phylum": "arthropoda", "probability": 0.2},
        ],
    }
    assert (second["level"], third["answer"]) == ("phylum", None)


def test_csv_has_a_column_for_each_family():
    assert list(csv_lines(iter(ANSWERS), top=2)) == [
        "file,level,answer,probability,family1,probability1,family2,probability2",
        "a.jpg,family,ranidae,0.7,ranidae,0.7,formicidae,0.2",
        "b c.jpg,phylum,chordata,0.6,formicidae,0.4,felidae,0.3",
        "a.jpg,none,,0.4,felidae,0.4,felidae,0.3",
    ]


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("ä,b.jpg", '"ä,b.jpg"'),
        ("\udce4.jpg", "\\udce4.jpg"),
        ("=1+1.jpg", "'=1+1.jpg"),
        ("a\n\x1b[2J.jpg", "a\\n\\x1b[2J.jpg"),
    ],
)
def test_odd_names_of_files_are_written(path, written):
    (_, line) = csv_lines(iter([answer(SURE, path=path)]), top=2)
    assert line.startswith(f"{written},family,")
    assert line.encode()


HOSTILE = [
    {"class_id": 0, "family": "=cmd|'/C calc'!A0", "phylum": "@SUM(1)"},
    {"class_id": 1, "family": "a\x1b[31m\nb", "phylum": "\u202edelrever"},
]


@pytest.mark.parametrize("threshold", [0.5, 1.0])
def test_names_of_classes_are_shown_and_do_nothing(threshold):
    answered = [make_answer(Path("a.jpg"), np.array([0.4, 0.6], np.float32), HOSTILE, threshold, 2)]
    table = "\n".join(table_lines(iter(answered), [Path("a.jpg")], HOSTILE))
    written = "\n".join(csv_lines(iter(answered), top=2))
    for text in (table, written, "".join(json_lines(iter(answered)))):
        assert not {"\x1b", "\u202e", "\r"} & set(text)
        assert r"\x1b[31m\nb" in text or r"\u001b[31m\nb" in text
    assert table.count("\n") == written.count("\n") == 1
    cells = next(csv.reader(written.splitlines()[1:]))
    assert not any(cell.startswith(("=", "@")) for cell in cells)
    assert "'=cmd|'/C calc'!A0" in cells
    assert json.loads(next(json_lines(iter(answered))))["families"][0]["family"] == HOSTILE[1]["family"]
