"""A copy of the repository to run the pipeline in, as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.photos import FOLDER
from rare_species.common.errors import UserError

ARCHIVE = Path("data/raw/bench.zip")
WHO = {"NAME": "Bench", "EMAIL": "bench@example.org"}  # the author of commits there


@dataclass(frozen=True)
class Workspace:
    """A folder with a git repository.

    Attributes:
        folder: its root.
    """

    folder: Path

    def run(self, *command: str) -> str:
        """Run a command there; what it says.

        Raises:
            UserError: when it fails; with the end of what it said.
        """
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode:
            raise UserError(f"Expected {' '.join(command)} to succeed. Received: {result.stdout.strip()[-160:]}")
        return result.stdout

    def git(self, *arguments: str) -> None:
        """Run git."""
        self.run("git", *arguments)

    def dvc(self, *arguments: str) -> None:
        """Run the DVC that is installed beside this Python."""
        self.run("dvc", *arguments)

    @property
    def environment(self) -> dict[str, str]:
        """This process's, without what would lead git, DVC or Python elsewhere; names an author of commits."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "DVC_", "PYTHONPATH"))}
        names = {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in WHO.items()}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return kept | names | {"PATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}


def ran_on(archive: Path) -> Workspace:
    """A clone of the last commit in which the pipeline ran on an archive, as its default is; kept for the next time."""
    workspace = Workspace(FOLDER / f"ran-on-{archive.stem}")
    here, mark = Workspace(Path.cwd()).run("git", "rev-parse", "HEAD"), workspace.folder / "build" / "ran.txt"
    if not mark.is_file() or mark.read_text(encoding="utf-8") != here:
        shutil.rmtree(workspace.folder, ignore_errors=True)
        clone(workspace.folder, archive)
        workspace.dvc("exp", "run", "--quiet", "--set-param", f"unzip.archive={ARCHIVE}")
        workspace.git("add", "--all")
        workspace.git("commit", "--quiet", "--message", f"A run on {ARCHIVE.name}")
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(here, encoding="utf-8")
    return workspace


def clone(folder: Path, archive: Path) -> Workspace:
    """Clone the repository's last commit, and put an archive into `ARCHIVE`.

    Args:
        folder: not there yet.
        archive: to copy.
    """
    Workspace(Path.cwd()).run("git", "clone", "--quiet", ".", str(folder))
    shutil.copy(archive, folder / ARCHIVE)
    return Workspace(folder)
