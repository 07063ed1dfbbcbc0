"""Stages killed, interrupted or told to end at random moments: old outputs stay whole, the next run is the same."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator, Mapping

from benchmarks.campaign.attempt import Attempt, Outcome
from benchmarks.campaign.project import OTHER_PARAMS, PARAMS, STAGES, Ended, Project

SIGNALS = {  # and the exit codes that they may lead to; while modules are imported, a signal just ends Python
    signal.SIGKILL: (-signal.SIGKILL,),
    signal.SIGTERM: (128 + signal.SIGTERM, -signal.SIGTERM),
    signal.SIGINT: (128 + signal.SIGINT, -signal.SIGINT),
}
EARLIEST, LATEST = 0.05, 0.98  # of a stage's time


def kill_stages(project: Project, rounds: int, seed: int) -> Iterator[Attempt]:
    """Send each signal to each stage `rounds` times, while it replaces old outputs by others.

    Args:
        project: in which all stages have run.
        rounds: times.
        seed: of the moments.
    """
    rng = random.Random(seed)
    for stage in STAGES:
        seconds, versions = 0.0, {}
        for params in (OTHER_PARAMS, PARAMS):
            seconds = project.stage(stage, params).seconds
            versions[params] = project.outputs(stage)
        wanted = OTHER_PARAMS
        for sent, codes in SIGNALS.items():
            for _ in range(rounds):
                after_s = seconds * rng.uniform(EARLIEST, LATEST)
                ended = project.stage(stage, wanted, after_s=after_s, send=sent)
                outcome, said = _judge(project, stage, ended, codes, versions)
                if outcome is Outcome.SAME:
                    outcome, said = _run_again(project, stage, wanted, versions[wanted])
                yield Attempt(sent.name, f"{stage} after {after_s:.2f} s", outcome, said)
                wanted = PARAMS if wanted == OTHER_PARAMS else OTHER_PARAMS
        project.stage(stage)  # what comes after it is of these


def _judge(
    project: Project, stage: str, ended: Ended, codes: tuple[int, ...], versions: Mapping[str, dict[str, str]]
) -> tuple[Outcome, str]:
    if ended.left:
        return Outcome.ORPHANS, f"{ended.left} processes"
    if project.outputs(stage) not in versions.values():
        return Outcome.HALF, "outputs are neither the old ones nor the new ones"
    if "Traceback" in ended.said:
        return Outcome.TRACEBACK, ended.said
    if ended.code not in (0, *codes):  # 0: it was over before
        return Outcome.UNCLEAR, f"exit code {ended.code}: {ended.said.strip()[-200:]}"
    return Outcome.SAME, ""


def _run_again(project: Project, stage: str, params: str, whole: dict[str, str]) -> tuple[Outcome, str]:
    again = project.stage(stage, params)
    if again.code or project.outputs(stage) != whole:
        return Outcome.HALF, f"the next run ended with {again.code}, or other outputs: {again.said.strip()[-200:]}"
    return Outcome.SAME, ""
