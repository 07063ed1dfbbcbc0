"""The few lines that `make repro` ends with."""

import json

import pytest

from rare_species.cli.summary import main
from rare_species.common.staged_files import read_json, write_json
from rare_species.report.summary import summarise
from tests.unit.report_run import seal, write_run


def scores(start, top_k=5):
    return {
        "test": {
            "loss": start,
            "accuracy": start + 0.1,
            f"top{top_k}_accuracy": start + 0.2,
            "macro_f1": start + 0.3,
            "macro_auc": start + 0.4,
        },
        "train": {"macro_f1": 1.0},
        "val": {"macro_f1": start + 0.35},
        "test_95": {"macro_f1": {"low": start + 0.25, "high": start + 0.35}},
        "calibration": {"temperature": 1.25, "test": {"ece": 0.1, "ece_calibrated": start / 10}},
        "selective": {"threshold": 0.5, "test": {"answered": 0.9, "precision": 0.95}},
    }


BOTH = {"champion": "tune", "train": scores(0.1), "tune": scores(0.2)}
TABLE = """\
on the test split          train        tune
accuracy                  0.2000      0.3000
top5_accuracy             0.3000      0.4000
macro_f1                  0.4000      0.5000
macro_auc                 0.5000      0.6000
loss                      0.1000      0.2000
macro_f1, 95 %       0.350-0.450 0.450-0.550
champion, by validation macro F1: tune
Overfitted: macro F1 is 1.000 on training, 0.550 on validation and 0.500 on test photos; it knows
the training photos 0.450 better than those of validation.
Calibration error 0.100, and 0.020 at temperature 1.25. Sure of the family in 90% of test photos,
right in 95% of those."""


def test_table_has_a_column_per_model():
    assert summarise(BOTH) == TABLE


def test_model_that_was_not_tuned_has_the_only_column():
    lines = summarise({"champion": "train", "train": scores(0.1)}).splitlines()
    assert lines[0].split() == ["on", "the", "test", "split", "train"]
    assert lines[1].split() == ["accuracy", "0.2000"]
    assert any(line.endswith(": train") for line in lines)


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        (0.99, "Sure of the family in 0% of test photos."),
        (None, "Sure of the family in 0% of test photos: no probability gave the target precision on validation."),
    ],
)
def test_precision_of_no_answers_is_not_told(threshold, said):
    selective = {"threshold": threshold, "test": {"answered": 0.0, "precision": 1.0}}
    shown = summarise({"champion": "train", "train": scores(0.1) | {"selective": selective}})
    assert " ".join(shown.split()).endswith(said)


def test_top_k_accuracy_is_shown_for_any_k():
    lines = summarise({"champion": "train", "train": scores(0.1, top_k=3)}).splitlines()
    assert lines[2].split() == ["top3_accuracy", "0.3000"]


def test_command_shows_the_table_and_where_the_champion_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path)
    assert main([]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(
        "on the test split          train        tune\naccuracy                  0.6000      0.6250\n"
    )
    assert "models/champion/model.keras" in shown.out
    assert "plots/evaluate/tune/" in shown.out
    assert shown.err == ""


def test_without_a_run_the_command_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    shown = capsys.readouterr()
    assert "Expected metrics/evaluate.json. Received: no such file." in shown.err
    assert "make repro" in shown.err
    assert shown.out == ""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A finished run, and the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_run(tmp_path)


@pytest.mark.parametrize(
    ("group", "missing", "received"),
    [
        ("test", "accuracy", "train.test: accuracy is missing"),
        ("val", "top5_accuracy", "train.val: one top-k accuracy is expected, and there are 0"),
        ("test_95", "macro_f1", "train: test_95.macro_f1 is missing"),
        ("calibration", "temperature", "train.calibration.temperature: Field required"),
        ("selective", "test", "train.selective.test: Field required"),
    ],
)
def test_metric_that_is_missing_is_not_passed_over(here, capsys, group, missing, received):
    evaluation = read_json(here / "metrics/evaluate.json")
    del evaluation["train"][group][missing]
    write_json(here / "metrics/evaluate.json", evaluation)
    seal(here)
    assert main([]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(
        f"summary: Expected metrics/evaluate.json to be what its stage writes. Received: {received}"
    )
    assert shown.out == ""


@pytest.mark.parametrize(
    ("place", "value", "received"),
    [
        ("champion", "best", "champion: "),
        ("train.test.accuracy", 1.5, "train.test: accuracy must be from 0 to 1, and is 1.5"),
        ("train.test.loss", -1, "train.test: loss must be at least 0, and is -1.0"),
        ("train.test.loss", float("nan"), "train.test.loss: Input should be a finite number"),
        ("train.test.macro_f1", "0.5", "train.test.macro_f1: Input should be a valid number"),
        ("train.test_95.macro_f1.low", 0.9, "train.test_95.macro_f1: low must be at most high, and is 0.9 above"),
        ("train.test.top3_accuracy", 0.5, "train.test: one top-k accuracy is expected, and there are 2"),
        ("train.calibration.temperature", 0, "train.calibration.temperature: Input should be greater than 0"),
        ("train.selective.threshold", 2, "train.selective.threshold"),
        ("train.selective.threshold", None, None),
        ("train.selective.test.answered", 2, "train.selective.test.answered: "),
        ("other", {}, "other: Extra inputs are not permitted"),
    ],
)
def test_metrics_that_cannot_be_are_refused(here, capsys, place, value, received):
    evaluation = read_json(here / "metrics/evaluate.json")
    *groups, last = place.split(".")
    part = evaluation
    for group in groups:
        part = part[group]
    part[last] = value
    (here / "metrics/evaluate.json").write_text(json.dumps(evaluation), encoding="utf-8")
    seal(here)
    assert main([]) == (1 if received else 0)
    assert (f"Received: {received}" if received else "") in capsys.readouterr().err


def test_metrics_that_are_not_as_evaluate_wrote_them_are_refused(here, capsys):
    file = here / "metrics/evaluate.json"
    file.write_text(file.read_text(encoding="utf-8").replace("0.6", "0.7"), encoding="utf-8")
    assert main([]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("summary: Expected metrics/evaluate.json as its stage wrote it, see plots/evaluate/SHA")
    assert shown.out == ""
