"""Harm the pipeline in every way we know, and count what comes of it: `python -m benchmarks.campaign`.

Run from the repository root; about a quarter of an hour on two cores. Stages are killed, interrupted and told to end at
random moments and meet full disks; `unzip` gets hostile archives, the readers of weights and networks files that would
run code, and the decoder mutants of photos in every format. Each attempt should come to the same result or to one
message. What did not is listed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from benchmarks.campaign.archives import attack_unzip
from benchmarks.campaign.attempt import Attempt, table
from benchmarks.campaign.disks import fill_disks
from benchmarks.campaign.files_that_run import read_hostile_files
from benchmarks.campaign.kills import kill_stages
from benchmarks.campaign.pictures import mutate_pictures
from benchmarks.campaign.project import STAGES, make_project
from rare_species.common.command_line import Parser, run_command
from rare_species.common.errors import UserError

LISTED = 400  # characters of what was said


def run(rounds: int, mutants: int, seed: int) -> Iterator[Attempt]:
    """All attempts, as they end.

    Args:
        rounds: each signal for each stage.
        mutants: of photos.
        seed: of moments and mutations.

    Raises:
        UserError: when a stage fails that nobody harms.
    """
    yield from mutate_pictures(mutants, seed)
    yield from read_hostile_files()
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder) / "project")
        for stage in STAGES:
            ended = project.stage(stage)
            if ended.code:
                raise UserError(f"Expected stage {stage} to run. Received: {ended.said.strip()[-LISTED:]}")
        yield from attack_unzip(project)
        yield from fill_disks(project)
        yield from kill_stages(project, rounds, seed)


def main() -> int:
    """Print what came of each attempt that did harm, and the counts."""
    parser = Parser(
        prog="python -m benchmarks.campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=2, help="signals of each kind for each stage; default: 2")
    parser.add_argument("--mutants", type=int, default=1500, help="default: 1500")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parameters = parser.parse_args()
    return run_command("campaign", lambda: _count(run(parameters.rounds, parameters.mutants, parameters.seed)))


def _count(running: Iterator[Attempt]) -> int:
    attempts = []
    for attempt in tqdm(running, desc="campaign", unit="attempt", mininterval=1.0):
        attempts.append(attempt)
        if not attempt.is_fine:
            tqdm.write(f"{attempt.kind}: {attempt.name}: {attempt.outcome}. {attempt.said[-LISTED:]}")
    print(table(attempts))
    return int(not all(attempt.is_fine for attempt in attempts))


if __name__ == "__main__":
    sys.exit(main())
