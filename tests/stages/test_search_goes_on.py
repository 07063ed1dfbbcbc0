"""Stage tune: SIGKILL between two trials, and what the same command makes of it afterwards."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import toy

KNOBS = {"tune.trials": 8, "tune.base.epochs": 3}
PATIENCE_S = 120


def start_tune(log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "stages.tune"]
    environment = {"PYTHONPATH": str(toy.REPO), "PATH": ""}
    with log.open("wb") as stream:
        return subprocess.Popen(command, env=environment, stderr=stream)


@pytest.fixture
def project(chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The chain's photos and features, as the current folder, a git repository."""
    folder = tmp_path / "project"
    for name in ("data/clean", "data/split", "data/processed", "data/features"):
        shutil.copytree(chain.folder / name, folder / name)
    toy.write_params(folder, KNOBS)
    monkeypatch.chdir(folder)
    return folder


def test_killed_search_goes_on_and_ends_with_the_same_bytes(project, tmp_path):
    log = tmp_path / "log.txt"
    assert start_tune(log).wait(PATIENCE_S) == 0
    shutil.rmtree(project / "data/searches")  # how long trials took
    whole = toy.snapshot(project)
    for written in ("models", "metrics", "plots"):
        shutil.rmtree(project / written)

    process, until = start_tune(log), time.monotonic() + PATIENCE_S
    while not finished_trials(project):
        assert process.poll() is None, "the stage ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert not (project / "models/tune").exists()
    assert start_tune(log).wait(PATIENCE_S) == 0
    assert "going on after" in log.read_text("utf-8")
    assert [path.name for path in (project / "data/searches").iterdir()] == ["seconds.png"]
    shutil.rmtree(project / "data/searches")
    assert toy.snapshot(project) == whole


def finished_trials(project: Path) -> int:
    """Lines of Optuna's journal that have a trial's state."""
    return sum(file.read_text("utf-8").count('"state"') for file in (project / "data/searches").glob("*.log"))
