"""One run of all stages on the toy archive, shared by the tests of this folder."""

import importlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import toy


@dataclass(frozen=True)
class Chain:
    """A finished run.

    Attributes:
        folder: where it ran.
        written: by stage, the files that it wrote.
    """

    folder: Path
    written: dict[str, set[str]]


@pytest.fixture(scope="session", autouse=True)
def one_core() -> Iterator[None]:
    """Work in this process: a pool would fork it while TensorFlow's threads run. The e2e tests use the pool."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("clean", "preprocess"):
            patch.setattr(importlib.import_module(f"stages.{name}"), "available_cores", lambda: 1)
        yield


def run_chain(folder: Path, stages: tuple[str, ...]) -> Chain:
    """Run stages in order and note what each writes or changes."""
    written = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in stages:
            before = toy.snapshot(folder)
            assert toy.run_stage(name) == 0, f"{name} failed"
            written[name] = {path for path, digest in toy.snapshot(folder).items() if before.get(path) != digest}
    return Chain(folder, written)


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """All stages with a frozen backbone; tests read its files and leave them alone."""
    return run_chain(toy.write_project(tmp_path_factory.mktemp("chain")), toy.STAGES)


def run_from_embed(folder: Path, chain: Chain, parameters: dict[str, Any]) -> Chain:
    """Run the stages from embed on with other parameters, on the chain's photos."""
    for name in ("data/clean", "data/split", "data/processed"):
        shutil.copytree(chain.folder / name, folder / name)
    toy.write_params(folder, parameters)
    return run_chain(folder, ("embed", "train", "tune", "evaluate"))


@pytest.fixture
def embedded(chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the chain's photos and features, nothing fitted yet, as the current folder."""
    folder = tmp_path / "embedded"
    for name in ("data/clean", "data/split", "data/processed", "data/features"):
        shutil.copytree(chain.folder / name, folder / name)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def cnn_chain(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Chain:
    """The stages from embed on with the baseline network, in a folder of their own."""
    return run_from_embed(tmp_path_factory.mktemp("cnn"), chain, {"model.name": "cnn", "train.epochs": 1})


@pytest.fixture(scope="session")
def phylum_chain(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Chain:
    """The stages from embed on with a classifier that is conditioned on the phylum, in a folder of their own."""
    parameters = {"model.inputs": ["image", "phylum"], "embed.augmented_copies": 1}
    return run_from_embed(tmp_path_factory.mktemp("phylum"), chain, parameters)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh toy project, nothing run yet, as the current folder."""
    monkeypatch.chdir(tmp_path)
    return toy.write_project(tmp_path)


@pytest.fixture
def finished(chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished run, as the current folder; without its networks, which are large."""
    folder = shutil.copytree(chain.folder, tmp_path / "finished", ignore=shutil.ignore_patterns("*.keras"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def archive(finished: Path) -> Path:
    """The archive of a finished run, for a test to spoil."""
    return finished / toy.PARAMETERS["unzip.archive"]


@pytest.fixture
def whole(chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A complete copy of the finished run, as the current folder."""
    folder = shutil.copytree(chain.folder, tmp_path / "whole")
    monkeypatch.chdir(folder)
    return folder
