"""Stage tune: SIGKILL between two trials, and what the same command makes of it afterwards."""

import shutil
from pathlib import Path

import pytest

from tests import toy

PARAMETERS = {"tune.trials": 8, "tune.base.epochs": 3}


@pytest.fixture
def project(embedded: Path) -> Path:
    """Photos and features, and a search of more trials than run at once."""
    toy.write_params(embedded, PARAMETERS)
    return embedded


def test_killed_search_goes_on_and_ends_with_the_same_bytes(project, tmp_path):
    log = tmp_path / "log.txt"
    assert toy.run_apart("tune", log) == 0
    shutil.rmtree(project / "data/searches")  # how long trials took
    whole = toy.snapshot(project)
    for written in ("models", "metrics", "plots"):
        shutil.rmtree(project / written)

    toy.kill_when(lambda: finished_trials(project), "tune", log)
    assert not (project / "models/tune").exists()
    lock = leave_lock(project)
    assert toy.run_apart("tune", log) == 0
    assert "going on after" in log.read_text("utf-8")
    lock.unlink()
    assert [path.name for path in (project / "data/searches").iterdir()] == ["seconds.png"]
    shutil.rmtree(project / "data/searches")
    assert toy.snapshot(project) == whole


def finished_trials(project: Path) -> int:
    """Lines of Optuna's journal that have a trial's state."""
    return sum(file.read_text("utf-8").count('"state"') for file in (project / "data/searches").glob("*.log"))


def leave_lock(project: Path) -> Path:
    """As Optuna's own lock of a journal lies there after a kill in the midst of a line."""
    (journal,) = (project / "data/searches").glob("*.log")
    lock = Path(f"{journal}.lock")
    lock.symlink_to(journal.relative_to(project))
    return lock
