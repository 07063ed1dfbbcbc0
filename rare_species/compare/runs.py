"""Read the metrics, predictions and parameters of a run: a commit, a DVC experiment or the workspace.

All of them are in git, so this module calls git and not DVC, which takes a second to start.
"""

from __future__ import annotations

import csv
import hashlib
import io
import logging
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from rare_species.common.checksums import LIST_NAME, compare_digests, parse_checksums
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.common.read_params import NO_VALUE, PARAMS, yaml_problem
from rare_species.common.validated_json import parse_json_file
from rare_species.common.yaml_aliases import refuse_endless
from rare_species.evaluate.metrics_file import PastEvaluation

WORKSPACE = "workspace"  # DVC uses the same word
COLUMNS = ("file_path", "family", "predicted", "true_probability", "true_rank")
AGAIN = "Write it again: make repro"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Revision:
    """The place of a run.

    Attributes:
        name: name that the user gave.
        commit: hash of the commit; None for the workspace.
        root: root of the repository.
    """

    name: str
    commit: str | None
    root: Path

    def __str__(self) -> str:
        return f"{self.name} ({self.commit[:7]})" if self.commit else self.name

    def read(self, path: PurePath) -> bytes:
        """Read a file of the repository.

        Args:
            path: relative to the root.

        Raises:
            UserError: when it isn't there.
        """
        data = self._find(path)
        if data is None:
            todo = "Run the pipeline: make repro" if self.commit is None else "Name a revision that has it"
            raise UserError(f"Expected {path} in {self}. Received: no such file there. {todo}.")
        return data

    def results(self, stage: str) -> Results:
        """Open what a stage left in git; log a warning for a commit from before there were checksums.

        Raises:
            UserError: when the checksums are damaged, or a workspace has none.
        """
        folder = Paths().plots(stage)
        path = folder / LIST_NAME
        if self.commit and self._find(path) is None:
            log.warning("%s is from before checksums: what is in its %s is taken as it is", self, folder)
            return Results(self, folder, None)
        return Results(self, folder, parse_checksums(self.read(path), f"{path} of {self}", AGAIN))

    def _find(self, path: PurePath) -> bytes | None:
        if self.commit is None:
            file = self.root / path
            return file.read_bytes() if file.is_file() else None
        shown = _git(self.root, "show", f"{self.commit}:./{path.as_posix()}")
        return shown.stdout if shown.returncode == 0 else None


@dataclass(frozen=True)
class Results:
    """What a stage of a run left in git.

    Attributes:
        revision: the place of the run.
        folder: folder of the stage's plots, relative to the root.
        listed: SHA-256 by path relative to the folder; None for a commit from before there were checksums.
    """

    revision: Revision
    folder: PurePath
    listed: Mapping[str, str] | None

    def read(self, path: PurePath) -> bytes:
        """Read the stage's metrics or one of its plots.

        Args:
            path: relative to the root.

        Raises:
            UserError: when it isn't there, or isn't as its stage wrote it.
        """
        data, name = self.revision.read(path), PurePath(os.path.relpath(path, self.folder)).as_posix()
        if self.listed is not None:
            found, shown = hashlib.sha256(data).hexdigest(), f"{path} of {self.revision}"
            compare_digests(found, self.listed.get(name), shown, str(self.folder / LIST_NAME), AGAIN)
        return data


@dataclass(frozen=True)
class TestPredictions:
    """A model's predictions on the test photos, sorted by file path.

    Attributes:
        file_paths: paths of the photos, without duplicates.
        families: true families.
        predicted: most probable families.
        true_probability: float array of shape (n,), probability of the true family.
        true_rank: int array of shape (n,), rank of the true family, from 1.
    """

    file_paths: tuple[str, ...]
    families: tuple[str, ...]
    predicted: tuple[str, ...]
    true_probability: NDArray[np.float64]
    true_rank: NDArray[np.int64]


@dataclass(frozen=True)
class Run:
    """One side of a comparison.

    Attributes:
        revision: the place of the run.
        model: "train" or "tune".
        metrics: the model's part of metrics/evaluate.json.
        photos: the model's predictions.
        params: content of params.yaml.
    """

    revision: Revision
    model: str
    metrics: dict[str, Any]
    photos: TestPredictions
    params: dict[str, Any]


def find_revision(name: str, root: Path) -> Revision:
    """Find a run by name: the workspace, else a git revision, else a DVC experiment.

    Args:
        name: "workspace", anything git understands, or the name of an experiment.
        root: the repository's root.

    Raises:
        UserError: when nothing has that name, several experiments of other commits have it, or git does not answer.
    """
    if name == WORKSPACE:
        return Revision(name, None, root)
    repository = _git(root, "rev-parse", "--git-dir")
    if repository.returncode:
        raise UserError(
            f"Expected a git repository in {root.resolve()}. Received: {repository.stderr.decode().strip()}. "
            "Run from the project's root."
        )
    commit = _commit(root, name) or _experiment(root, name)
    if commit is None:
        raise UserError(
            f"Expected a git revision or the name of a DVC experiment. Received: {name!r}, which is neither. "
            "List them: git log --oneline; dvc exp list --all-commits"
        )
    return Revision(name, commit, root)


