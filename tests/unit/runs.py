"""Runs as evaluate leaves them, in real git repositories, for the tests of comparisons."""

import csv
import io
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.staged_files import write_json
from tests import toy

COLUMNS = ("file_path", "family", "predicted", "true_probability", "true_rank")
FAMILIES, PHOTOS = 40, 5
SCORES = {"loss": 0.7, "accuracy": 0.9, "top5_accuracy": 0.95, "macro_f1": 0.9, "macro_auc": 0.99}
METRICS = {"test": SCORES, "test_95": {"macro_f1": {"low": 0.85, "high": 0.95}}}


def draw_rows(wrong: Iterable[int] = range(0, FAMILIES * PHOTOS, 10)) -> list[dict[str, Any]]:
    """Predictions of 200 photos, 5 of each family; the photos whose numbers are given are taken for the next family."""
    wrong = set(wrong)
    rows = []
    for number in range(FAMILIES * PHOTOS):
        family, hit = number // PHOTOS, number not in wrong
        predicted = family if hit else (family + 1) % FAMILIES
        values = (f"{family:02}/{number:03}.jpg", f"f{family:02}", f"f{predicted:02}", 0.8 if hit else 0.05)
        rows.append(dict(zip(COLUMNS, (*values, 1 if hit else 7), strict=True)))
    return rows


def broken(share: float) -> set[int]:
    """Numbers of photos that are wrong when this share of them is broken on top, spread over the families."""
    right = np.setdiff1d(np.arange(FAMILIES * PHOTOS), np.arange(0, FAMILIES * PHOTOS, 10))
    extra = np.random.default_rng(0).choice(right, round(share * FAMILIES * PHOTOS), replace=False)
    return {*range(0, FAMILIES * PHOTOS, 10), *extra.tolist()}


@dataclass(frozen=True)
class Repository:
    """A git repository with params.yaml.

    Attributes:
        folder: its root.
    """

    folder: Path

    def git(self, *arguments: str) -> str:
        """Run git as nobody in particular; what it prints."""
        author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        settings = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        settings |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        command = ["git", *author, *arguments]
        return subprocess.run(command, cwd=self.folder, env=settings, check=True, capture_output=True, text=True).stdout

    def commit(self) -> str:
        """Commit everything; the hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "run")
        return self.git("rev-parse", "HEAD").strip()

    def write(
        self,
        rows: list[dict[str, Any]] | None = None,
        metrics: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
        model: str = "train",
    ) -> None:
        """Write a run: predictions, evaluate.json and params.yaml."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(draw_rows() if rows is None else rows)
        table = self.folder / f"plots/evaluate/{model}/predictions.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text.getvalue(), encoding="utf-8")
        write_json(self.folder / "metrics/evaluate.json", {"champion": model, model: metrics or METRICS})
        self.seal()
        toy.write_params(self.folder, {"evaluate.top_k": 5, "compare.resamples": 500} | (parameters or {}))

    def seal(self) -> None:
        """Write checksums of what is there, as the stage does of what it wrote."""
        write_result_checksums("evaluate", self.folder / "metrics/evaluate.json", self.folder / "plots/evaluate")


def new_repository(folder: Path) -> Repository:
    """A repository whose first commit holds the usual run."""
    repository = Repository(folder)
    repository.git("init", "--quiet", "--initial-branch", "main")
    repository.write()
    repository.commit()
    return repository
