"""One repository for all tests of this folder: TensorFlow makes each of its stages cost seconds."""

from dataclasses import dataclass

import pytest

from tests.e2e.repository import Repo, start_repository


@dataclass(frozen=True)
class Reproduced:
    """A repository after the first `dvc repro`, committed.

    Attributes:
        repo: where.
        output: what the command said.
    """

    repo: Repo
    output: str


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The project committed, nothing run yet."""
    return start_repository(tmp_path_factory.mktemp("repo"), tmp_path_factory.mktemp("home"), {"train.epochs": 2})


@pytest.fixture(scope="session")
def reproduced(fresh: Repo) -> Reproduced:
    """All stages run once and their results committed."""
    output = fresh.dvc("repro")
    fresh.commit("First run")
    return Reproduced(fresh, output)
