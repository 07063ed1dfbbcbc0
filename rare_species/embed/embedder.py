"""From packed photos to the features of a frozen backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from rare_species.augmentation.augment import build_augmenter
from rare_species.backbones.build import build_backbone, weights_digest
from rare_species.backbones.registry import REGISTRY
from rare_species.backbones.weights import is_published
from rare_species.common.checksums import file_digest
from rare_species.common.paths import Paths
from rare_species.data.backbone_json import BackboneDescription
from rare_species.data.features import Features
from rare_species.data.photo_batches import photo_batches
from rare_species.data.shards import Packed
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference import inference
from rare_species.networks.inference_rewriting import for_inference
from rare_species.parallel.pools import map_in_threads, streams
from rare_species.params.embed import EmbedParams
from rare_species.params.model import ModelParams

Call = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Embedder:
    """A backbone that is ready to run.

    Attributes:
        backbone: trainable model from RGB in [0, 255] of shape (n, side, side, 3) to features of shape
            (n, feature_size); None when the classifier learns from the photos themselves.
        call: computes the features of a batch with a faster copy of the backbone.
        change: augments each photo of a batch at random.
        batch_size: photos per call.
        description: description of the backbone.
    """

    backbone: keras.Model | None
    call: Call
    change: Call
    batch_size: int
    description: BackboneDescription

    @property
    def feature_size(self) -> int:
        """Length of a feature vector; 0 without a backbone."""
        return self.description.feature_size


def open_embedder(model: ModelParams, embed: EmbedParams, image_size: int, paths: Paths | None = None) -> Embedder:
    """Build the chosen backbone; for "cnn", which learns from photos, the features have width 0.

    Args:
        model: section `model`.
        embed: section `embed`.
        image_size: side of the photos, in pixels.
        paths: the pipeline's folders; those below the current folder when not given.

    Raises:
        UserError: when the photos are too small, or the weights are missing or of another model.
    """
    make_reproducible(embed.seed)
    if model.name not in REGISTRY:
        nothing = BackboneDescription(
            name=model.name,
            weights="none",
            weights_file_sha256="",
            weights_sha256="",
            feature_size=0,
            layer_groups=0,
            licence="",
            pretrained_on="",
        )
        return Embedder(None, tf.identity, tf.identity, embed.batch_size, nothing)
    backbone, file = build_backbone(model.name, model.weights, image_size, paths)
    augmenter = build_augmenter(embed.augmentation, embed.seed)
    return Embedder(
        backbone,
        inference(for_inference(backbone)),
        lambda photos: augmenter(photos, training=True),
        embed.batch_size,
        describe(model, backbone, file),
    )


def describe(model: ModelParams, backbone: keras.Model, file: Path | None) -> BackboneDescription:
    """Describe a backbone and where its weights came from.

    Args:
        model: section `model`.
        backbone: the network with its weights.
        file: file of the weights; None for random ones.

    Returns:
        Names and SHA-256 of the file and of the arrays; licence and training data are "" for random weights and
        "unknown" for a file that is not the published one.
    """
    entry = REGISTRY[model.name]
    unknown = "unknown" if file else ""
    published = file and (model.weights == "imagenet" or is_published(file, entry.source))
    return BackboneDescription(
        name=entry.name,
        weights=file.name if file else "none",
        weights_file_sha256=file_digest(file) if file else "",
        weights_sha256=weights_digest(backbone),
        feature_size=entry.feature_size,
        layer_groups=entry.layer_groups,
        licence=entry.licence if published else unknown,
        pretrained_on=entry.pretrained_on if published else unknown,
    )


def embed_split(embedder: Embedder, packed: Packed, split: str, augmented_copies: int) -> Features:
    """Embed the photos of a split and augmented copies of them.

    Args:
        embedder: see `open_embedder`.
        packed: the photos.
        split: "train", "val" or "test".
        augmented_copies: augmented copies of each photo.

    Returns:
        (1 + augmented_copies) rows per photo: all photos in the order of the index, then all first copies, and so on.
    """
    rows = packed.rows(split)
    copies = 1 + (augmented_copies if embedder.feature_size else 0)
    values = np.empty((copies, len(rows), embedder.feature_size), dtype=np.float32)
    for copy, part in enumerate(values if embedder.feature_size else ()):
        photos = photo_batches(packed, rows, embedder.batch_size)
        # Augmented in this thread, because random changes depend on the order
        batches = map(embedder.change, photos) if copy else photos
        _embed(embedder.call, batches, part, f"augmented copy {copy} of {split}" if copy else f"embed {split}")
    return Features(
        file_paths=np.tile(rows["file_path"].to_numpy(dtype=str), copies),
        labels=np.tile(rows["class_id"].to_numpy(dtype=np.int64), copies),
        values=values.reshape(copies * len(rows), embedder.feature_size),
        photos=len(rows),
    )


def _embed(call: Call, batches: Iterable[tf.Tensor], values: NDArray[np.float32], name: str) -> None:
    """Fill `values` row by row, computing several batches at the same time."""
    start = 0  # row of the batch's first photo; tqdm counts too, but not where its bar is disabled
    with (
        tqdm(total=len(values), desc=name, unit="image", mininterval=1.0) as progress,
        closing(map_in_threads(lambda photos: call(photos).numpy(), batches, streams(), streams())) as results,
    ):
        for features in results:
            values[start : start + len(features)] = features
            start += len(features)
            progress.update(len(features))
