"""A small project to harm: drawn photos, parameters for seconds, and stages that run as a user runs them."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.campaign.attempt import Attempt, Outcome
from benchmarks.photos import SMALL_SIDES_PX, draw
from rare_species.sample.rows import make_rows

STAGES = ("unzip", "clean", "split", "preprocess", "embed", "train", "tune", "evaluate")
ARCHIVE, OTHER_ARCHIVE = Path("data/raw/photos.zip"), Path("data/raw/others.zip")
PARAMS, OTHER_PARAMS = "params.yaml", "other.yaml"
PHOTOS = 150
PATIENCE_S = 120.0
GRACE_S = 5.0  # within which the processes of a killed stage must be gone
BAR = "%|"  # in a line of progress
MARK = "CAMPAIGN"  # an environment variable that all processes of one run inherit
UNFINISHED = ("data/checkpoints", "data/searches")  # what a killed stage leaves on purpose
LOCK = ".lock.partial"  # how the files end by which runs keep out of each other's way
SMALL: Mapping[str, Mapping[str, Any]] = {
    "unzip": {"archive": str(ARCHIVE)},
    "preprocess": {"image_size": 32, "shard_images": 32},
    "train": {"epochs": 3},
    "tune": {"trials": 3},
    "evaluate": {"resamples": 100},
}
OTHER: Mapping[str, Mapping[str, Any]] = {
    "unzip": {"archive": str(OTHER_ARCHIVE)},
    "clean": {"documents": "flag"},
    "split": {"seed": 1},
    "preprocess": {"jpeg_quality": 100},
    "embed": {"augmented_copies": 1},
    "train": {"seed": 1},
    "tune": {"seed": 1},
    "evaluate": {"target_precision": 0.5},
}


@dataclass(frozen=True)
class Ended:
    """A run that is over.

    Attributes:
        code: exit code; negative for a signal that nobody caught.
        said: standard error.
        seconds: by the clock.
        peak: memory of its largest process, in bytes.
        left: processes that were still there after `GRACE_S`.
    """

    code: int
    said: str
    seconds: float
    peak: int
    left: int


@dataclass(frozen=True)
class Project:
    """A folder that stages run in, with the code of this repository.

    Attributes:
        folder: its root.
    """

    folder: Path

    def run(
        self,
        *command: str,
        after_s: float | None = None,
        send: signal.Signals = signal.SIGKILL,
        longest_file: int | None = None,
    ) -> Ended:
        """Run a module of this repository.

        Args:
            command: its name and arguments.
            after_s: when the process, it alone, gets a signal; None for never.
            send: the signal.
            longest_file: writes beyond so many bytes fail, as on a full disk; None for no limit.
        """
        if longest_file is not None:
            command = ("benchmarks.campaign.limited", str(longest_file), *command)
        mark = uuid.uuid4().hex
        environment = os.environ | {"PYTHONPATH": str(Path.cwd()), MARK: mark}
        said, started = self.folder.parent / "said.txt", time.monotonic()
        with said.open("wb") as stream:
            arguments = [sys.executable, "-m", *command]
            process = subprocess.Popen(
                arguments, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, stderr=stream
            )
            code, peak = _wait(process.pid, started, after_s, send)
        seconds = time.monotonic() - started
        process.returncode = code  # it is waited for already
        return Ended(code, said.read_text("utf-8", "replace"), seconds, peak, _left(mark))

    def stage(self, name: str, params: str = PARAMS, **options: Any) -> Ended:
        """Run a stage with a file of parameters; see `run`."""
        return self.run(f"stages.{name}", "--params", params, **options)

    def outputs(self, stage: str) -> dict[str, str]:
        """SHA-256 of every file that a stage wrote, by path."""
        graph = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
        places = [next(iter(out)) if isinstance(out, dict) else out for out in graph[stage]["outs"]]
        return {path: digest for place in places for path, digest in digests(self.folder / place).items()}

    def everything(self) -> dict[str, str]:
        """SHA-256 of every file but locks and those of fits and searches that can go on."""
        unfinished = tuple(str(self.folder / name) for name in UNFINISHED)
        found = digests(self.folder).items()
        return {path: digest for path, digest in found if not path.startswith(unfinished) and not path.endswith(LOCK)}

    def judge_refusal(self, kind: str, name: str, ended: Ended, before: Mapping[str, str]) -> Attempt:
        """What an attempt came to that should have been refused with one message.

        Args:
            kind: see `Attempt`.
            name: likewise.
            ended: the run.
            before: `everything` before it.
        """
        lines = [line for line in ended.said.splitlines() if line.partition(": ")[0] in STAGES and BAR not in line]
        problems = (
            ("Traceback" in ended.said, Outcome.TRACEBACK),
            (ended.code == 0, Outcome.ACCEPTED),
            (self.everything() != before, Outcome.HALF),
            (ended.left > 0, Outcome.ORPHANS),
            (len(lines) != 1, Outcome.UNCLEAR),
        )
        outcome = next((outcome for holds, outcome in problems if holds), Outcome.MESSAGE)
        return Attempt(kind, name, outcome, ended.said.strip()[-300:])


def make_project(folder: Path) -> Project:
    """Draw archives, and write small parameters and others, with which every stage writes other files."""
    (folder / ARCHIVE).parent.mkdir(parents=True)
    rows = make_rows(0, PHOTOS)
    draw(rows, folder / ARCHIVE, SMALL_SIDES_PX)
    draw(rows[:-1], folder / OTHER_ARCHIVE, SMALL_SIDES_PX)
    (folder / "data/exclude.csv").write_text("file_path\n", encoding="utf-8")
    parameters = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    for file, changes in ((PARAMS, [SMALL]), (OTHER_PARAMS, [SMALL, OTHER])):
        for section, values in (item for change in changes for item in change.items()):
            parameters[section] |= values
        parameters["tune"]["base"]["epochs"] = 3
        (folder / file).write_text(yaml.safe_dump(parameters), encoding="utf-8")
    return Project(folder)


def digests(place: Path) -> dict[str, str]:
    """SHA-256 of a file, or of every file below a folder, by path."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _wait(pid: int, started: float, after_s: float | None, send: signal.Signals) -> tuple[int, int]:
    """Wait for a process, and signal it when its time has come; its exit code and peak of memory."""
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024
        passed = time.monotonic() - started
        if after_s is not None and passed >= after_s:
            os.kill(pid, send)
            after_s = None
        if passed > PATIENCE_S:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def _left(mark: str) -> int:
    """Processes of a run that do not end; they are ended here."""
    until = time.monotonic() + GRACE_S
    while (running := _marked(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    for process in running:
        process.kill()
    return len(running)


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):  # it is over, or another user's
            continue
    return found
