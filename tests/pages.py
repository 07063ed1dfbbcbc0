"""The README and the pages in docs/: their blocks of code, and the comments before these that say how to run them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.toy import REPO

PAGES = (REPO / "README.md", *sorted((REPO / "docs").glob("*.md")))
NEEDS = ("docker", "minutes", "network", "weights")  # what a test has not; docs/contributing.md explains each
LANGUAGES = ("console", "python", "text", "yaml")
GOES_TO = ("file", "code", "entry")  # how tests/e2e/test_extending.py puts an example into the project
FENCE, PROMPT = "```", "$ "


class PageError(Exception):
    """A block that no reader, or no test, can run."""


def chapters() -> list[list[Path]]:
    """Pages in the order in which they are run; each group in a repository where nothing else was run.

    Raises:
        PageError: when a page continues one that is none, or continues another itself.
    """
    found = {page.name: [page] for page in PAGES if continued(page) is None}
    for page in PAGES:
        if (name := continued(page)) is not None:
            if name not in found:
                raise PageError(f"{page.name}: continues {name}, at which nothing begins")
            found[name].append(page)
    return list(found.values())


def continued(page: Path) -> str | None:
    """The page that it goes on from, if it says so in its first line."""
    first = page.read_text(encoding="utf-8").partition("\n")[0]
    return found[1] if (found := re.fullmatch(r"<!-- continues: ([\w-]+\.md) -->", first)) else None


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        place: page and line.
        language: one of `LANGUAGES`.
        lines: between the fences.
        needs: one of `NEEDS`, or None for a block that can be run anywhere.
        codes: exit codes that its command may end with.
        goes_to: one of `GOES_TO` and a file of the project, for an example that is put there; else None.
    """

    place: str
    language: str
    lines: tuple[str, ...]
    needs: str | None
    codes: tuple[int, ...]
    goes_to: tuple[str, str] | None = None

    @property
    def can_run(self) -> bool:
        """Whether it runs as it is, on any machine."""
        return self.language in ("console", "python") and self.needs is None and self.goes_to is None

    @property
    def commands(self) -> list[str]:
        """Those of a console block, as they are typed."""
        found: list[str] = []
        goes_on = False
        for line in self.lines:
            if goes_on:
                found[-1] += f"\n{line}"
            elif line.startswith(PROMPT):
                found.append(line.removeprefix(PROMPT))
            goes_on = (goes_on or line.startswith(PROMPT)) and line.endswith("\\")
        return found


def read_blocks(text: str, name: str) -> list[Block]:
    """The blocks of a page in order.

    Args:
        text: Markdown.
        name: of the page, for messages.

    Raises:
        PageError: when a block or the comment before it is not as docs/contributing.md says.
    """
    return list(_blocks(text.splitlines(), name))


def blocks_of(page: Path) -> list[Block]:
    """The blocks of one of `PAGES`."""
    return read_blocks(page.read_text(encoding="utf-8"), page.name)


def _blocks(lines: list[str], name: str) -> Iterator[Block]:
    fences = [number for number, line in enumerate(lines) if line.lstrip().startswith(FENCE)]
    if len(fences) % 2:
        raise PageError(f"{name}: a block is not closed")
    for start, end in zip(fences[::2], fences[1::2], strict=True):
        place = f"{name}:{start + 1}"
        comment = lines[start - 1] if start else ""
        found = re.fullmatch(rf"<!-- ({'|'.join(GOES_TO)}): ([\w./]+) -->", comment)
        needs, codes = (None, (0,)) if found else _read_comment(comment, place)
        inside, goes_to = tuple(lines[start + 1 : end]), (found[1], found[2]) if found else None
        block = Block(place, lines[start].removeprefix(FENCE), inside, needs, codes, goes_to)
        _check(block)
        yield block


def _read_comment(line: str, place: str) -> tuple[str | None, tuple[int, ...]]:
    if not line.startswith("<!--"):
        return None, (0,)
    if (found := re.fullmatch(r"<!-- needs: (\w+) -->", line)) and found[1] in NEEDS:
        return found[1], (0,)
    if found := re.fullmatch(r"<!-- exit: (\d+(?: or \d+)*) -->", line):
        return None, tuple(int(code) for code in found[1].split(" or "))
    raise PageError(f"{place}: unknown comment {line}")


def _check(block: Block) -> None:
    if block.language not in LANGUAGES:
        raise PageError(f"{block.place}: {block.language!r} is none of {', '.join(LANGUAGES)}")
    if block.language == "console":
        if not block.lines or not block.lines[0].startswith(PROMPT):
            raise PageError(f"{block.place}: no command, which begins with {PROMPT!r}, in the first line")
        if block.codes != (0,) and len(block.commands) > 1:
            raise PageError(f"{block.place}: an exit code of several commands")
    elif block.language == "yaml" and not block.goes_to:
        raise PageError(f"{block.place}: YAML that goes nowhere")
    elif block.language == "text" and (block.needs or block.codes != (0,)):
        raise PageError(f"{block.place}: a comment on what is not run")
