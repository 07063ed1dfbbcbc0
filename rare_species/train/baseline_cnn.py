"""The baseline CNN, which is trained from scratch on the photos."""

from __future__ import annotations

import keras
from keras import layers

from rare_species.common.errors import UserError
from rare_species.params.train import CnnParams


def build_cnn(side_px: int, n_classes: int, cnn: CnnParams) -> keras.Model:
    """Build the baseline: convolution blocks with max pooling, a dense layer, dropout.

    Args:
        side_px: side of the input, in pixels.
        n_classes: number of classes.
        cnn: sizes of the layers.

    Returns:
        A model named "cnn" from RGB in [0, 255] of shape (n, side_px, side_px, 3) to logits.

    Raises:
        UserError: when the photos are too small for so many poolings.
    """
    if side_px < 2 ** len(cnn.filters):
        raise UserError(
            f"Expected preprocess.image_size of at least {2 ** len(cnn.filters)} for the {len(cnn.filters)} blocks of "
            f"train.cnn.filters, each of which halves it. Received: {side_px}. Set either in params.yaml."
        )
    inputs = keras.Input((side_px, side_px, 3), name="rgb")
    model = keras.Sequential([inputs, layers.Rescaling(1 / 255, name="scale")], name="cnn")
    for number, filters in enumerate(cnn.filters, start=1):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}"))
        model.add(layers.MaxPooling2D(name=f"pool{number}"))
    model.add(layers.Flatten(name="flatten"))
    model.add(layers.Dense(cnn.dense, activation="relu", name="dense"))
    model.add(layers.Dropout(cnn.dropout, name="dropout"))
    model.add(layers.Dense(n_classes, name="logits"))
    return model
