"""One repository for all tests of this folder: TensorFlow makes each of its stages cost seconds."""

from dataclasses import dataclass

import pytest

from tests import toy
from tests.e2e.repository import Repo, command_environment, copy_project


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
    home = tmp_path_factory.mktemp("home")
    repo = Repo(tmp_path_factory.mktemp("repo"), command_environment(home))
    copy_project(repo.folder)
    toy.write_project(repo.folder, {"train.epochs": 2})
    repo.git("init", "--quiet", "--initial-branch", "main")
    repo.git("config", "user.name", "Test")
    repo.git("config", "user.email", "test@example.org")
    repo.git("add", ".")
    repo.git("commit", "--quiet", "--message", "Toy project")
    return repo


@pytest.fixture(scope="session")
def reproduced(fresh: Repo) -> Reproduced:
    """All stages run once and their results committed."""
    output = fresh.dvc("repro")
    fresh.git("add", ".")
    fresh.git("commit", "--quiet", "--message", "First run")
    return Reproduced(fresh, output)
