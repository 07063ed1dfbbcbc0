""".ci/run, with stand-ins for make and pytest: what it does where no browser can be installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import toy

COLLECTED = "#!/bin/sh\necho tests/e2e/test_browser.py::test_a; echo tests/e2e/test_browser.py::test_b\n"


def run_ci(folder: Path, failing: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder of its own, where one target of make fails."""
    make = f'#!/bin/sh\necho "make $1"; test "$1" != {failing}\n'
    for name, script in {"bin/make": make, ".venv/bin/pytest": COLLECTED}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy(toy.REPO / ".ci/run", folder / ".ci/run")
    paths = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run([folder / ".ci/run"], env=paths, capture_output=True, text=True, check=False)


def test_without_a_browser_the_tests_run_and_the_skipped_ones_are_counted(tmp_path):
    result = run_ci(tmp_path, "browser")
    assert (result.returncode, result.stdout.split("make ")[1:]) == (0, ["lint\n", "browser\n", "test\n"])
    assert "up to 2 tests are skipped, those in tests/e2e/test_browser.py" in result.stderr


@pytest.mark.parametrize("target", ["lint", "test"])
def test_a_check_that_fails_fails_it_all(tmp_path, target):
    result = run_ci(tmp_path, target)
    assert result.returncode == 1
    assert "skipped" not in result.stderr
