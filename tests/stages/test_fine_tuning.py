"""Stage train with a backbone that learns too: what it writes, and what SIGKILL in the second epoch leaves."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests import toy

PARAMETERS = {"train.epochs": 1, "train.fine_tune.epochs": 3, "train.fine_tune.layer_groups": 1}


@pytest.fixture
def tuning(embedded: Path) -> Path:
    """Photos and features, and parameters that fine-tune."""
    toy.write_params(embedded, PARAMETERS)
    return embedded


def test_killed_stage_goes_on_and_ends_with_the_same_bytes(tuning, tmp_path):
    log = tmp_path / "log.txt"
    assert toy.run_apart("train", log) == 0
    whole = toy.snapshot(tuning)
    for written in ("models", "metrics", "plots"):
        shutil.rmtree(tuning / written)

    checkpoints = tuning / "data/checkpoints"
    toy.kill_when(lambda: list(checkpoints.glob("*.npz")), "train", log)  # written when the second epoch begins
    assert not (tuning / "models/train").exists()
    assert toy.run_apart("train", log) == 0
    assert toy.snapshot(tuning) == whole
    assert not checkpoints.exists()

    curve = pd.read_csv(tuning / "plots/train/plots/metrics/val/loss.tsv", sep="\t")
    assert list(curve["step"]) == [1, 2, 3, 4]  # one epoch of the head, three of the whole network
    assert (tuning / "plots/train/augmentation.jpg").is_file()


def test_evaluate_scores_a_fine_tuned_model_on_its_photos(tuning):
    toy.write_params(tuning, PARAMETERS | {"train.fine_tune.epochs": 1, "tune.trials": 0})
    for stage in ("train", "tune", "evaluate"):
        assert toy.run_stage(stage) == 0
    table = pd.read_csv(tuning / "plots/evaluate/train/predictions.csv")
    assert len(table) == 3
