"""What single knobs do: one run each on one archive, as rows of a Markdown table.

    python -m benchmarks.knobs data/raw/photos.zip --mobilenetv2 /path/to/weights.h5 --u2netp /path/to/u2netp.onnx

Every row is one `dvc exp run`, timed as a whole, less the stages that DVC finds in its cache: as for somebody who tries
one knob after the other. So run it once, in a fresh clone, after `dvc exp run` with the archive. params.yaml ends as it
was, but outputs, metrics and plots are those of the last run.
"""

import argparse
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from rare_species.files import read_json
from rare_species.paths import Paths

PARAMS = Path("params.yaml")
TREATMENTS = ("none", "grayscale", "circular_mask", "peripheral_blur", "remove_background")
IMBALANCE = ("none", "class_balanced", "oversample", "focal", "balanced_softmax")
FINE_TUNED = {
    "efficientnetlite0": ({"blocks": 1, "epochs": 5}, {"blocks": "all", "epochs": 3}),
    "mobilenetv2": ({"blocks": 1, "epochs": 2}, {"blocks": 1, "epochs": 5}, {"blocks": 3, "epochs": 5}),
}


def rows(mobilenetv2: str, u2netp: str) -> Iterator[tuple[str, list[str]]]:
    """Name and knobs of each run."""
    backbones = {"efficientnetlite0": [], "mobilenetv2": ["model.name=mobilenetv2", f"model.weights={mobilenetv2}"]}
    for name, backbone in backbones.items():
        for treatment in TREATMENTS:
            network = [f"preprocess.remove_background.weights={u2netp}"] if treatment == "remove_background" else []
            yield f"{name} {treatment}", [*backbone, f"preprocess.treatment={treatment}", *network]
        for fine_tune in FINE_TUNED[name]:
            yield (
                f"{name} fine-tuned",
                [*backbone, *(f"train.fine_tune.{knob}={fine_tune[knob]}" for knob in fine_tune)],
            )
    for way in IMBALANCE:
        yield "imbalance", [f"train.imbalance={way}"]
    yield "views", ["embed.views=4"]
    yield (
        "strong views",
        ["embed.views=4", "embed.augmentation.rand_augment=0.5", "embed.augmentation.random_erasing=0.5"],
    )
    yield "test-time augmentation", ["evaluate.views=4"]
    yield "ensemble", ["train.members=5"]
    yield "ensemble, test-time augmentation", ["train.members=5", "evaluate.views=4"]
    yield "phylum", ["model.inputs=[image,phylum]"]


def measure(archive: str, knobs: list[str]) -> tuple[dict[str, float], dict[str, float], float]:
    """Scores of train on the test split, those of one who knows the phylum, and the seconds of the whole command."""
    sets = [part for knob in [f"unzip.archive={archive}", "tune.trials=0", *knobs] for part in ("-S", knob)]
    start = time.monotonic()
    subprocess.run(["dvc", "exp", "run", *sets], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    evaluation = read_json(Paths().metrics("evaluate"))["train"]
    return evaluation["test"], evaluation.get("known_phylum", {}), seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--mobilenetv2", required=True, metavar="FILE", help="its weights")
    parser.add_argument("--u2netp", required=True, metavar="FILE", help="the network that removes backgrounds")
    arguments = parser.parse_args()
    before = PARAMS.read_bytes()
    print("| run | knobs | macro F1 | accuracy | macro F1, phylum known | seconds |\n|---|---|---|---|---|---|")
    try:
        for name, knobs in rows(arguments.mobilenetv2, arguments.u2netp):
            test, known, seconds = measure(arguments.archive, knobs)
            PARAMS.write_bytes(before)
            scores = f"{test['macro_f1']:.3f} ({test['macro_f1_low']:.3f}–{test['macro_f1_high']:.3f})"
            known_f1 = f"{known['macro_f1']:.3f}" if known else ""
            shown = " ".join(f"`{knob}`" for knob in knobs)
            print(f"| {name} | {shown} | {scores} | {test['accuracy']:.3f} | {known_f1} | {seconds:.0f} |", flush=True)
    finally:
        PARAMS.write_bytes(before)


if __name__ == "__main__":
    main()
