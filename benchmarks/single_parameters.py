"""What single parameters do: one run each on one archive, as rows of a Markdown table.

    python -m benchmarks.single_parameters data/raw/photos.zip --mobilenetv2 weights.h5 --u2netp u2netp.onnx

Every row is one `dvc exp run`, timed as a whole, without the stages that DVC finds in its cache: the time that somebody
needs who tries one parameter after the other. Run it once, in a fresh clone, after `dvc exp run` with the archive.
params.yaml ends as it was, but outputs, metrics and plots are those of the last run.
"""

import argparse
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.paired import difference, read_predictions
from rare_species.common.paths import Paths
from rare_species.evaluate.metrics_file import read_evaluation

PARAMS = Path("params.yaml")
TREATMENTS = ("none", "grayscale", "circular_mask", "peripheral_blur", "remove_background")
FINE_TUNED = {
    "efficientnetlite0": ({"layer_groups": 1, "epochs": 5},),
    "mobilenetv2": ({"layer_groups": 1, "epochs": 2}, {"layer_groups": 1, "epochs": 5}),
}
SINGLE = (
    *([f"train.imbalance={way}"] for way in ("none", "class_balanced", "oversample", "focal", "balanced_softmax")),
    ["embed.augmented_copies=4"],
    ["evaluate.test_time_copies=4"],
    ["train.members=5"],
    ["model.inputs=[image,phylum]"],
)


def rows(mobilenetv2: str, u2netp: str) -> Iterator[tuple[str, list[str]]]:
    """Backbone and parameters of each run; each backbone's first is what its others are compared with."""
    backbones = {"efficientnetlite0": [], "mobilenetv2": ["model.name=mobilenetv2", f"model.weights={mobilenetv2}"]}
    for name, backbone in backbones.items():
        for treatment in TREATMENTS:
            network = [f"preprocess.remove_background.weights={u2netp}"] if treatment == "remove_background" else []
            yield name, [*backbone, f"preprocess.treatment={treatment}", *network]
        for fine_tune in FINE_TUNED[name]:
            yield name, [*backbone, *(f"train.fine_tune.{parameter}={fine_tune[parameter]}" for parameter in fine_tune)]
    for parameters in SINGLE:
        yield "efficientnetlite0", parameters


def measure(archive: str, parameters: list[str]) -> float:
    """Run one experiment, and tell how many seconds the whole command took."""
    sets = [
        part for parameter in [f"unzip.archive={archive}", "tune.trials=0", *parameters] for part in ("-S", parameter)
    ]
    start = time.monotonic()
    subprocess.run(["dvc", "exp", "run", *sets], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def describe(baselines: dict[str, NDArray[np.int64]], backbone: str) -> str:
    """Cells of the run just made: scores of train on the test split, and the difference to its backbone's first."""
    paths = Paths()
    evaluation = read_evaluation(paths)["train"]
    test, span, known = evaluation["test"], evaluation["test_95"]["macro_f1"], evaluation.get("known_phylum")
    labels, predicted, n_classes = read_predictions(paths, paths.plots("evaluate") / "train/predictions.csv")
    first = baselines.setdefault(backbone, predicted)
    low, high = difference(labels, predicted, first, n_classes)
    cells = [
        f"{test['macro_f1']:.3f} ({span['low']:.3f}–{span['high']:.3f})",
        "" if first is predicted else f"{low:+.3f} to {high:+.3f}",
        f"{evaluation['val']['macro_f1']:.3f}",
        f"{test['accuracy']:.3f}",
        f"{known['macro_f1']:.3f}" if known else "",
    ]
    return " | ".join(cells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--mobilenetv2", required=True, metavar="FILE", help="its weights")
    parser.add_argument("--u2netp", required=True, metavar="FILE", help="the network that removes backgrounds")
    arguments = parser.parse_args()
    before = PARAMS.read_bytes()
    baselines: dict[str, NDArray[np.int64]] = {}
    print(
        "| parameters | macro F1 | to the first, paired | on validation | accuracy | macro F1, phylum known | seconds |"
    )
    print("|---|---|---|---|---|---|---|")
    try:
        for backbone, parameters in rows(arguments.mobilenetv2, arguments.u2netp):
            seconds = measure(arguments.archive, parameters)
            PARAMS.write_bytes(before)
            shown = " ".join(f"`{parameter}`" for parameter in parameters)
            print(f"| {shown} | {describe(baselines, backbone)} | {seconds:.0f} |", flush=True)
    finally:
        PARAMS.write_bytes(before)


if __name__ == "__main__":
    main()
