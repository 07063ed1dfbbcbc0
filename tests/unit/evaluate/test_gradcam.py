"""Heatmaps are hot where a network was made to look, in every kind of saved model."""

import keras
import numpy as np
import pytest

from rare_species.backbones.build import with_scaling
from rare_species.backbones.registry import UNIT
from rare_species.backbones.vision_transformer import BASE16, vit_base16
from rare_species.common.errors import UserError
from rare_species.evaluate.gradcam import class_heatmaps
from rare_species.evaluate.heatmap_overlay import overlay
from rare_species.fitting.heads import build_head
from rare_species.networks.assembly import assemble, average_probabilities
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference_rewriting import for_inference
from rare_species.networks.keras_files import load_keras, save_keras
from rare_species.train.baseline_cnn import build_cnn
from tests.unit.tf_fixtures import CNN, HEAD, SIDE_PX, head_params, small_backbone

LINEAR = head_params(units=(), dropout=0.0)
RED, BLUE = 0, 1  # classes
PLACES = {RED: slice(4, 10), BLUE: slice(22, 28)}  # rows and columns of a square in that colour


def photo_of(*classes):
    """Black, with a square in the colour of each class at the place of that class."""
    photo = np.zeros((SIDE_PX, SIDE_PX, 3), np.float32)
    for class_id in classes:
        photo[PLACES[class_id], PLACES[class_id], 2 * class_id] = 255
    return photo


def colour_network(pooling=keras.layers.GlobalAveragePooling2D):
    """A network whose first feature is how much red there is, and its second how much blue."""
    inputs = keras.Input((SIDE_PX, SIDE_PX, 3))
    means = keras.layers.AveragePooling2D(4)(keras.layers.ReLU()(inputs))
    colours = keras.layers.Conv2D(2, 1, use_bias=False, name="colours")
    network = keras.Model(inputs, pooling()(colours(means)))
    colours.set_weights([np.array([[1, 0], [0, 0], [0, 1]], np.float32).reshape(1, 1, 3, 2)])
    return network


def weighing_head(n_features):
    """A linear head: the first feature speaks for class 0, the second for class 1."""
    head = build_head(n_features, 2, LINEAR)
    kernel = np.zeros((n_features, 2), np.float32)
    kernel[0::2, RED] = kernel[1::2, BLUE] = 10
    head.set_weights([kernel, np.zeros(2, np.float32)])
    return head


def through_file(model, folder):
    save_keras(folder / "model.keras", model)
    return load_keras(folder / "model.keras")


def frozen_backbone(network):
    return for_inference(with_scaling(network, UNIT))


def model_on_features():
    return assemble(SIDE_PX, [frozen_backbone(colour_network()), average_probabilities([weighing_head(2)] * 2)])


def model_of_fine_tuned_members():
    members = []
    for _ in range(2):
        backbone = frozen_backbone(colour_network())
        members.append(keras.Model(backbone.input, weighing_head(2)(backbone.output, training=False)))
    return assemble(SIDE_PX, [average_probabilities(members)])


def model_that_flattens():
    network = colour_network(keras.layers.Flatten)
    logits = weighing_head(network.output_shape[1])(network.output)
    return assemble(SIDE_PX, [average_probabilities([keras.Model(network.input, logits)])])


MODELS = {
    "features": model_on_features,
    "fine-tuned members": model_of_fine_tuned_members,
    "flattened": model_that_flattens,
}


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_map_is_hot_where_the_cause_is(build, tmp_path):
    model = through_file(build(), tmp_path)
    photos = np.stack([photo_of(RED, BLUE)] * 2)
    heatmaps = class_heatmaps(model, photos, np.array([RED, BLUE]))
    assert heatmaps.shape == (2, SIDE_PX, SIDE_PX)
    for class_id, heat in zip((RED, BLUE), heatmaps, strict=True):
        assert heat[PLACES[class_id], PLACES[class_id]].mean() > 0.5
        assert heat[PLACES[1 - class_id], PLACES[1 - class_id]].max() < 0.05