def read_run(revision: Revision, model: str | None = None) -> Run:
    """Read one side of a comparison.

    Args:
        revision: where.
        model: train or tune; the champion when None.

    Raises:
        UserError: when a file is missing or can't be understood, or there is no such model.
    """
    paths, results = Paths(), revision.results("evaluate")
    source = f"{paths.metrics('evaluate')} of {revision}"
    evaluation = parse_json_file(results.read(paths.metrics("evaluate")), PastEvaluation, source, AGAIN)
    candidates = {"train": evaluation.train, "tune": evaluation.tune}
    name = model or evaluation.champion
    metrics = candidates.get(name)
    if metrics is None:
        found = ", ".join(candidate for candidate, part in candidates.items() if part is not None)
        raise UserError(
            f"Expected metrics of {name} in {source}. Received those of: {found or 'none'}. "
            "Choose another with --model."
        )
    table = paths.plots("evaluate") / name / "predictions.csv"
    return Run(revision, name, metrics, _read_photos(results, table), _read_params(revision))


def read_rows(results: Results, path: PurePath) -> list[dict[str, str]]:
    """Read a table.

    Args:
        results: that it belongs to.
        path: relative to the root.

    Raises:
        UserError: when it isn't there, isn't as its stage wrote it, or isn't a table in UTF-8.
    """
    try:
        text = results.read(path).decode()
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _not_understood(results.revision, path, "a table in UTF-8", str(error)) from error
    for row in rows:
        if None in row or None in row.values():
            raise _not_understood(results.revision, path, "as many cells in each row as columns", str(row))
    return rows


def _read_photos(results: Results, path: PurePath) -> TestPredictions:
    rows = read_rows(results, path)
    try:
        rows.sort(key=lambda row: row["file_path"])
        columns = {name: tuple(row[name] for row in rows) for name in COLUMNS}
        probability = np.array([float(value or "nan") for value in columns["true_probability"]])
        rank = np.array([int(value) for value in columns["true_rank"]], dtype=np.int64)
    except (KeyError, ValueError, OverflowError) as error:
        expected = f"a table with {', '.join(COLUMNS)}"
        raise _not_understood(results.revision, path, expected, repr(error)) from error
    files = columns["file_path"]
    if not rows or len(set(files)) < len(files):
        received = f"{len(files) - len(set(files))} paths twice" if rows else "no rows"
        raise _not_understood(results.revision, path, "one row per test photo", received)
    if ((probability < 0) | (probability > 1)).any() or (rank < 1).any() or not all(columns["family"]):
        expected = "families, probabilities from 0 to 1 and ranks from 1"
        raise _not_understood(results.revision, path, expected, "others")
    return TestPredictions(files, columns["family"], columns["predicted"], probability, rank)


def _read_params(revision: Revision) -> dict[str, Any]:
    path = PurePath(PARAMS)
    try:
        document = yaml.safe_load(revision.read(path).decode())
        refuse_endless(document)
    except (*NO_VALUE, RecursionError, yaml.YAMLError) as error:
        raise _not_understood(revision, path, "YAML", yaml_problem(error)) from error
    if not isinstance(document, dict):
        raise _not_understood(revision, path, "a mapping as YAML", type(document).__name__)
    return document


def _not_understood(revision: Revision, path: PurePath, expected: str, received: str) -> UserError:
    return UserError(f"Expected {expected} in {path} of {revision}. Received: {received}. {AGAIN}")


def _commit(root: Path, name: str) -> str | None:
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.stdout.decode().split()[-1] if found.returncode == 0 else None


def _experiment(root: Path, name: str) -> str | None:
    """Find the commit of refs/exps/<2 digits>/<other 38 digits of the commit that it started from>/<name>."""
    listed = _git(root, "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").stdout.decode()
    refs = [line.split(" ", 1) for line in listed.splitlines()]
    found = {ref.removesuffix(f"/{name}"): commit for commit, ref in refs if ref.split("/")[4:] == [name]}
    head = _commit(root, "HEAD") or ""
    if len(found) > 1 and (here := f"refs/exps/{head[:2]}/{head[2:]}") in found:
        return found[here]  # as DVC does
    if len(found) > 1:
        commits = ", ".join(commit[:7] for commit in found.values())
        raise UserError(
            f"Expected one experiment named {name!r}. Received: {len(found)}, started from other commits. Name the "
            f"commit of one instead: {commits}"
        )
    return next(iter(found.values()), None)


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError("Expected git on the PATH. Received: no such command. Install it.") from None
