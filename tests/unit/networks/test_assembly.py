"""rare_species.networks.assembly: whole models against their parts."""

import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax

from rare_species.fitting.heads import build_head
from rare_species.networks.assembly import assemble, average_probabilities
from rare_species.networks.inference import predict
from tests.unit.tf_fixtures import HEAD, SIDE_PX, infer


def backbone_and_head(feature_size):
    """Mean colours, and a head of arbitrary weights."""
    rng = np.random.default_rng(1)
    backbone = keras.Sequential(
        [keras.Input((SIDE_PX, SIDE_PX, 3)), keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D()]
    )
    head = build_head(feature_size, 4, HEAD)
    head.set_weights([rng.uniform(0.5, 2, array.shape) for array in head.get_weights()])
    return backbone, head


def test_whole_model_is_the_softmax_of_the_head_on_the_backbone(photos):
    backbone, head = backbone_and_head(3)
    model = assemble(SIDE_PX, [backbone, average_probabilities([head])])
    expected = softmax(infer(head, infer(backbone, photos)), axis=1)
    np.testing.assert_allclose(infer(model, photos), expected, rtol=1e-5)


def test_whole_model_that_is_told_the_phylum_gives_it_to_the_head_behind_the_features(photos):
    backbone, head = backbone_and_head(3 + 2)
    model = assemble(SIDE_PX, [backbone, average_probabilities([head])], n_phyla=2)
    assert [(tensor.name, tensor.shape) for tensor in model.inputs] == [
        ("rgb", (None, SIDE_PX, SIDE_PX, 3)),
        ("phylum", (None, 2)),
    ]
    phyla = np.array([[0, 1], [1, 0], [0, 1]], np.float32)
    expected = softmax(infer(head, np.hstack([infer(backbone, photos), phyla])), axis=1)
    np.testing.assert_allclose(infer(model, [photos, phyla]), expected, rtol=1e-5)
    np.testing.assert_allclose(infer(model, {"phylum": phyla, "rgb": photos}), expected, rtol=1e-5)
    batches = tf.data.Dataset.from_tensor_slices((photos, phyla)).batch(2)
    np.testing.assert_allclose(predict(model, batches), expected, rtol=1e-5)
