"""rare_species.common.stage_runner: a mistake of the user is one message and exit code 1; a bug keeps its traceback."""

import errno
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rare_species.common.cores import available_cores
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.common.stage_runner import Stage
from rare_species.params.clean import CleanParams
from tests.toy import REPO

DOCUMENT = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
CLEAN = yaml.safe_dump(DOCUMENT | {"clean": DOCUMENT["clean"] | {"min_side_px": 99}})


@dataclass(frozen=True)
class Params:
    clean: CleanParams


def make_stage(run: Callable[[Params, Paths], dict[str, Any]]) -> Stage[Params]:
    return Stage("clean", "Look at every photo.\n\nReads:  data/images/", Params, run)


def failing(error: BaseException) -> Stage[Params]:
    def run(_params: Params, _paths: Paths) -> dict[str, Any]:
        raise error

    return make_stage(run)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository's root with params.yaml, and the current folder."""
    (tmp_path / "params.yaml").write_text(CLEAN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_run_gets_the_params_and_the_paths_below_the_current_folder(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []

    def run(params: Params, paths: Paths) -> dict[str, Any]:
        seen.extend([type(params), params.clean.min_side_px, paths])
        return {"kept": 7, "rejected": 2}

    with caplog.at_level(logging.INFO):
        assert make_stage(run).main([]) == 0
    assert seen == [Params, 99, Paths(Path())]
    assert "kept 7, rejected 2" in caplog.text


def test_a_good_run_prints_nothing_but_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_stage(lambda _params, _paths: {}).main([]) == 0
    assert capsys.readouterr().out == ""


def test_params_are_read_from_the_file_that_is_named(root: Path) -> None:
    (root / "params.yaml").unlink()
    (root / "other.yaml").write_text(CLEAN.replace("99", "11"))
    seen: list[int] = []
    stage = make_stage(lambda params, _paths: seen.append(params.clean.min_side_px) or {})
    assert stage.main(["--params", "other.yaml"]) == 0
    assert seen == [11]


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        ([], "Expected params.yaml in {}. Received: no such file. Run this from the repository's root.\n"),
        (["--params", "nope.yaml"], "Expected nope.yaml in {}. Received: no such file. Mend the path.\n"),
    ],
)
def test_a_file_of_params_that_is_not_there(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], end: str
) -> None:
    (root / "params.yaml").unlink()
    assert failing(AssertionError("was run")).main(arguments) == 1
    assert capsys.readouterr().err == f"clean: {end.format(root)}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CLEAN.replace("99", "abc"), "clean: clean.min_side_px: Input should be a valid integer"),
        (CLEAN.replace("min_side_px", "min_side"), "clean: clean.min_side_px is missing"),
        ("clean: [", "clean: params.yaml must be YAML"),
        (None, "clean: Expected params.yaml in "),
    ],
    ids=["wrong type", "unknown key", "not YAML", "no file"],
)
def test_params_are_judged_before_anything_is_run(
    root: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str
) -> None:
    (root / "params.yaml").unlink()
    if text is not None:
        (root / "params.yaml").write_text(text)
    assert failing(AssertionError("was run")).main([]) == 1
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("Expected a zip. Received: a pdf."), "Expected a zip. Received: a pdf."),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/clean.partial"),
            "data/clean.partial could not be written: the disk is full (No space left on device). "
            "Free some space, and run again.",
        ),
    ],
    ids=["user error", "disk full"],
)
def test_a_mistake_is_one_message_without_a_traceback(
    capsys: pytest.CaptureFixture[str], error: Exception, message: str
) -> None:
    assert failing(error).main([]) == 1
    printed = capsys.readouterr()
    assert printed.err == f"clean: {message}\n"
    assert printed.out == ""


def test_ctrl_c_is_one_line_and_the_exit_code_of_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(KeyboardInterrupt()).main([]) == 130
    assert capsys.readouterr().err == "clean: interrupted; nothing half-written is left\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError("a bug")).main([])


def test_a_second_run_in_the_same_folder_ends_before_its_work(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with held("metrics/clean.json"):
        assert failing(AssertionError("was run")).main([]) == 1
    assert re.fullmatch(r"clean: Expected to be alone in writing metrics/clean\.json\. .*\n", capsys.readouterr().err)
    assert make_stage(lambda _params, _paths: {}).main([]) == 0
    assert not any((root / "metrics").iterdir())


@pytest.mark.parametrize(
    ("other", "clash"),
    [
        ("unzip", "writes what clean reads"),
        ("split", "reads what clean writes"),
        ("evaluate", "reads what clean writes"),
        ("train", ""),  # neither reads what the other writes
    ],
)
def test_a_stage_does_not_run_beside_its_neighbours(
    root: Path, capsys: pytest.CaptureFixture[str], other: str, clash: str
) -> None:
    with held(f"metrics/{other}.json"):
        assert make_stage(lambda _params, _paths: {}).main([]) == bool(clash)
        assert [path.name for path in (root / "metrics").iterdir()] == [f"{other}.json.lock.partial"]
    expected = f"clean: Expected no run beside clean of a stage that {clash}. Received: {other}, which is running. "
    assert capsys.readouterr().err.startswith(expected if clash else "")


def test_a_lock_that_a_killed_neighbour_left_is_none(root: Path) -> None:
    (root / "metrics").mkdir()
    (root / "metrics/split.json.lock.partial").touch()
    assert make_stage(lambda _params, _paths: {}).main([]) == 0
    assert not any((root / "metrics").iterdir())


@contextmanager
def held(output: str) -> Iterator[None]:
    """Let another process be the one that writes an output."""
    command = [sys.executable, "-c", HOLD, output]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(REPO)}, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout
            other.stdout.readline()
            yield
        finally:
            other.kill()


HOLD = """
import sys, time
from pathlib import Path
from rare_species.common.locking import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_help_shows_the_command_and_the_docstring_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        failing(AssertionError("was run")).main(["--help"])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: python -m stages.clean ")
    assert "Look at every photo.\n\nReads:  data/images/\n" in shown
    assert "--params" in shown


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        failing(AssertionError("was run")).main(["--epochs", "3"])
    assert exit_.value.code == 2
    assert "--epochs" in capsys.readouterr().err


def test_arguments_are_those_of_the_process_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["clean.py", "--params", "gone.yaml"])
    assert failing(AssertionError("was run")).main() == 1


def test_cores_are_those_this_process_may_use() -> None:
    if hasattr(os, "sched_getaffinity"):
        assert available_cores() == len(os.sched_getaffinity(0))
    assert available_cores() >= 1


def test_all_paths_are_below_the_root() -> None:
    paths = Paths(Path("/root"))
    found = {
        "images": paths.images,
        "labels": paths.labels,
        "listing": paths.listing,
        "manifest": paths.manifest,
        "split": paths.split,
        "processed": paths.processed,
        "features": paths.features,
        "model": paths.model("train"),
        "metrics": paths.metrics("train"),
        "plots": paths.plots("train"),
    }
    assert {name: path.relative_to("/root").as_posix() for name, path in found.items()} == {
        "images": "data/images",
        "labels": "data/labels",
        "listing": "data/labels/listing.csv",
        "manifest": "data/clean/manifest.csv",
        "split": "data/split",
        "processed": "data/processed",
        "features": "data/features",
        "model": "models/train",
        "metrics": "metrics/train.json",
        "plots": "plots/train",
    }
