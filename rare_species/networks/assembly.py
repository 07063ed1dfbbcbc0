"""Assemble the network that is saved, from parts with fixed names."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

BACKBONE = "backbone"  # part of a saved model with a frozen backbone: gives the cached features
CLASSIFIER = "classifier"  # part of a saved model: takes features, or photos if there is no frozen backbone
TRANSFORMER = "vit"  # the name of KerasHub's part of a Vision Transformer


def average_probabilities(members: Sequence[keras.Model]) -> keras.Model:
    """Combine models that give logits into one, named `CLASSIFIER`, that gives the mean of their probabilities."""
    inputs = keras.Input(members[0].input_shape[1:], name="inputs")
    outputs = []
    for number, member in enumerate(members, start=1):
        copy = type(member).from_config(member.get_config())  # a copy can get a name of its own
        copy.set_weights(member.get_weights())
        copy.name = f"member{number}"
        outputs.append(layers.Softmax(name=f"probabilities{number}")(copy(inputs, training=False)))
    return keras.Model(
        inputs, outputs[0] if len(outputs) == 1 else layers.Average(name="mean")(outputs), name=CLASSIFIER
    )


def assemble(side_px: int, parts: Sequence[keras.Model], n_phyla: int = 0) -> keras.Model:
    """Chain models into one from RGB in [0, 255] to probabilities.

    Args:
        side_px: side of the input, in pixels.
        parts: models; the first takes RGB in [0, 255], the last gives probabilities.
        n_phyla: length of a second input, the one-hot phylum, which is appended to the features for the last part; 0
            for no such input.

    Returns:
        A model from "rgb" of shape (n, side_px, side_px, 3), and "phylum" of shape (n, n_phyla) if it is conditioned on
        the phylum, to probabilities of shape (n, n_classes).
    """
    inputs = [keras.Input((side_px, side_px, 3), name="rgb")]
    *before, last = parts
    x = inputs[0]
    for part in before:
        x = part(x, training=False)
    if n_phyla:
        inputs.append(keras.Input((n_phyla,), name="phylum"))
        x = layers.Concatenate(name="features_and_phylum")([x, inputs[1]])
    return keras.Model(inputs if n_phyla else inputs[0], last(x, training=False), name="photo_classifier")
