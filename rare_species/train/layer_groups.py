"""The blocks of a backbone: how much of it learns, and at which share of the learning rate."""

from __future__ import annotations

import re

import keras

# As keras.applications, EfficientNet-Lite0 and KerasHub name them; what lies between belongs to the block before it
BLOCK = re.compile(r"stage_\d+_block_\d+|conv\d+_block\d+|expanded_conv(?:_\d+)?|(?<!downsampling_)block_?\d+[a-z]?")


def block_numbers(network: keras.Model) -> dict[str, int]:
    """Number of the block that each variable belongs to, by its path; 0 is the stem, the last block has the highest.

    Args:
        network: a backbone of the registry, without the scaling around it.
    """
    numbers: dict[str, int] = {}
    blocks: dict[str, int] = {}
    for variable in network.weights:
        found = BLOCK.search(variable.path)
        if found:
            numbers[variable.path] = blocks.setdefault(found[0], 1 + len(blocks))
        else:
            numbers[variable.path] = len(blocks)
    return numbers


def unfreeze(network: keras.Model, blocks: int | str, freeze_batch_norm: bool) -> None:
    """Let the end of a network learn, and nothing else.

    Args:
        network: see `block_numbers`.
        blocks: "all", or the last so many blocks, at most as many as there are, with what comes behind them.
        freeze_batch_norm: batch norms everywhere keep their statistics, scale and offset; those of frozen blocks do
            in any case.
    """
    numbers = block_numbers(network)
    first = 0 if blocks == "all" else 1 + max(numbers.values()) - int(blocks)
    network.trainable = False  # Keras passes on only a change, and parts of a copy may be frozen within a free whole
    network.trainable = True
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = not freeze_batch_norm and numbers[layer.moving_mean.path] >= first
    for variable in network.trainable_variables:
        variable.trainable = numbers[variable.path] >= first


def learning_shares(network: keras.Model, layer_decay: float) -> dict[str, float]:
    """Share of the learning rate of each variable, by its path (Clark et al., 2020, "ELECTRA", section 3.1).

    Args:
        network: see `block_numbers`.
        layer_decay: share of a block in the rate of the one behind it; the head, behind the last, has all of it.
    """
    numbers = block_numbers(network)
    behind = 1 + max(numbers.values())
    return {path: layer_decay ** (behind - number) for path, number in numbers.items()}
