"""rare_species.train.baseline_cnn: the layers of the network that learns from photos alone."""

import numpy as np
import pytest

from rare_species.common.errors import UserError
from rare_species.params.train import CnnParams
from rare_species.train.baseline_cnn import build_cnn
from tests.unit.tf_fixtures import CNN, SIDE_PX, infer, summary


def test_network_has_a_pooled_block_per_size():
    model = build_cnn(SIDE_PX, 5, CNN)
    assert list(summary(model).items()) == [
        ("scale", ("Rescaling", None)),
        ("conv1", ("Conv2D", 4)),
        ("pool1", ("MaxPooling2D", None)),
        ("conv2", ("Conv2D", 6)),
        ("pool2", ("MaxPooling2D", None)),
        ("flatten", ("Flatten", None)),
        ("dense", ("Dense", 8)),
        ("dropout", ("Dropout", 0.1)),
        ("logits", ("Dense", 5)),
    ]
    assert (model.name, model.input_shape, model.output_shape) == ("cnn", (None, SIDE_PX, SIDE_PX, 3), (None, 5))
    assert model.get_layer("flatten").output.shape[1] == (SIDE_PX // 4) ** 2 * 6


def test_network_scales_pixels_to_one(photos):
    model = build_cnn(SIDE_PX, 2, CnnParams(filters=(2,), dense=2, dropout=0))
    np.testing.assert_allclose(infer(model.get_layer("scale"), photos), photos / 255, rtol=1e-6)


def test_more_poolings_than_the_photo_has_pixels_are_refused():
    three = CnnParams(filters=(2, 2, 2), dense=2, dropout=0)
    assert build_cnn(8, 2, three).output_shape == (None, 2)
    with pytest.raises(UserError, match=r"image_size of at least 8 for the 3 blocks.*Received: 7\."):
        build_cnn(7, 2, three)
