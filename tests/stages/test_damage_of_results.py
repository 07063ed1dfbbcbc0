"""Every file below models/, metrics/ and plots/, damaged in every way: what reads it says so, or nothing changes.

No command may end in a traceback, in another answer, or without naming the file.
"""

import functools
import hashlib
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rare_species.cli import apply, compare, export, predict, report, split_gap, summary
from rare_species.report import page
from rare_species.report.embedded_pictures import Picture
from stages import evaluate
from tests import toy
from tests.damage import list_damages
from tests.stages.conftest import Chain

log = logging.getLogger(__name__)
OUT = Path("out")  # where commands write to
PHOTO = next(iter(toy.draw_photos()[0]))

COMMANDS: dict[str, Callable[[], int]] = {
    "apply": lambda: apply.main(["models/tune/best.yaml", "--params", shutil.copy("params.yaml", "copy.yaml")]),
    "compare": lambda: compare.main(["workspace", "workspace"]),
    "evaluate": lambda: evaluate.main([]),
    "export": lambda: export.main(["--format", "keras", "--out", str(OUT / "export.keras")]),
    "predict": lambda: predict.main([f"data/images/{PHOTO}", "--json"]),
    "report": lambda: report.main(["--out", str(OUT / "report.html")]),
    "split_gap": lambda: split_gap.main(["workspace", "workspace"]),
    "summary": lambda: summary.main([]),
}
ENOUGH = 2  # damages to see that a file is not read
QUICK = ("apply", "compare", "report", "split_gap", "summary")  # whether they refuse or not
READERS = {  # the longest of these that a path starts with tells what reads it
    "metrics/": ("report", "summary"),
    "metrics/evaluate.json": ("report", "summary", "compare", "split_gap"),
    "models/champion/": ("predict", "export", "report"),
    "models/train/": ("evaluate",),
    "models/tune/": ("evaluate",),
    "models/tune/best.yaml": ("apply",),
    "plots/": ("report",),
    "plots/evaluate/": ("report", "compare", "summary"),
    "plots/split/": ("report", "split_gap"),
}


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Attributes:
        code: its exit code.
        answer: what it printed, and what it wrote.
        said: on stderr.
    """

    code: int
    answer: tuple[str, dict[str, str]]
    said: str

    def refuses(self, path: str) -> bool:
        """Whether it names a file in one message and gives no answer."""
        return self.code in {1, 3} and self.answer == ("", {}) and path in self.said and "Traceback" not in self.said


@pytest.fixture(scope="module")
def run(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the finished run, as the current folder; pictures of the report are not encoded again and again."""
    folder = shutil.copytree(chain.folder, tmp_path_factory.mktemp("damage") / "run")
    (folder / OUT).mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("rare_species.report.page_sections.inline_picture", fingerprint)
        patch.setattr("rare_species.report.page.Environment", cache_first(page.Environment))
        patch.setattr(yaml, "load", functools.cache(yaml.load))  # params.yaml stays whole, and every command reads it
        yield folder


def cache_first(make: Callable[..., Any]) -> Callable[..., Any]:
    """What is made once, though asked for with other arguments that are equal: the page's template is compiled once."""
    made: list[Any] = []
    return lambda **options: made[0] if made else made.append(make(**options)) or made[0]


def fingerprint(file: Path) -> Picture:
    """What stands for a picture on the page: another file, another text."""
    return Picture(hashlib.sha256(file.read_bytes()).hexdigest(), 1, 1, is_chart=True)


def results(run: Path, *suffixes: str) -> Iterator[tuple[Path, str]]:
    """Every result with its path, and there again for the next."""
    for path in sorted(path for name in ("metrics", "models", "plots") for path in (run / name).rglob("*")):
        if path.is_file() and (not suffixes or path.suffix in suffixes):
            data = path.read_bytes()
            yield path, path.relative_to(run).as_posix()
            path.write_bytes(data)


def readers(path: str) -> tuple[str, ...]:
    """Commands that read a file."""
    return READERS[max((start for start in READERS if path.startswith(start)), key=len)]


def some_damages(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """What a file may become, one damage of each kind; None where it is gone.

    All kinds but not all places, as each is tried with every command: checksums are compared before anything is parsed.
    """
    kinds = set()
    for name, damaged in list_damages(path.read_bytes(), path.suffix).items():
        kind = name if name.startswith("a ") else name.split()[-1]
        if kind not in kinds:
            kinds.add(kind)
            yield name, damaged
    yield "gone", None


def do(command: str, capsys: pytest.CaptureFixture[str]) -> Outcome:
    """Run a command in this process."""
    for file in OUT.iterdir():
        file.unlink()
    capsys.readouterr()
    code = COMMANDS[command]()
    said = capsys.readouterr()
    return Outcome(code, (said.out, toy.snapshot(OUT)), said.err)


def test_damage_is_told_by_what_reads_the_file_or_makes_no_difference(run, capsys):
    whole = {command: do(command, capsys) for command in QUICK}
    assert {outcome.code for outcome in whole.values()} == {0}
    counts, wrong = Counter[str](), []
    for path, name in results(run):
        refused = 0
        for tried, (damage, damaged) in enumerate(some_damages(path)):
            if tried == ENOUGH and not refused:  # it is not read
                break
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            for command in readers(name):
                outcome = do(command, capsys)
                if outcome.refuses(name):
                    counts[f"{command} refuses"] += 1
                    refused += 1
                elif command in whole and (outcome.code, outcome.answer) == (0, whole[command].answer):
                    counts[f"{command} answers the same"] += 1
                else:
                    wrong.append(f"{name}, {damage}, {command}: {outcome.code} {outcome.said[-300:]}")
            path.touch()  # for the next to replace
    log.info("%s", dict(counts))
    assert not wrong, "\n".join(wrong)
    assert all(counts[f"{command} refuses"] for command in COMMANDS)
