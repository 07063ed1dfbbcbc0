"""Time the report's search of 90 trials against KerasTuner's Hyperband, on the same cached features.

Run from the repository root: `python -m benchmarks.tuner [--metadata CSV]`. The last commit is cloned into
build/bench/, where the pipeline runs once on 11,983 photos. Both sides search the space of
experiments/report_hyperband.yaml with the same batches, epochs, class weights and early stopping, each in a process of
its own, one after the other, and once: some minutes for ours, about 20 for KerasTuner's. benchmarks/tuner_scores.py
compares what they find.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.photos import full_scale_archive
from benchmarks.report import Row, print_rows
from benchmarks.workspace import Workspace, ran_on
from rare_species.common.cores import available_cores
from rare_species.common.paths import Paths
from rare_species.common.read_params import load_params
from rare_species.networks.tensorflow_start import start_tensorflow
from rare_species.params.edit_file import apply
from rare_species.params.tune import TuneParams

SPACE = Path("experiments/report_hyperband.yaml")
LONGEST_MIN = 8
REPORT_S = (5 * 60 + 28) * 60  # 5 h 28 min


@dataclass(frozen=True)
class Params:
    """The section of params.yaml that the stage reads."""

    tune: TuneParams


def rows(metadata: Path | None = None) -> list[Row]:
    """Time and best validation accuracy of both sides.

    Args:
        metadata: of the real photos; None for made-up rows.
    """
    workspace = ran_on(full_scale_archive(metadata))
    ours, theirs = (run_apart(side, 0, workspace) for side in SIDES)
    pace = theirs["seconds"] / theirs["epochs"] / (ours["seconds"] / ours["epochs"])
    what = f"the report's search of 90 trials, {ours['photos']:,} photos in training and validation"
    return [
        Row(
            what,
            "KerasTuner's Hyperband",
            "≥ 3×",
            f"{theirs['seconds'] / ours['seconds']:.1f}×",
            f"{pace:.1f}× an epoch: {ours['epochs']} epochs against {theirs['epochs']}; cores busy for "
            f"{ours['busy']:.0%} of our time, {theirs['busy']:.0%} of theirs",
        ),
        Row(
            f"{what}, in all",
            "the report's 5 h 28 min",
            f"≤ {LONGEST_MIN} min",
            f"{ours['seconds'] / 60:.1f} min, {REPORT_S / ours['seconds']:.0f}× as fast",
        ),
        Row(
            "its best validation accuracy",
            "KerasTuner's",
            "not below, beyond seeds' noise",
            f"{ours['best']:.3f}; {theirs['best']:.3f}",
            "one seed; `tuner_scores` has three",
        ),
    ]


def run_apart(side: str, seed: int, workspace: Workspace) -> dict[str, float]:
    """One search in a process of its own; see `search_ours`."""
    said = workspace.run("python", "-m", "benchmarks.tuner", "--side", side, "--seed", str(seed))
    answer: dict[str, float] = json.loads(said.splitlines()[-1])
    return answer


def search_ours(seed: int) -> dict[str, float]:
    """Search as stage tune does, and fit the best again.

    Returns:
        seconds; busy, the share of all cores' time that was used; epochs of all trials; best, the highest validation
        accuracy; photos.
    """
    start_tensorflow(threads=1)  # as stages/tune.py
    from rare_species.data.features import load_features
    from rare_species.tune.search import search

    params, splits = report_search(seed), {name: load_features(Paths().features, name) for name in ("train", "val")}
    n_classes = len(json.loads((Paths().split / "classes.json").read_text("utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        measure = stopwatch()
        found = search(splits, n_classes, params, lambda _epoch, _scores: None, Path(folder) / "journal.log")
        times = measure()
    epochs = int(found.trials["epochs"].sum()) + len(found.fit.history)
    best = max(max(trial.intermediate_values.values(), default=0.0) for trial in found.study.trials)
    photos = sum(len(split.labels) for split in splits.values())
    return times | {"epochs": epochs, "best": best, "photos": photos}


def search_keras_tuner(seed: int) -> dict[str, float]:
    """The same space and budget in KerasTuner; see `search_ours`."""
    import keras
    import keras_tuner
    from keras import layers

    from rare_species.data.features import load_features
    from rare_species.fitting.class_imbalance import class_weights

    base, space = report_search(seed).base, yaml.safe_load(SPACE.read_text("utf-8"))["tune"]["space"]
    train, val = (load_features(Paths().features, name) for name in ("train", "val"))
    n_classes = len(json.loads((Paths().split / "classes.json").read_text("utf-8")))

    def build(parameters: Any) -> keras.Model:
        model = keras.Sequential([keras.Input(train.values.shape[1:])])
        pairs = zip(space["head"]["units"]["each"], space["head"]["dropout"]["each"], strict=True)
        for number, (units, dropout) in enumerate(pairs):
            width = parameters.Int(f"units{number}", units["low"], units["high"], step=units["step"])
            model.add(layers.Dense(width, activation=base.head.activation))
            share = parameters.Float(f"dropout{number}", dropout["low"], dropout["high"], step=dropout["step"])
            model.add(layers.Dropout(share))
        model.add(layers.Dense(n_classes, activation="softmax"))
        rate = parameters.Choice("learning_rate", space["optimizer"]["learning_rate"]["choices"])
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    epochs: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        measure = stopwatch()
        tuner = keras_tuner.Hyperband(
            build, "val_accuracy", max_epochs=base.epochs, factor=3, seed=seed, directory=folder, project_name="bench"
        )
        tuner.search(
            train.values,
            train.labels,
            validation_data=(val.values, val.labels),
            batch_size=base.batch_size,
            class_weight=class_weights(train.labels, n_classes, base.imbalance, base.effective_beta),
            callbacks=[
                keras.callbacks.EarlyStopping("val_loss", patience=base.early_stopping.patience),
                keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _logs: epochs.append(epoch)),
            ],
            verbose=0,
        )
        times = measure()
        best = float(tuner.oracle.get_best_trials(1)[0].score)
    return times | {"epochs": len(epochs), "best": best, "photos": len(train.labels) + len(val.labels)}


SIDES: dict[str, Callable[[int], dict[str, float]]] = {"ours": search_ours, "keras_tuner": search_keras_tuner}


def stopwatch() -> Callable[[], dict[str, float]]:
    """Start to measure; a call tells the seconds since then, and the share of all cores' time that was used."""
    start, used = time.perf_counter(), time.process_time()

    def measure() -> dict[str, float]:
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "busy": (time.process_time() - used) / (seconds * available_cores())}

    return measure


def report_search(seed: int) -> TuneParams:
    """Section tune with the report's search laid over it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(shutil.copy("params.yaml", folder))
        apply(SPACE, file)
        return load_params(file, Params).tune.model_copy(update={"seed": seed})


def main() -> int:
    """Run both sides and print, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadata", type=Path, help="metadata.csv of the real photos; default: made-up rows")
    parser.add_argument("--side", choices=SIDES, help="one search on this repository's features; prints JSON")
    parser.add_argument("--seed", type=int, default=0, help="of that search")
    parameters = parser.parse_args()
    if parameters.side:
        print(json.dumps(SIDES[parameters.side](parameters.seed)))
        return 0
    return print_rows(rows(parameters.metadata))


if __name__ == "__main__":
    sys.exit(main())
