"""Disks that are full at some point of a stage: one message, nothing half-written, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.campaign.attempt import Attempt
from benchmarks.campaign.project import OTHER_PARAMS, STAGES, Project

SHARES = (0.1, 0.5, 0.9)  # of a stage's largest file


def fill_disks(project: Project) -> Iterator[Attempt]:
    """Let every stage meet a disk that takes only a part of its largest file.

    Args:
        project: in which all stages have run.
    """
    for stage in STAGES:
        largest = max(Path(path).stat().st_size for path in project.outputs(stage))
        for share in SHARES:
            before = project.everything()
            ended = project.stage(stage, OTHER_PARAMS, longest_file=int(largest * share))
            yield project.judge_refusal("full disk", f"{stage} at {share:.0%} of its largest file", ended, before)
