"""README, docs/ and mkdocs.yml: short, complete, without a dead link, and with commands that exist."""

import functools
import itertools
import operator
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rare_species.__main__ import COMMANDS
from rare_species.cli import summary
from rare_species.params.all_sections import RENAMED
from tests.pages import NEEDS, PAGES, PageError, blocks_of, chapters, continued, read_blocks
from tests.toy import REPO

README, SITE = REPO / "README.md", REPO / "mkdocs.yml"
README_LINES = 150
PROGRAMS = (
    *PAGES,
    REPO / "Makefile",
    *sorted((REPO / "experiments").iterdir()),
    *sorted((REPO / ".github").rglob("*.yml")),
)
PARAMS = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page's text without code blocks, where brackets are not links."""
    return re.sub(r"^```.*?^```", "", read(page), flags=re.DOTALL | re.MULTILINE)


def nav_files(entries: list[Any]) -> list[str]:
    """Pages of a navigation of mkdocs.yml, in order."""
    found: list[str] = []
    for entry in entries:
        (target,) = entry.values()
        found += [target] if isinstance(target, str) else nav_files(target)
    return found


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and mkdocs make from a page's headings."""
    headings = re.findall(r"^#+ (.*)", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_is_short():
    assert len(read(README).splitlines()) <= README_LINES


def test_readme_shows_what_the_last_run_said(monkeypatch, capsys):
    monkeypatch.chdir(REPO)
    assert summary.main([]) == 0
    shown = ["\n".join(block.lines) for block in blocks_of(README) if block.language == "text"]
    assert capsys.readouterr().out.strip() in shown


def test_every_page_is_in_the_navigation_once():
    site = yaml.safe_load(read(SITE))
    assert sorted(nav_files(site["nav"])) == sorted(page.name for page in PAGES if page != README)


def test_readme_links_every_page():
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)\)", read(README)))
    assert linked == {page.name for page in PAGES} - {"README.md", "index.md"}


@pages
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(<?([^)>\s]+)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert page == README or file.is_relative_to(REPO / "docs"), f"{target} is not part of the site"
        assert not anchor or anchor in anchors(file), target


@pages
def test_blocks_and_their_comments_are_known(page):
    blocks_of(page)


@pages
def test_every_comment_stands_before_a_block(page):
    lines = [*read(page).splitlines(), ""]
    pairs = itertools.pairwise(lines)
    loose = [line for line, after in pairs if line.startswith("<!--") and not after.startswith("```")]
    assert loose == (lines[:1] if continued(page) else [])


def test_every_page_is_in_one_chapter():
    assert sorted(page for chapter in chapters() for page in chapter) == sorted(PAGES)


@pages
def test_make_commands_exist(page):
    code = re.findall(r"```.*?```|`[^`\n]+`", read(page), re.DOTALL)
    named = set(re.findall(r"(?:^|[`$;&]\s*)make (?:\w+=\S+ )?([a-z-]+)", "\n".join(code), re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z-]+):", read(REPO / "Makefile"), re.MULTILINE))


def test_readme_names_the_two_commands():
    assert {"make repro", "make test"} <= set(re.findall(r"make [a-z]+", read(README)))


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """Cells of the table below a heading, without its own heading and ruler."""
    section = read(page).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_parameters_to_try_first_exist():
    rows = table_rows(REPO / "docs" / "pipeline.md", "Parameters")
    assert [section.strip("`") for section, _ in rows] == [name for name in PARAMS if name != "unzip"]
    for section, text in rows:
        named = {span for code in re.findall(r"`([^`]+)`", text) if (span := re.match(r"[a-z_]+", code)[0]) != "cnn"}
        assert named <= set(PARAMS[section.strip("`")]), section


def test_benchmarks_that_are_listed_exist():
    rows = table_rows(REPO / "docs" / "benchmarks.md", "One at a time")
    names = {name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)}
    assert names
    assert all((REPO / "benchmarks" / name).is_dir() or (REPO / f"benchmarks/{name}.py").is_file() for name in names)


@pages
def test_no_page_names_a_parameter_as_it_was_called_before(page):
    current = {part for name in RENAMED.values() for part in name.split(".")}
    gone = {name.rpartition(".")[2] for name in RENAMED} - current - {"names"}
    assert not gone & set(re.findall(r"`([a-z_]+)`", read(page)))


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda file: file.name)
def test_commands_of_the_project_exist(file):
    assert set(re.findall(r"-m rare_species ([\w-]+)", read(file))) <= {*COMMANDS, "--help"}
    assert re.findall(r"-m rare_species\.\w+", read(file)) == []


@pages
def test_modules_that_are_run_exist(page):
    for module in re.findall(r"-m ((?:stages|benchmarks)\.\w+)", read(page)):
        if module != "benchmarks.NAME":
            place = REPO / module.replace(".", "/")
            assert place.is_dir() or place.with_suffix(".py").is_file(), module


@pages
def test_every_parameter_that_is_set_exists(page):
    for name in re.findall(r"-S '?([a-z_]+(?:\.[a-z_0-9]+)+)=", read(page)):
        functools.reduce(operator.getitem, name.split("."), PARAMS)


@pages
def test_no_gap_is_left_to_fill(page):
    assert not re.findall(r"@@\w+@@|TODO|TBD", read(page))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- needs: luck -->\n```console\n$ make\n```", "unknown comment"),
        ("<!-- exit: some -->\n```console\n$ make\n```", "unknown comment"),
        ("```console\nmake\n```", "no command"),
        ("```console\n```", "no command"),
        ("<!-- exit: 2 -->\n```console\n$ make\n$ make\n```", "exit code of several"),
        ("<!-- needs: network -->\n```text\nwords\n```", "what is not run"),
        ("```\nwords\n```", "is none of"),
        ("  ```console\n$ make\n  ```", "is none of"),
        ("```console\n$ make", "not closed"),
    ],
)
def test_block_that_nobody_can_run_is_refused(text, said):
    with pytest.raises(PageError, match=said):
        read_blocks(text, "page")


def test_commands_are_read_as_they_are_typed():
    text = "<!-- exit: 0 or 2 -->\n```console\n$ one --long \\\n    option\nsaid\n$ two  # why\n```\n"
    (block,) = read_blocks(text.replace("$ two  # why\n", ""), "page")
    assert (block.commands, block.codes) == (["one --long \\\n    option"], (0, 2))
    (block,) = read_blocks(text.removeprefix("<!-- exit: 0 or 2 -->\n"), "page")
    assert block.commands == ["one --long \\\n    option", "two  # why"]


def test_what_commands_may_need_is_explained():
    explained = re.findall(r"^\| `<!-- needs: (\w+) -->`", read(REPO / "docs/contributing.md"), re.MULTILINE)
    assert sorted(explained) == sorted(NEEDS)


def test_site_builds_without_a_warning(tmp_path):
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(SITE),
        "--site-dir",
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "tutorial.html").is_file()
