"""From packed photos to the features of a frozen backbone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from rare_species.augmentation import build_augmenter
from rare_species.backbones import REGISTRY, build_backbone, weights_digest
from rare_species.datasets import Features, photo_batches
from rare_species.determinism import make_reproducible
from rare_species.models import inference
from rare_species.params import EmbedParams, ModelParams
from rare_species.shards import Packed

Call = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Embedder:
    """A backbone ready to run.

    Attributes:
        backbone: from RGB in [0, 255] of shape (n, side, side, 3) to features of shape (n, feature_size);
            None when the model learns from the photos themselves.
        call: the same as a function of a batch.
        call_augmented: features of randomly changed photos.
        batch_size: photos per call.
        description: JSON document that identifies it.
    """

    backbone: keras.Model | None
    call: Call
    call_augmented: Call
    batch_size: int
    description: dict[str, Any]

    @property
    def feature_size(self) -> int:
        """Length of a feature vector; 0 without a backbone."""
        return int(self.description["feature_size"])


def open_embedder(model: ModelParams, embed: EmbedParams, image_size: int) -> Embedder:
    """Build the chosen backbone; for "cnn", which learns from photos, one that gives features of width 0."""
    make_reproducible(embed.seed)
    if model.name not in REGISTRY:
        nothing = {"name": model.name, "weights": "none", "weights_sha256": "", "feature_size": 0}
        return Embedder(None, tf.identity, tf.identity, embed.batch_size, nothing)
    backbone = build_backbone(model.name, model.weights, image_size)
    augmenter = build_augmenter(embed.augmentation, embed.seed)
    call = inference(backbone)
    description = {
        "name": model.name,
        "weights": Path(model.weights).name,
        "weights_sha256": weights_digest(backbone),
        "feature_size": REGISTRY[model.name].feature_size,
    }
    return Embedder(
        backbone, call, lambda photos: call(augmenter(photos, training=True)), embed.batch_size, description
    )


def embed_split(embedder: Embedder, packed: Packed, split: str, views: int) -> Features:
    """Embed the photos of a split, then augmented views of them.

    Args:
        embedder: see `open_embedder`.
        packed: the photos.
        split: "train", "val" or "test".
        views: augmented copies of each photo.

    Returns:
        (1 + views) rows per photo: all photos in the order of the index, then all first views, and so on.
    """
    rows = packed.rows(split)
    passes = [_embed(embedder, packed, rows, f"embed {split}", embedder.call)]
    for view in range(1, 1 + (views if embedder.feature_size else 0)):
        passes.append(_embed(embedder, packed, rows, f"view {view} of {split}", embedder.call_augmented))
    return Features(
        file_paths=np.tile(rows["file_path"].to_numpy(dtype=str), len(passes)),
        labels=np.tile(rows["class_id"].to_numpy(dtype=np.int64), len(passes)),
        values=np.concatenate(passes),
        photos=len(rows),
    )


def _embed(embedder: Embedder, packed: Packed, rows: pd.DataFrame, name: str, call: Call) -> NDArray[np.float32]:
    values = np.empty((len(rows), embedder.feature_size), dtype=np.float32)
    if not embedder.feature_size:
        return values
    with tqdm(total=len(rows), desc=name, unit="image", mininterval=1.0) as progress:
        for batch in photo_batches(packed, rows, embedder.batch_size):
            values[progress.n : progress.n + len(batch)] = call(batch).numpy()
            progress.update(len(batch))
    return values
