"""The layer groups of a backbone: which of them learn, and at which share of the learning rate."""

from __future__ import annotations

import re

import keras

# Names of blocks in keras.applications, EfficientNet-Lite0 and KerasHub; a layer between two belongs to the first
GROUP = re.compile(r"stage_\d+_block_\d+|conv\d+_block\d+|expanded_conv(?:_\d+)?|(?<!downsampling_)block_?\d+[a-z]?")


def group_numbers(network: keras.Model) -> dict[str, int]:
    """Number the layer groups, and return the number of each variable by its path; 0 is the stem.

    Args:
        network: a backbone of the registry, without the scaling in front of it.
    """
    numbers: dict[str, int] = {}
    groups: dict[str, int] = {}
    for variable in network.weights:
        found = GROUP.search(variable.path)
        if found:
            numbers[variable.path] = groups.setdefault(found[0], 1 + len(groups))
        else:
            numbers[variable.path] = len(groups)
    return numbers


def unfreeze(network: keras.Model, layer_groups: int | str, freeze_batch_norm: bool) -> None:
    """Unfreeze the end of a network and freeze the rest.

    Args:
        network: see `group_numbers`.
        layer_groups: "all", or the number of groups to unfreeze, counted from the end; at most as many as there are.
        freeze_batch_norm: whether all batch norms keep their statistics, scale and offset; those in frozen groups
            always do.
    """
    numbers = group_numbers(network)
    first = 0 if layer_groups == "all" else 1 + max(numbers.values()) - int(layer_groups)
    # Off first: Keras passes only a change on to the layers, and some layers of a copy may be frozen already
    network.trainable = False
    network.trainable = True
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = not freeze_batch_norm and numbers[layer.moving_mean.path] >= first
    for variable in network.trainable_variables:
        variable.trainable = numbers[variable.path] >= first


def learning_shares(network: keras.Model, layer_decay: float) -> dict[str, float]:
    """Compute each variable's share of the learning rate, by its path (Clark et al., 2020, "ELECTRA", section 3.1).

    Args:
        network: see `group_numbers`.
        layer_decay: each group's rate divided by that of the group behind it; the head, behind the last, has share 1.
    """
    numbers = group_numbers(network)
    behind = 1 + max(numbers.values())
    return {path: layer_decay ** (behind - number) for path, number in numbers.items()}
