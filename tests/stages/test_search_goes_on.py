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


def start_tune() -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "stages.tune"]
    environment = {"PYTHONPATH": str(toy.REPO), "PATH": ""}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def project(chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The chain's photos and features, as the current folder, a git repository."""
    folder = tmp_path / "project"
    for name in ("data/clean", "data/split", "data/processed", "data/features"):
        shutil.copytree(chain.folder / name, folder / name)
    toy.write_params(folder, KNOBS)
    monkeypatch.chdir(folder)
    return folder


def test_killed_search_goes_on_and_ends_with_the_same_bytes(project):
    assert start_tune().wait(PATIENCE_S) == 0
    whole = toy.snapshot(project)
    for written in ("models", "metrics", "plots"):
        shutil.rmtree(project / written)

    process, until = start_tune(), time.monotonic() + PATIENCE_S
    while not any(" trial " in line for line in open_journals(project)):
        assert process.poll() is None, "the stage ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE_S) == -signal.SIGKILL
    assert not (project / "models/tune").exists()
    _, log = start_tune().communicate(timeout=PATIENCE_S)
    assert "going on after" in log
    assert toy.snapshot(project) == whole
    assert not list((project / "data/searches").glob("*.log"))


def open_journals(project: Path) -> list[str]:
    """Lines of Optuna's journal that add a finished trial."""
    files = (project / "data/searches").glob("*.log")
    return [" trial " for file in files for line in file.read_text("utf-8").splitlines() if '"state"' in line]
