"""What dvclive leaves behind, and what it must not touch."""

import json
import subprocess

import numpy as np
import pandas as pd
import pytest

from rare_species.common.errors import UserError
from rare_species.common.staged_files import rounded
from rare_species.tracking.live import live_log, log_confusion, log_epoch, write_metrics

EPOCHS = [
    {"train_loss": 2.0, "val_loss": 2.5, "val_macro_f1": 0.1},
    {"train_loss": 1.0, "val_loss": 1.23456789, "val_macro_f1": 0.2},
    {"train_loss": 0.5, "val_loss": 1.5, "val_macro_f1": 0.3},
]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git and DVC repository without a commit as the current folder: where dvclive does most."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    git("init", "--quiet")
    return tmp_path


def git(*command):
    subprocess.run(["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *command], check=True)


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", ".dvc"} & set(path.relative_to(folder).parts)
    )


def log_three_epochs(folder):
    with live_log(folder) as live:
        for epoch, scores in enumerate(EPOCHS):
            log_epoch(live, epoch, scores)


def test_only_curves_are_written_and_dvc_yaml_stays(repository):
    git("add", "--all")
    git("commit", "--quiet", "--message", "start")
    log_three_epochs(repository / "plots/train")
    metrics = "plots/train/plots/metrics"
    assert files(repository) == [
        "dvc.yaml",
        f"{metrics}/train/loss.tsv",
        f"{metrics}/val/loss.tsv",
        f"{metrics}/val/macro_f1.tsv",
    ]
    assert (repository / "dvc.yaml").read_text() == "stages: {}\n"
    listed = subprocess.run(["git", "for-each-ref", "refs/exps"], check=True, capture_output=True)
    assert listed.stdout == b""  # no experiment was saved


def test_repository_without_a_commit_is_told_to_make_one(repository):
    with pytest.raises(UserError, match=r"Expected a git repository with a commit.*git commit"):
        log_three_epochs(repository / "plots/train")


def test_no_dvc_yaml_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log_three_epochs(tmp_path / "train")
    assert not list(tmp_path.rglob("dvc.yaml"))
    assert not list(tmp_path.rglob("metrics.json"))


def test_curve_has_a_row_per_epoch(tmp_path):
    log_three_epochs(tmp_path)
    assert (tmp_path / "plots/metrics/val/loss.tsv").read_text() == "step\tloss\n1\t2.5\n2\t1.234568\n3\t1.5\n"
    curve = pd.read_csv(tmp_path / "plots/metrics/val/macro_f1.tsv", sep="\t")
    assert curve["macro_f1"].tolist() == [0.1, 0.2, 0.3]


def test_curves_have_the_same_bytes_every_time(tmp_path):
    for name in ("a", "b"):
        log_three_epochs(tmp_path / name)
    for file in files(tmp_path / "a"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_confusion_matrix_has_a_row_per_photo(tmp_path):
    with live_log(tmp_path) as live:
        log_confusion(live, "confusion", np.array(["cat", "cat", "ant"]), np.array(["cat", "ant", "ant"]))
    assert files(tmp_path) == ["plots/sklearn/confusion.json"]
    assert json.loads((tmp_path / "plots/sklearn/confusion.json").read_text()) == [
        {"actual": "cat", "predicted": "cat"},
        {"actual": "cat", "predicted": "ant"},
        {"actual": "ant", "predicted": "ant"},
    ]


def test_every_number_is_rounded_and_nothing_else_changes():
    document = {"a": [0.123456789, (1.00000049, 2)], "b": {"c": np.float64(1 / 3)}, "d": "0.123456789", "e": True}
    assert rounded(document) == {"a": [0.123457, [1.0, 2]], "b": {"c": 0.333333}, "d": "0.123456789", "e": True}
    assert isinstance(rounded(3), int)


def test_metrics_are_written_rounded_with_a_final_newline(tmp_path):
    write_metrics(tmp_path / "metrics" / "train.json", {"loss": 1 / 3, "best_epoch": 2})
    assert (tmp_path / "metrics/train.json").read_text() == '{\n  "loss": 0.333333,\n  "best_epoch": 2\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(value, tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_metrics(tmp_path / "train.json", {"val": {"loss": value}})
    assert not (tmp_path / "train.json").exists()
