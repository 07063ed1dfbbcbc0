"""What a run left behind: metrics, predictions and knobs of a commit, of a DVC experiment, or of the workspace.

All three are in git, so git is asked and DVC, which takes a second to start, is not.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeVar

import numpy as np
import yaml
from numpy.typing import NDArray

from rare_species.errors import UserError
from rare_species.paths import Paths

WORKSPACE = "workspace"  # DVC's word for it too
COLUMNS = ("file_path", "family", "predicted", "true_probability", "true_rank")
T = TypeVar("T")


@dataclass(frozen=True)
class Revision:
    """Where a run is looked up.

    Attributes:
        name: as the user gave it.
        commit: its hash; None for the workspace.
        root: the repository's root.
    """

    name: str
    commit: str | None
    root: Path

    def __str__(self) -> str:
        return f"{self.name} ({self.commit[:7]})" if self.commit else self.name

    def read(self, path: PurePath) -> str:
        """The text of a file of the repository.

        Args:
            path: relative to the root.

        Raises:
            UserError: when it isn't there, or isn't UTF-8.
        """
        try:
            return self._bytes(path).decode()
        except UnicodeDecodeError as error:
            raise UserError(
                f"Expected UTF-8 text in {path} of {self}. Received: {error}. Run the pipeline again: make repro"
            ) from error

    def _bytes(self, path: PurePath) -> bytes:
        if self.commit is None:
            file = self.root / path
            if file.is_file():
                return file.read_bytes()
        else:
            shown = _git(self.root, "show", f"{self.commit}:./{path.as_posix()}")
            if shown.returncode == 0:
                return shown.stdout
        todo = "Run the pipeline: make repro" if self.commit is None else "Name a revision that has it"
        raise UserError(f"Expected {path} in {self}. Received: no such file there. {todo}.")


@dataclass(frozen=True)
class Photos:
    """What a model said of the test photos, sorted by file path.

    Attributes:
        file_paths: one per photo, no two alike.
        families: the true ones.
        predicted: the most probable ones.
        true_probability: float array of shape (n,), of the true family.
        true_rank: int array of shape (n,), of the true family, from 1.
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
        revision: where it was found.
        model: train or tune.
        metrics: of that model, as in metrics/evaluate.json.
        photos: its predictions.
        params: params.yaml.
    """

    revision: Revision
    model: str
    metrics: dict[str, Any]
    photos: Photos
    params: dict[str, Any]


def find_revision(name: str, root: Path) -> Revision:
    """Look a name up: the workspace, else a git revision, else a DVC experiment.

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
    paths = Paths()
    evaluation = _parse(revision, paths.metrics("evaluate"), json.loads, "JSON")
    model = model or str(evaluation.get("champion"))
    metrics = evaluation.get(model)
    if not isinstance(metrics, dict):
        found = ", ".join(name for name, part in evaluation.items() if isinstance(part, dict))
        raise UserError(
            f"Expected scores of {model} in {paths.metrics('evaluate')} of {revision}. Received those of: "
            f"{found or 'none'}. Choose another with --model."
        )
    table = paths.plots("evaluate") / model / "predictions.csv"
    params = _parse(revision, PurePath("params.yaml"), yaml.safe_load, "YAML")
    return Run(revision, model, metrics, _read_photos(revision, table), params)


def _read_photos(revision: Revision, path: PurePath) -> Photos:
    table = csv.DictReader(io.StringIO(revision.read(path), newline=""))
    try:
        rows = sorted(table, key=lambda row: row["file_path"])
        columns = {name: tuple(row[name] for row in rows) for name in COLUMNS}
        probability = np.array([float(value or "nan") for value in columns["true_probability"]])
        rank = np.array([int(value) for value in columns["true_rank"]], dtype=np.int64)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_understood(revision, path, f"a table with {', '.join(COLUMNS)}", repr(error)) from error
    files = columns["file_path"]
    if not rows or len(set(files)) < len(files):
        received = f"{len(files) - len(set(files))} paths twice" if rows else "no rows"
        raise _not_understood(revision, path, "one row per test photo", received)
    return Photos(files, columns["family"], columns["predicted"], probability, rank)


def _parse(revision: Revision, path: PurePath, parse: Callable[[str], Any], language: str) -> dict[str, Any]:
    text = revision.read(path)
    try:
        document = parse(text)
    except (ValueError, yaml.YAMLError) as error:
        raise _not_understood(revision, path, language, str(error)) from error
    if not isinstance(document, dict):
        raise _not_understood(revision, path, f"a mapping as {language}", type(document).__name__)
    return document


def _not_understood(revision: Revision, path: PurePath, expected: str, received: str) -> UserError:
    return UserError(f"Expected {expected} in {path} of {revision}. Received: {received}. Write it again: make repro")


def _commit(root: Path, name: str) -> str | None:
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.stdout.decode().split()[-1] if found.returncode == 0 else None


def _experiment(root: Path, name: str) -> str | None:
    """The commit of refs/exps/<first two letters>/<other 38 of the commit it started from>/<name>."""
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
