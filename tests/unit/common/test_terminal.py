"""Names of others on a terminal, in a log and in a spreadsheet."""

import csv
import json
import logging
import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rare_species.common.terminal import count, log_handler, printable, printable_lines, spreadsheet_cell
from tests.toy import REPO

any_text = st.text(st.characters(categories=("L", "N", "P", "Cc", "Cf", "Cs", "Z")))


@pytest.mark.parametrize(("amount", "said"), [(0, "0 photos"), (1, "1 photo"), (2_293, "2,293 photos")])
def test_an_amount_has_its_noun(amount: int, said: str) -> None:
    assert count(amount, "photo") == said
    assert count(amount, "family", "families").endswith("family" if amount == 1 else "families")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Felidae", "Felidae"),
        ("日本/Ähren\u00a0é \\d.jpg", "日本/Ähren\u00a0é \\d.jpg"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian is spelt with it
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\r\tc\x7f", r"a\nb\r\tc\x7f"),
        ("\u202egpj.exe\u2066", r"\u202egpj.exe\u2066"),
        ("\u2028\ufeff\u200b", r"\u2028\ufeff\u200b"),
        ("\udce4.jpg", r"\udce4.jpg"),  # a name of bytes that are no UTF-8
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_does_more_than_show_is_escaped(text, shown):
    assert printable(text) == shown


@settings(max_examples=200, deadline=None)
@given(any_text)
def test_any_text_is_one_line_that_any_terminal_takes(text):
    shown = printable(text)
    assert len(f"{shown} ".splitlines()) == 1
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert shown.encode("utf-8").decode() == shown == printable(shown)


def test_lines_of_a_message_stay():
    assert printable_lines("one\n\x1btwo") == "one\n\\x1btwo"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", " =", "\t=", "\r="])
def test_a_cell_is_no_formula(start):
    cell = spreadsheet_cell(f"{start}cmd|' /C calc'!A0")
    assert cell.startswith(("'", "\\"))  # a tab and a carriage return are shown as \t and \r
    assert cell.endswith("cmd|' /C calc'!A0")


@pytest.mark.parametrize("text", ["Felidae", "a-b=c@d", "'quoted'", ""])
def test_other_cells_stay(text):
    assert spreadsheet_cell(text) == text


@settings(max_examples=100, deadline=None)
@given(any_text)
def test_no_cell_of_any_name_is_a_formula(text):
    assert not spreadsheet_cell(text).lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))


def test_log_has_a_line_for_each_message():
    record = logging.LogRecord(
        "x", logging.INFO, "x.py", 1, "skipped %s", ("a\n12:00:00 clean: all kept\x1b[0m",), None
    )
    (line,) = log_handler("clean").format(record).splitlines()
    assert line.endswith(r" clean: skipped a\n12:00:00 clean: all kept\x1b[0m")


ANSWERS = """
import sys
from pathlib import Path
import numpy as np
from rare_species.predict.answers import csv_lines, json_lines, make_answer, table_lines
from rare_species.common.command_line import run_command

def show():
    classes = [{"class_id": 0, "family": "日本é", "phylum": "😀"}]
    answers = [make_answer(Path("日本.jpg"), np.array([1], np.float32), classes, 0.5, 1)]
    files = [Path("日本.jpg")]
    for form in (table_lines(iter(answers), files, classes), csv_lines(iter(answers), 1), json_lines(iter(answers))):
        for line in form:
            print(line)
    print("skipped 日本.jpg", file=sys.stderr)
    return 0

sys.exit(run_command("predict", show))
"""
ENCODINGS = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "utf-8": {"LC_ALL": "C"},  # Python's own choice there
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_come_through_every_encoding(tmp_path, encoding):
    names = ("PYTHONUTF8", "PYTHONIOENCODING", "LC_ALL", "LANG")
    kept = {name: text for name, text in os.environ.items() if name not in names}
    (tmp_path / "show.py").write_text(ANSWERS, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, tmp_path / "show.py"],
        env=kept | ENCODINGS[encoding] | {"PYTHONPATH": str(REPO)},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert b"Traceback" not in result.stderr
    _, table, header, row, document = result.stdout.decode(encoding).splitlines()
    family = {"latin-1": r"\u65e5\u672cé", "ascii": r"\u65e5\u672c\xe9", "utf-8": "日本é"}[encoding]
    assert table.split()[1] == next(csv.reader([row]))[2] == family
    assert header.startswith("file,")
    assert json.loads(document)["file"] == "日本.jpg"
    assert json.loads(document)["families"] == [{"family": "日本é", "phylum": "😀", "probability": 1.0}]
