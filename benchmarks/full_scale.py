"""Time `dvc repro` when nothing changed, and `dvc exp run` of one parameter of the head, with 11,983 photos.

Run from the repository root: `python -m benchmarks.full_scale [--metadata CSV] [--rounds 5]`. About 10 minutes, the
drawing of photos apart. The last commit is cloned into build/bench/, where the pipeline runs once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.photos import FULL_SCALE, full_scale_archive
from benchmarks.report import Row, print_rows
from benchmarks.timing import Turns, take_turns, timed
from benchmarks.workspace import Workspace, ran_on

TWO_STAGES = """
stages:
  one: {cmd: echo one > one.txt, outs: [one.txt]}
  two: {cmd: cp one.txt two.txt, deps: [one.txt], outs: [two.txt]}
"""
IMPORT = ("python", "-c", "import tensorflow")
FIRST_DROPOUT = 0.3
RUN_AGAIN = ("train", "evaluate")  # with another dropout
DVC_READS = (
    "DVC looks at each photo three times (output of `unzip`, dependency of `clean` and `preprocess`) and reads "
    "params.yaml once per stage"
)


def rows(metadata: Path | None = None, rounds: int = 5) -> list[Row]:
    """Both commands.

    Args:
        metadata: of the real photos; None for made-up rows.
        rounds: of each comparison.
    """
    archive, photos = full_scale_archive(metadata), f"{FULL_SCALE:,} photos"
    with tempfile.TemporaryDirectory() as folder:
        full, small = ran_on(archive), two_stages(Path(folder) / "small")
        unchanged = take_turns(
            {"full": timed(lambda: full.dvc("repro")), "two stages": timed(lambda: small.dvc("repro"))}, rounds
        )
        numbers = count()
        experiment = take_turns(
            {"experiment": timed(lambda: run_experiment(full, next(numbers))), "imports": timed(import_twice)},
            rounds,
            warm_up=0,
        )
        alone = {stage: timed(partial(full.run, "python", "-m", f"stages.{stage}"))() for stage in RUN_AGAIN}
    return [
        Row(
            f"`dvc repro` when nothing changed, {photos}",
            "the same in a pipeline of two empty stages",
            "≤ 1.5 s more",
            more(unchanged, "full", "two stages"),
            DVC_READS,
        ),
        Row(
            f"`dvc exp run -S train.head.dropout={FIRST_DROPOUT}`, {photos}",
            "importing TensorFlow twice",
            "≤ 25 s more",
            more(experiment, "experiment", "imports"),
            " and ".join(f"`{stage}` {seconds:.1f} s" for stage, seconds in alone.items()) + " when run alone",
        ),
    ]


def more(turns: Turns, name: str, than: str) -> str:
    """How many seconds more one side takes, and how many times as long."""
    extra = turns.median(name) - turns.median(than)
    return f"{extra:.1f} s more: {turns.speed(than, name)} as long as {turns.median(than):.1f} s"


def two_stages(folder: Path) -> Workspace:
    """The smallest pipeline that has a dependency, run once."""
    folder.mkdir()
    workspace = Workspace(folder)
    workspace.run("git", "init", "--quiet")
    workspace.dvc("init", "--quiet")
    (folder / "dvc.yaml").write_text(TWO_STAGES, encoding="utf-8")
    workspace.dvc("repro", "--quiet")
    return workspace


def run_experiment(workspace: Workspace, number: int) -> None:
    """Run the pipeline with another dropout than before."""
    workspace.dvc("exp", "run", "--set-param", f"train.head.dropout={FIRST_DROPOUT + number / 1000:g}")


def import_twice() -> None:
    """What an experiment must do at least: each of `RUN_AGAIN` starts TensorFlow."""
    here = Workspace(Path.cwd())
    for _ in RUN_AGAIN:
        here.run(*IMPORT)


def main() -> int:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_scale")
    parser.add_argument("--metadata", type=Path, help="metadata.csv of the real photos; default: made-up rows")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    return print_rows(rows(**vars(parser.parse_args())))


if __name__ == "__main__":
    sys.exit(main())