def test_heat_is_in_unit_range_and_nothing_is_hot_where_nothing_speaks_for_the_class(tmp_path):
    model = through_file(model_on_features(), tmp_path)
    seen, unseen = class_heatmaps(model, np.stack([photo_of(RED)] * 2), np.array([RED, BLUE]))
    assert (seen.min(), seen.max()) == (0, 1)
    assert not unseen[PLACES[RED], PLACES[RED]].any()


def test_a_photo_is_explained_alike_alone_and_among_others_and_the_model_is_left_as_it_was(tmp_path):
    model = through_file(model_on_features(), tmp_path)
    photos = np.stack([photo_of(RED, BLUE), photo_of(BLUE)])
    before = model(photos).numpy()
    together = class_heatmaps(model, photos, np.array([RED, BLUE]))
    alone = class_heatmaps(model, photos[:1].astype(np.uint8), np.array([RED]))
    np.testing.assert_allclose(alone, together[:1], atol=1e-5)
    np.testing.assert_array_equal(model(photos).numpy(), before)


def test_model_that_is_told_the_phylum():
    parts = [frozen_backbone(colour_network()), average_probabilities([weighing_head(4)])]
    model = assemble(SIDE_PX, parts, n_phyla=2)
    (heat,) = class_heatmaps(model, photo_of(RED, BLUE)[None], np.array([RED]), np.array([[1, 0]], np.float32))
    assert heat[PLACES[RED], PLACES[RED]].mean() > 0.5


def test_networks_of_the_pipeline_have_a_map():
    make_reproducible(3)
    photos = np.random.default_rng(0).uniform(0, 255, (2, SIDE_PX, SIDE_PX, 3))
    head = build_head(6, 3, HEAD)
    for model in (
        assemble(SIDE_PX, [average_probabilities([build_cnn(SIDE_PX, 3, CNN)])]),
        assemble(SIDE_PX, [for_inference(small_backbone()), average_probabilities([head])]),
    ):
        class_ids = model(photos).numpy().argmax(axis=1)
        assert class_heatmaps(model, photos, class_ids).max() == 1


def test_vision_transformer_is_explained_by_what_enters_its_last_block(monkeypatch, tmp_path):
    make_reproducible(3)
    small = {"patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 16}
    monkeypatch.setattr("rare_species.backbones.vision_transformer.BASE16", BASE16 | small)
    backbone = with_scaling(vit_base16((SIDE_PX, SIDE_PX, 3)), UNIT)
    model = through_file(
        assemble(SIDE_PX, [for_inference(backbone), average_probabilities([build_head(16, 3, LINEAR)])]), tmp_path
    )
    photos = np.random.default_rng(0).uniform(0, 255, (3, SIDE_PX, SIDE_PX, 3))
    heatmaps = class_heatmaps(model, photos, np.array([0, 1, 2]))
    assert heatmaps.shape == (3, SIDE_PX, SIDE_PX)
    assert heatmaps.max() == 1
    assert np.isfinite(heatmaps).all()


def test_network_without_a_map_is_refused():
    vectors = keras.Input((4,))
    model = keras.Model(vectors, average_probabilities([build_head(4, 2, LINEAR)])(vectors))
    with pytest.raises(UserError, match=r"Expected a network with a feature map"):
        class_heatmaps(model, np.zeros((1, 4)), np.array([0]))


def test_overlay_leaves_cold_places_alone_and_colours_hot_ones():
    photo, heat = np.full((8, 8, 3), 100, np.uint8), np.zeros((8, 8), np.float32)
    heat[2, 3] = 1
    drawn = np.asarray(overlay(photo, heat))
    assert drawn[2, 3].tolist() == [199, 200, 142]
    assert np.argwhere((drawn != 100).any(axis=-1)).tolist() == [[2, 3]]
