"""How often `rare_species.cli.compare` cries wolf, how often it sees one, and how long it takes.

    python -m benchmarks.comparison [--pairs 200]

Simulated pairs of classifiers (`benchmarks/simulated.py`) on test sets of the rare-species set's sizes, of the sizes of
Caltech-101's animals, and of the sample's, which has families with one photo. "Shared" is the share of the logits'
variance that both sides have in common, "discordant" the share of photos that only one side gets right. "Alarms" are
verdicts of regressed with the tolerances of params.yaml; "without tolerances" counts intervals of any metric that leave
out 0 on the wrong side; "by accuracy alone" are the alarms that accuracy gives.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.simulated import RARE_SPECIES, SAMPLE, Pair, draw_labels
from rare_species.common.read_params import load_params
from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.staged_files import write_json
from rare_species.compare.judge import Params
from rare_species.compare.paired import BAD, Verdict, compare_metrics
from rare_species.evaluate.confidence_intervals import resample_for_differences
from rare_species.metrics.photo_outcomes import Outcomes

TEST_SETS = {
    "1199 photos, 202 families": draw_labels(RARE_SPECIES),
    "238 photos, 34 families": draw_labels({7: 34}),
    "91 photos, 24 families": draw_labels(SAMPLE),
}
PAIRS = (
    Pair((0.6, 0.6), 0.5),
    Pair((0.85, 0.85), 0.5),
    Pair((0.85, 0.85), 0.8),
    Pair((0.95, 0.95), 0.8),
    Pair((0.6, 0.55), 0.5),
    Pair((0.85, 0.8), 0.5),
    Pair((0.85, 0.8), 0.8),
)
COMMAND = [sys.executable, "-m", "rare_species", "compare"]


@dataclass(frozen=True)
class Rates:
    """Shares of the pairs.

    Attributes:
        alarms: verdict regressed.
        without_floors: any metric worse beyond noise.
        accuracy_alone: verdict regressed if accuracy were the only metric.
        discordant: mean share of photos that only one side gets right.
    """

    alarms: float
    without_floors: float
    accuracy_alone: float
    discordant: float


def simulate(labels: NDArray[np.int64], pair: Pair, pairs: int, params: Params) -> Rates:
    """Judge this many pairs on new photos each."""
    weights = resample_for_differences(labels, params.compare.resamples, params.compare.seed)
    rows = []
    for number in tqdm(range(pairs), leave=False):
        base, head = pair.draw(labels, np.random.default_rng(number))
        changes = compare_metrics(base, head, weights, params.compare, params.evaluate.top_k)
        found = [change.status for change in changes.values()]
        alarm = any(status in BAD for status in found)
        discordant = np.mean((base.predicted == labels) != (head.predicted == labels))
        rows.append((alarm, alarm or Verdict.WITHIN_TOLERANCE in found, changes["accuracy"].status in BAD, discordant))
    return Rates(*np.mean(rows, axis=0))


def write_run(folder: Path, photos: Outcomes) -> None:
    """The files of evaluate that the command reads."""
    table = pd.DataFrame(
        {
            "file_path": [f"family_{label}/{number}.jpg" for number, label in enumerate(photos.labels)],
            "family": [f"family_{label}" for label in photos.labels],
            "predicted": [f"family_{label}" for label in photos.predicted],
            "true_probability": photos.true_probability,
            "true_rank": photos.true_rank,
        }
    )
    file = folder / "plots/evaluate/train/predictions.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(file, index=False)
    accuracy = float(np.mean(photos.labels == photos.predicted))
    write_json(folder / "metrics/evaluate.json", {"champion": "train", "train": {"test": {"accuracy": accuracy}}})
    write_result_checksums("evaluate", folder / "metrics/evaluate.json", folder / "plots/evaluate")


def measure(rounds: int = 5) -> dict[str, float]:
    """Median seconds of the command on 1,199 photos of 202 families, and of what any such command takes."""
    base, head = Pair((0.8, 0.8), 0.5).draw(TEST_SETS["1199 photos, 202 families"], np.random.default_rng(0))
    commands = {
        "compare": COMMAND,
        "compare --help": [*COMMAND, "--help"],
        "import pandas": [sys.executable, "-c", "import pandas"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree("rare_species", folder / "rare_species", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy("params.yaml", folder)
        write_run(folder, base)
        for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "base"]):
            author = ["-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org"]
            subprocess.run(["git", *author, *arguments], cwd=folder, check=True)
        write_run(folder, head)
        for _ in range(rounds + 1):
            for label, command in commands.items():
                start = time.monotonic()
                subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL)
                seconds[label].append(time.monotonic() - start)
    return {label: float(np.median(times[1:])) for label, times in seconds.items()}  # the first compiles the modules


def main() -> None:
    """Simulate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200, help="of each row; default: 200")
    pairs, params = parser.parse_args().pairs, load_params(Path("params.yaml"), Params)
    print("| test set | accuracy | shared | discordant | alarms | without tolerances | by accuracy alone |")
    print("|---|---|---|---|---|---|---|")
    for name, labels in TEST_SETS.items():
        for pair in PAIRS:
            rates = simulate(labels, pair, pairs, params)
            cells = (name, " -> ".join(map(str, pair.accuracies)), str(pair.shared))
            shares = (rates.discordant, rates.alarms, rates.without_floors, rates.accuracy_alone)
            print(f"| {' | '.join([*cells, *(f'{share:.1%}' for share in shares)])} |", flush=True)
    times = measure()
    print(", ".join(f"{label} {seconds:.2f} s" for label, seconds in times.items()))
    print(f"compare takes {times['compare'] / times['import pandas']:.1f} times as long as importing pandas")


if __name__ == "__main__":
    main()
