"""The project as a user has it: a git and DVC repository of its own, with the toy archive and the real commands."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import toy

PROJECT = (
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "dvc.yaml",
    "rare_species",
    "requirements.txt",
    "stages",
)
WHERE_FROM = 'import sys\n\nsys.stderr.write(f"stages from {__file__}\\n")\n'


@dataclass(frozen=True)
class Repo:
    """A repository to run commands in.

    Attributes:
        folder: its root.
        environment: of the commands.
    """

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command that must end with this exit code; its stdout and stderr together."""
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        assert result.returncode == code, result.stdout
        return result.stdout

    def git(self, *arguments: str) -> str:
        """Run git."""
        return self.run("git", *arguments)

    def dvc(self, *arguments: str, code: int = 0) -> str:
        """Run the DVC that is installed beside this Python."""
        return self.run("dvc", *arguments, code=code)

    def commit(self, message: str) -> None:
        """Commit all that git does not ignore."""
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", message)

    def reset(self) -> None:
        """Bring the workspace back to the last commit."""
        self.git("checkout", "--quiet", "--", ".")
        self.dvc("checkout", "--quiet", "--force")


def stages_run(output: str) -> list[str]:
    """Stages that DVC says it ran, in order."""
    return re.findall(r"Running stage '(\w+)'", output)


def command_environment(home: Path) -> dict[str, str]:
    """This process's environment without its user's git and DVC settings, and with this Python first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_", "PYTHONPATH"))}
    return kept | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "DVC_SITE_CACHE_DIR": str(home / "site-cache"),
        "DVC_NO_ANALYTICS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def copy_project(folder: Path) -> None:
    """Copy code and graph; every import of `stages` says where it is from."""
    for name in PROJECT:
        source, target = toy.REPO / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    with (folder / "stages/__init__.py").open("a", encoding="utf-8") as file:
        file.write(WHERE_FROM)


def start_repository(folder: Path, home: Path, parameters: Mapping[str, Any]) -> Repo:
    """The project committed, nothing run yet, with these parameters besides the toy's."""
    repo = Repo(folder, command_environment(home))
    copy_project(folder)
    toy.write_project(folder, parameters)
    repo.git("init", "--quiet", "--initial-branch", "main")
    repo.git("config", "user.name", "Test")
    repo.git("config", "user.email", "test@example.org")
    repo.commit("Toy project")
    return repo
