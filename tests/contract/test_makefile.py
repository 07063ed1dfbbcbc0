"""`make repro ARCHIVE=...` gives DVC the name as it was typed, whatever it holds."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.utils.hydra import to_hydra_overrides

from tests.toy import REPO

NAMES = (
    "photos.zip",
    "rare species (1).zip",
    "lynx,bobcat.zip",
    "a=b.zip",
    "it's [one] {of} these.zip",
    "'quoted'.zip",
    '"twice" $HOME `id` $(id) \\n.zip',
    "#1 ~ !.zip",
    "日本.zip",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose dvc and python only print their arguments."""
    shutil.copy(REPO / "Makefile", tmp_path)
    for name in (".venv/bin/dvc", ".venv/bin/python"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\nprintf '%s\\n' {program.name} \"$@\"\n")
        program.chmod(0o755)
    for name in ("requirements.txt", "requirements-dev.txt", ".venv/installed"):
        (tmp_path / name).touch()
    return tmp_path


def make(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "ARCHIVE"))}
    command = ["make", "repro", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_reaches_dvc_as_it_was_typed(root: Path, name: str) -> None:
    (root / name).touch()
    result = make(root, f"ARCHIVE={name}")
    assert result.returncode == 0, result.stderr
    *command, override = result.stdout.splitlines()[:5]
    assert command == ["dvc", "exp", "run", "-S"]
    (parsed,) = to_hydra_overrides([override])
    assert (parsed.key_or_group, parsed.value()) == ("unzip.archive", name)


def test_without_an_archive_the_one_of_params_is_taken(root: Path) -> None:
    result = make(root)
    assert result.stdout.splitlines() == ["dvc", "repro", "python", "-m", "rare_species", "summary"]


def test_an_archive_that_is_not_there_is_named(root: Path) -> None:
    result = make(root, "ARCHIVE=data/raw/it's gone (1).zip")
    assert result.returncode == 2
    assert "Expected an archive at 'data/raw/it's gone (1).zip'. Received: no such file." in result.stderr
    assert "dvc" not in result.stdout
