"""Time an epoch of the head on cached features against an epoch as the seed project had it, on the same photos.

Run from the repository root: `python -m benchmarks.head`. About two minutes. The seed project sent the files
of its folders through a frozen MobileNetV2 in every epoch. The head's side also scores both of its splits after each
epoch; the other side has no validation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from benchmarks.photos import Photos, realistic_photos
from benchmarks.report import Row, run_alone
from benchmarks.timing import take_turns, timed
from rare_species.common.read_params import load_params
from rare_species.data.features import Features
from rare_species.fitting.training_loop import fit_head
from rare_species.params.train import TrainParams

EPOCHS, STARTING = 60, 20  # of one fit of the head, and how many of them are not looked at
FEATURES = 1280  # what MobileNetV2 gives
SIDE_PX, BATCH = 224, 32  # of the seed project


@dataclass(frozen=True)
class Params:
    """The section of params.yaml that says how the head is fitted."""

    train: TrainParams


def rows() -> list[Row]:
    """The head's epoch against the seed project's."""
    photos = realistic_photos()
    labels = photos.listing["family"].astype("category").cat.codes.to_numpy().astype(np.int64)
    splits = {"train": random_features(labels), "val": random_features(labels[::4])}
    parameters = load_params(Path("params.yaml"), Params).train
    patient = parameters.early_stopping.model_copy(update={"patience": EPOCHS})
    parameters = parameters.model_copy(update={"epochs": EPOCHS, "early_stopping": patient})
    seed_project, batches = build_seed_project(int(labels.max()) + 1), read_folders(photos)
    turns = take_turns(
        {
            "head": lambda: steady_epoch_s(splits, int(labels.max()) + 1, parameters),
            "seed project": timed(lambda: seed_project.fit(batches, epochs=1, verbose=0)),
        }
    )
    what = f"`train`, an epoch of the head on {len(labels)} photos"
    against = "the seed project's epoch: from folders, through a frozen MobileNetV2"
    return [Row(what, against, "≥ 100×", str(turns.speed("head", "seed project")))]


def random_features(labels: NDArray[np.int64]) -> Features:
    """Features as a backbone gives them: numbers of no meaning take the same time."""
    values = np.random.default_rng(0).random((len(labels), FEATURES), dtype=np.float32)
    return Features(np.arange(len(labels)).astype(str), labels, values, len(labels))


def steady_epoch_s(splits: dict[str, Features], n_classes: int, params: TrainParams) -> float:
    """Time of one epoch once the graph is there: the middle one of a fit."""
    ends: list[float] = []
    fit_head(
        splits, n_classes, params, 0, lambda _epoch, _scores: ends.append(time.perf_counter()), show_progress=False
    )
    return float(np.median(np.diff(ends[STARTING:])))


def build_seed_project(n_classes: int) -> keras.Model:
    """A frozen MobileNetV2 with a head, trained from photos."""
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, pooling="avg", input_shape=(SIDE_PX, SIDE_PX, 3)
    )
    backbone.trainable = False
    scaling, head = keras.layers.Rescaling(1 / 127.5, -1.0), keras.layers.Dense(n_classes, "softmax")
    model = keras.Sequential([keras.Input(backbone.input_shape[1:]), scaling, backbone, head])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def read_folders(photos: Photos) -> Any:
    """Batches of photos from a folder per class."""
    return keras.utils.image_dataset_from_directory(
        photos.folder, label_mode="categorical", image_size=(SIDE_PX, SIDE_PX), batch_size=BATCH, seed=0, verbose=False
    )


if __name__ == "__main__":
    run_alone(rows)
