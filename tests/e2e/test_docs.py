"""Commands and Python snippets of the README and of docs/ run as they are written, page by page and in order."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests import toy
from tests.e2e.repository import Repo, start_repository
from tests.pages import Block, blocks_of, chapters

# What pages and the Makefile name, and no stage reads
BESIDE = ("Makefile", "experiments", *sorted(path.name for path in toy.REPO.glob("requirements*")))
PARAMETERS = {"train.epochs": 1, "tune.trials": 0, "evaluate.explained_photos": 2}  # pages run many stages
START = "start"  # the commit that each page begins at
ARCHIVES = ("mine.zip", "rare_species.zip")  # those that a reader brings
MY_PHOTOS, NEW, HALF = "my_photos", "new.jpg", "half.jpg"


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """A repository with a finished run and all that pages name: an environment, archives and photos."""
    folder = tmp_path_factory.mktemp("docs") / "rare-species"
    folder.mkdir()
    repo = start_repository(folder, tmp_path_factory.mktemp("home"), PARAMETERS)
    for name in BESIDE:
        copy = shutil.copytree if (toy.REPO / name).is_dir() else shutil.copy
        copy(toy.REPO / name, folder / name)
    stand_in_environment(folder / ".venv")
    for name in ARCHIVES:
        shutil.copy(folder / toy.PARAMETERS["unzip.archive"], folder / "data/raw" / name)
    write_photos(folder / MY_PHOTOS)
    with (folder / ".git/info/exclude").open("a", encoding="utf-8") as file:
        file.write(f"/{MY_PHOTOS}/\n")
    repo.run("make", "repro")
    repo.commit("First run")
    repo.git("tag", START)
    return repo


@pytest.fixture
def clean(workplace: Repo) -> Repo:
    """The same for each page, as if no other had been run: files, commits, tags and experiments."""
    experiments = workplace.git("for-each-ref", "--format=%(refname)", "refs/exps").split()  # those in the queue too
    for name in experiments:
        workplace.git("update-ref", "-d", name)
    workplace.git("reset", "--quiet", "--hard", START)
    workplace.git("clean", "--quiet", "--force", "-d")
    workplace.dvc("checkout", "--quiet", "--force")
    return workplace


def stand_in_environment(folder: Path) -> None:
    """Programs of the environment that runs the tests, in one that make finds to be newer than the requirements.

    No link leads to that environment's folders: nothing that is installed here could change it.
    """
    programs = Path(sys.executable).parent
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "dvc"):
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{programs / name}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    (folder / "bin/activate").write_text(f'PATH="{folder / "bin"}:$PATH"\n', encoding="utf-8")
    (folder / "installed").touch()


def write_photos(folder: Path) -> None:
    """Photos that no model has seen, one of them cut in half."""
    folder.mkdir()
    for seed, (family, (_, _, colour)) in enumerate(toy.FAMILIES.items()):
        (folder / f"{family}.jpg").write_bytes(toy.draw_photo(colour, seed))
    photo = toy.draw_photo((90, 90, 90), toy.SEED)
    (folder / NEW).write_bytes(photo)
    (folder / HALF).write_bytes(photo[: len(photo) // 2])


def run_block(repo: Repo, block: Block) -> None:
    """Run a block; it must end as its page says."""
    if block.language == "python":
        runs = [[sys.executable, "-c", "\n".join(block.lines)]]
    else:
        runs = [["bash", "-c", command] for command in block.commands]
    for run in runs:
        result = subprocess.run(
            run,
            cwd=repo.folder,
            env=repo.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert result.returncode in block.codes, (
            f"{block.place}: {run[-1]} ended with {result.returncode}\n{result.stdout}"
        )


def runnable(chapter: Iterable[Path]) -> list[Block]:
    """Blocks of pages that a test can run."""
    blocks = [block for page in chapter for block in blocks_of(page)]
    return [block for block in blocks if block.can_run]


CHAPTERS = [chapter for chapter in chapters() if runnable(chapter)]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: "-".join(page.stem for page in chapter))
def test_pages_run_as_they_are_written(chapter: list[Path], clean: Repo) -> None:
    for block in runnable(chapter):
        run_block(clean, block)
