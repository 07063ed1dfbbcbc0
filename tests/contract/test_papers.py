"""README, Makefile, requirements and the sizes of files keep what they promise."""

import itertools
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.toy import REPO, STAGES

SCRIPT_LINES, MODULE_LINES = 80, 350
KINDS = ("requirements", "requirements-vit", "requirements-export", "requirements-dev")


def read(name: str) -> str:
    return (REPO / name).read_text(encoding="utf-8")


def requirements(name: str) -> list[Requirement]:
    """Entries of a requirements file, without options and comments."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in read(name).splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pins(name: str) -> dict[str, str]:
    """Version by package."""
    return {canonicalize_name(entry.name): str(entry.specifier).removeprefix("==") for entry in requirements(name)}


@pytest.mark.parametrize("name", [f"{kind}.txt" for kind in KINDS])
def test_every_requirement_is_pinned(name):
    assert [str(entry) for entry in requirements(name) if not re.fullmatch(r"==[^*,]+", str(entry.specifier))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_pins_satisfy_what_is_asked_for(kind):
    pinned = pins(f"{kind}.txt")
    for entry in requirements(f"{kind}.in"):
        assert entry.specifier.contains(pinned[canonicalize_name(entry.name)], prereleases=True), entry


@pytest.mark.parametrize(("kind", "other"), list(itertools.combinations(KINDS, 2)))
def test_lists_of_pins_agree(kind, other):
    one, two = pins(f"{kind}.txt"), pins(f"{other}.txt")
    assert {name: two[name] for name in one.keys() & two} == {name: one[name] for name in one.keys() & two}


@pytest.mark.parametrize("kind", ["requirements-vit", "requirements-export"])
def test_tests_run_with_what_is_optional(kind):
    assert pins(f"{kind}.txt").items() <= pins("requirements-dev.txt").items()


def test_make_commands_of_the_readme_exist():
    code = re.findall(r"```.*?```|`[^`\n]+`", read("README.md"), re.DOTALL)
    named = set(re.findall(r"(?:^|[`$;&]\s*)make ([a-z-]+)", "\n".join(code), re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert {"repro", "test"} <= named <= targets


def test_links_and_pictures_of_the_readme_exist():
    targets = re.findall(r"\]\(<?([^)>\s]+)", read("README.md"))
    local = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert local
    assert [target for target in local if not (REPO / target).exists()] == []


def test_readme_has_no_gap_left_to_fill():
    assert not re.findall(r"@@\w+@@|TODO|TBD", read("README.md"))


def test_targets_of_the_makefile_are_phony():
    makefile = read("Makefile")
    (phony,) = re.findall(r"^\.PHONY:(.*)", makefile, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("stage", STAGES)
def test_stage_scripts_are_thin(stage):
    assert n_lines(REPO / "stages" / f"{stage}.py") <= SCRIPT_LINES


def test_modules_are_short():
    long = [file.name for file in (REPO / "rare_species").rglob("*.py") if n_lines(file) > MODULE_LINES]
    assert long == []


def n_lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())
