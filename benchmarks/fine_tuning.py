"""Time fine-tuning from packed photos against the same steps on a batch that is in memory.

Run from the repository root: `python -m benchmarks.fine_tuning`. About three minutes. Both sides are epochs of the same
compiled model; the one reads, decodes and shuffles its photos, the other is given the same tensors in every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.photos import packed_photos
from benchmarks.report import Row, run_alone
from benchmarks.timing import take_turns, timed
from rare_species.augmentation.augment import build_augmenter, mix_batches
from rare_species.backbones.build import build_backbone
from rare_species.common.read_params import load_params
from rare_species.fitting.batches import Shuffle, shuffled_photo_batches
from rare_species.fitting.heads import build_head
from rare_species.fitting.training_loop import TrainingData, training_data
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference_rewriting import with_network
from rare_species.params.train import TrainParams
from rare_species.train.fine_tuning_optimizer import build_fine_tuning_optimizer
from rare_species.train.layer_groups import learning_shares, unfreeze

MODEL, LAYER_GROUPS = "mobilenetv2", 1
EPOCHS = 10  # that the learning rate is planned for


@dataclass(frozen=True)
class Params:
    """The section of params.yaml that says how the backbone is trained further."""

    train: TrainParams


def rows() -> list[Row]:
    """A step from photos against one from memory."""
    parameters = load_params(Path("params.yaml"), Params).train
    fine_tune = parameters.fine_tune.model_copy(update={"epochs": EPOCHS})
    parameters = parameters.model_copy(update={"epochs": EPOCHS, "fine_tune": fine_tune})
    make_reproducible(parameters.seed)
    packed, n_classes = packed_photos()
    photos = packed.rows("train")

    def batches(shuffle: Shuffle) -> tf.data.Dataset:
        pairs = shuffled_photo_batches(packed, photos, n_classes, shuffle)
        return mix_batches(pairs, parameters.augmentation, parameters.seed, shuffle.epoch)

    labels = photos["class_id"].to_numpy(dtype=np.int64)
    data = training_data(labels, n_classes, parameters, parameters.seed, batches=batches, scored={})
    model = build_model(packed.preprocessing.image_size, n_classes, parameters, data)
    from_photos, steps = data.weighted_batches(), data.shuffle.steps
    from_memory = tf.data.Dataset.from_tensors(next(iter(from_photos))).repeat(steps)
    turns = take_turns(
        {
            "photos": timed(lambda: model.fit(from_photos, epochs=1, shuffle=False, verbose=0), len(labels)),
            "memory": timed(
                lambda: model.fit(from_memory, epochs=1, shuffle=False, verbose=0), steps * parameters.batch_size
            ),
        }
    )
    what = f"`train`, fine-tuning the last layer group of {MODEL}, photos a second"
    against = f"the same step on tensors in memory, batches of {parameters.batch_size}"
    return [Row(what, against, "≥ 0.95×", str(turns.speed("photos", "memory")))]


def build_model(side_px: int, n_classes: int, parameters: TrainParams, data: TrainingData) -> keras.Model:
    """The network that `fit_on_photos.fine_tune` trains, with random weights, compiled as there."""
    backbone, _ = build_backbone(MODEL, "none", side_px)
    network = backbone.operations[-1]
    unfreeze(network, LAYER_GROUPS, parameters.fine_tune.freeze_batch_norm)
    features = with_network(backbone, network)
    head = build_head(features.output_shape[-1], n_classes, parameters.head)
    whole = keras.Model(features.input, head(features.output))
    augmenter = build_augmenter(parameters.augmentation, parameters.seed)
    model = keras.Sequential([keras.Input(whole.input_shape[1:]), augmenter, whole])
    shares = learning_shares(network, parameters.fine_tune.layer_decay)
    optimizer = build_fine_tuning_optimizer(parameters, data.shuffle.steps, shares)
    steps_per_execution = parameters.fine_tune.steps_per_execution
    model.compile(optimizer, data.loss, steps_per_execution=steps_per_execution, jit_compile=False)
    return model


if __name__ == "__main__":
    run_alone(rows)
