"""Memory and time of every stage as photos become more.

Run from the repository root: `python -m benchmarks.scale [--metadata CSV] [--photos 1000 11983 47932]`. About 15
minutes, the drawing of photos apart. The last commit is cloned for each number of photos; its stages run one by one:
`train` and the one trial of `tune` with as many epochs for all, and `evaluate`, whose time hardly grows, three times.
Memory is the largest process of a stage. Photos are small, before and after `preprocess`: only their number matters.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from benchmarks.photos import FULL_SCALE, archive_of
from benchmarks.report import Row, print_rows
from benchmarks.workspace import ARCHIVE, Workspace, clone

STAGES = ("unzip", "clean", "split", "preprocess", "embed", "train", "tune", "evaluate")
PHOTOS = (1000, FULL_SCALE, 4 * FULL_SCALE)
HOLDING = {  # of the stages that stream; the others hold features
    "unzip": "the zip's directory and the listing",
    "clean": "the manifest",
    "split": "the manifest",
    "preprocess": "the index",
}
SIDE_PX, FEATURES = 96, 1280  # of a photo that is embedded, and how long its vector is
EPOCHS = 10  # of a fit; when it would stop early says nothing of the number of photos
RUNS = {"evaluate": 3}  # the line through two times that are almost alike is all noise
PARAMS = "bench.yaml"
LARGEST = "of the stage's largest process"
KIB, MIB = 2**10, 2**20
# A process begins with the peak of the one that started it: that must be a small one
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@dataclass(frozen=True)
class Usage:
    """What a stage took.

    Attributes:
        seconds: by the clock; the median where it was run several times.
        memory: peak of its largest process in any run, in bytes.
    """

    seconds: float
    memory: int


def rows(metadata: Path | None = None, photos: Sequence[int] = PHOTOS) -> list[Row]:
    """Memory and time of each stage.

    Args:
        metadata: of the real photos; None for made-up rows.
        photos: in each archive, about, at least three numbers in rising order.
    """
    usages = [run_stages(archive_of(count, metadata)) for count in photos]
    return [row for stage in STAGES for row in _rows_of(stage, [usage[stage] for usage in usages], photos)]


def run_stages(archive: Path) -> dict[str, Usage]:
    """Run the pipeline in a clone, stage by stage."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = clone(Path(folder) / "clone", archive)
        parameters = yaml.safe_load((workspace.folder / "params.yaml").read_text(encoding="utf-8"))
        parameters["unzip"]["archive"], parameters["preprocess"]["image_size"] = str(ARCHIVE), SIDE_PX
        parameters["tune"]["trials"] = 1
        for fit in (parameters["train"], parameters["tune"]["base"]):
            fit["epochs"] = fit["early_stopping"]["patience"] = EPOCHS
        (workspace.folder / PARAMS).write_text(yaml.safe_dump(parameters), encoding="utf-8")
        return {stage: run_stage(workspace, stage, RUNS.get(stage, 1)) for stage in STAGES}


def run_stage(workspace: Workspace, stage: str, runs: int) -> Usage:
    """Run one stage so many times and see what it took."""
    seconds, memory = [], []
    for _ in range(runs):
        started = time.perf_counter()
        said = workspace.run("python", "-c", MEASURE, "python", "-m", f"stages.{stage}", "--params", PARAMS)
        seconds.append(time.perf_counter() - started)
        memory.append(int(said.split()[-1]) * KIB)  # as Linux counts it
    return Usage(median(seconds), max(memory))


def beyond_line(seconds: Sequence[float], photos: Sequence[int]) -> float:
    """Time at the largest number of photos as a multiple of that on the straight line through the first two."""
    slope = (seconds[1] - seconds[0]) / (photos[1] - photos[0])
    return seconds[-1] / (seconds[0] + slope * (photos[-1] - photos[0]))


def _rows_of(stage: str, usages: Sequence[Usage], photos: Sequence[int]) -> list[Row]:
    sizes = " and ".join(f"{count:,}" for count in photos[1:])
    least = f"{usages[0].memory / MIB:.0f} MiB"
    what, against = f"`{stage}`, peak memory with {sizes} photos", f"with {photos[0]:,}: {least}"
    if stage in HOLDING:
        growth = ", ".join(f"{usage.memory / usages[0].memory:.2f}×" for usage in usages[1:])
        memory = Row(what, against, "≤ 1.2×", growth, f"{LARGEST}, which holds {HOLDING[stage]}")
    else:
        more = [usage.memory - usages[0].memory for usage in usages[1:]]
        features = [4 * FEATURES * (count - photos[0]) for count in photos[1:]]
        shares = ", ".join(f"{held / size:.2f}" for held, size in zip(more, features, strict=True))
        told = " and ".join(f"{size / MIB:.0f}" for size in features)
        measured = f"{shares} × the features' {told} MiB more"
        memory = Row(what, against, "≤ 1 × the features more", measured, LARGEST)
    line = f"the straight line through {photos[0]:,} and {photos[1]:,}"
    beyond = beyond_line([usage.seconds for usage in usages], photos)
    seconds = ", ".join(f"{usage.seconds:.1f}" for usage in usages)
    runs = f"median of {RUNS[stage]} runs" if stage in RUNS else "one run"
    time_ = Row(f"`{stage}`, time with {photos[-1]:,} photos", line, "≤ 1.1×", f"{beyond:.2f}× ({seconds} s, {runs})")
    return [memory, time_]


def main() -> int:
    """Print memory and time of each stage."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--metadata", type=Path, help="metadata.csv of the real photos; default: made-up rows")
    parser.add_argument("--photos", type=int, nargs="+", default=PHOTOS, help="three numbers or more, rising")
    parameters = parser.parse_args()
    if len(parameters.photos) < 3 or list(parameters.photos) != sorted(set(parameters.photos)):
        parser.error(f"expected three numbers of photos or more, rising. Received: {parameters.photos}")
    return print_rows(rows(parameters.metadata, parameters.photos))


if __name__ == "__main__":
    sys.exit(main())
