"""The classifier on top of cached features."""

from __future__ import annotations

import keras
from keras import layers

from rare_species.fitting.fit_params import HeadParams


def build_head(feature_size: int, n_classes: int, head: HeadParams) -> keras.Model:
    """Build the classifier on top of features.

    Args:
        feature_size: length of a feature vector.
        n_classes: number of classes.
        head: the layers.

    Returns:
        A model named "head" from (n, feature_size) to logits of shape (n, n_classes).
    """
    model = keras.Sequential([keras.Input((feature_size,), name="features")], name="head")
    if head.input_batch_norm:
        model.add(layers.BatchNormalization(name="input_batch_norm"))
    if head.input_dropout:
        model.add(layers.Dropout(head.input_dropout, name="input_dropout"))
    for number, (units, dropout) in enumerate(zip(head.units, head.dropouts, strict=False), start=1):
        model.add(layers.Dense(units, use_bias=not head.batch_norm, name=f"dense{number}"))
        if head.batch_norm:
            model.add(layers.BatchNormalization(name=f"batch_norm{number}"))
        model.add(layers.Activation(head.activation, name=f"activation{number}"))
        model.add(layers.Dropout(dropout, name=f"dropout{number}"))
    if not head.units:
        model.add(layers.Dropout(head.dropouts[0], name="dropout"))
    model.add(layers.Dense(n_classes, name="logits"))
    return model
