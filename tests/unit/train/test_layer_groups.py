"""Which part of a network learns, and how fast."""

import keras
import pytest

from rare_species.train.layer_groups import group_numbers, learning_shares, unfreeze
from tests.unit.tf_fixtures import small_backbone

KERNELS = [f"{name}_conv/kernel" for name in ("stem", "block_1", "block_2", "top")]
BATCH_NORMS = [f"{name}_bn/{array}" for name in ("stem", "block_1", "block_2", "top") for array in ("gamma", "beta")]


@pytest.fixture
def network():
    return small_backbone().operations[-1]


def learning(network):
    return {variable.path for variable in network.trainable_variables}


def test_stem_is_0_and_what_lies_behind_the_last_block_belongs_to_it(network):
    numbers = group_numbers(network)
    assert [numbers[path] for path in KERNELS] == [0, 1, 2, 2]
    assert len(numbers) == len(network.weights)


@pytest.mark.parametrize(("blocks", "first"), [("all", 0), (2, 1), (1, 2)])
def test_only_the_last_blocks_learn(network, blocks, first):
    unfreeze(network, blocks, freeze_batch_norm=True)
    assert learning(network) == set(KERNELS[first:])


@pytest.mark.parametrize(("blocks", "first"), [("all", 0), (2, 1), (1, 2)])
def test_batch_norms_learn_with_their_blocks_if_so_wished(network, blocks, first):
    unfreeze(network, blocks, freeze_batch_norm=False)
    assert learning(network) == {*KERNELS[first:], *BATCH_NORMS[2 * first :]}
    layers = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert [layer.trainable for layer in layers] == [number >= first for number in range(4)]  # else statistics move


def test_share_falls_from_block_to_block(network):
    shares = learning_shares(network, 0.5)
    assert [shares[path] for path in KERNELS] == [0.125, 0.25, 0.5, 0.5]
    assert set(learning_shares(network, 1.0).values()) == {1.0}
