"""README, Makefile, requirements and the sizes of files keep what they promise."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from rare_species.params.all_sections import RENAMED
from tests.toy import REPO, STAGES

SCRIPT_LINES, MODULE_LINES = 80, 350
KINDS = ("requirements", "requirements-vit", "requirements-export", "requirements-dev")


def read(name: str) -> str:
    return (REPO / name).read_text(encoding="utf-8")


def requirements(name: str) -> list[Requirement]:
    """Entries of a requirements file, without options and comments."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in read(name).splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def pins(name: str) -> dict[str, tuple[str, ...]]:
    """Versions by package: several where another Python or system gets another one."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in requirements(name):
        package = canonicalize_name(entry.name)
        found[package] = (*found.get(package, ()), str(entry.specifier).removeprefix("=="))
    return found


@pytest.mark.parametrize("name", [f"{kind}.txt" for kind in KINDS])
def test_every_requirement_is_pinned(name):
    assert [str(entry) for entry in requirements(name) if not re.fullmatch(r"==[^*,]+", str(entry.specifier))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_pins_satisfy_what_is_asked_for(kind):
    pinned = pins(f"{kind}.txt")
    for entry in requirements(f"{kind}.in"):
        versions = pinned[canonicalize_name(entry.name)]
        assert all(entry.specifier.contains(version, prereleases=True) for version in versions), entry


@pytest.mark.parametrize(("kind", "other"), list(itertools.combinations(KINDS, 2)))
def test_lists_of_pins_agree(kind, other):
    one, two = pins(f"{kind}.txt"), pins(f"{other}.txt")
    assert {name: two[name] for name in one.keys() & two} == {name: one[name] for name in one.keys() & two}


def test_what_is_installed_by_name_is_what_the_lists_ask_for():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    asked = {kind: sorted(project["optional-dependencies"][kind]) for kind in ("vit", "export")}
    assert asked == {kind: sorted(map(str, requirements(f"requirements-{kind}.in"))) for kind in asked}


def test_pythons_are_those_of_the_project_everywhere():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    python, versions = SpecifierSet(project["requires-python"]), ("3.11", "3.12", "3.13")
    assert [python.contains(version) for version in ("3.10", *versions, "3.14")] == [False, True, True, True, False]
    assert {f"Programming Language :: Python :: {version}" for version in versions} <= set(project["classifiers"])
    matrix = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["test"]["strategy"]["matrix"]
    assert tuple(matrix["python"]) == versions
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in read("Makefile")
    assert any(f"FROM python:{version}-" in read("Dockerfile") for version in versions)


def test_hooks_before_a_commit_are_the_checks_of_make_lint():
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    lines = re.search(r"^lint:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)
    assert lines is not None
    commands = [line.strip().removeprefix("@$(BIN)/") for line in lines[1].splitlines()]
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == commands


def test_version_is_the_same_everywhere():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert yaml.safe_load(read("CITATION.cff"))["version"] == version
    assert re.findall(r"^## \[([\d.]+)\]", read("CHANGELOG.md"), re.MULTILINE)[0] == version


def test_image_has_the_pinned_requirements():
    dockerfile = read("Dockerfile")
    for kind in ("requirements", "requirements-vit", "requirements-export"):
        assert f"-r /requirements/{kind}.txt" in dockerfile


def test_changelog_names_every_parameter_that_was_renamed():
    changelog = read("CHANGELOG.md")
    for old, new in RENAMED.items():
        names = [re.sub(r"^compare\.\w+\.", "compare.*.", name) for name in (old, new)]
        assert "| `{}` | `{}` |".format(*names) in changelog


@pytest.mark.parametrize("kind", ["requirements-vit", "requirements-export"])
def test_tests_run_with_what_is_optional(kind):
    assert pins(f"{kind}.txt").items() <= pins("requirements-dev.txt").items()


def test_make_clean_removes_what_the_pipeline_writes():
    (rule,) = re.findall(r"^clean:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)
    removed = set(rule.split())
    stages = yaml.safe_load(read("dvc.yaml"))["stages"].values()
    cached = {out for stage in stages for out in stage["outs"] if isinstance(out, str)}
    assert {out for out in cached if out not in removed and out.partition("/")[0] not in removed} == set()


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
