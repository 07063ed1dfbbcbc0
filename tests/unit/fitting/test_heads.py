"""rare_species.fitting.heads: the layers of a head."""

import keras
import pytest

from rare_species.fitting.heads import build_head
from tests.unit.tf_fixtures import head_params, summary


@pytest.mark.parametrize(
    ("head", "layers"),
    [
        (
            head_params(units=(), activation="relu", batch_norm=True, dropout=0.3),
            {"dropout": ("Dropout", 0.3), "logits": ("Dense", 5)},
        ),
        (
            head_params(units=(8,), activation="gelu", batch_norm=False, dropout=0.1),
            {
                "dense1": ("Dense", 8),
                "activation1": ("Activation", "gelu"),
                "dropout1": ("Dropout", 0.1),
                "logits": ("Dense", 5),
            },
        ),
        (
            head_params(units=(8, 4), dropout=0.0, input_batch_norm=True, input_dropout=0.5),
            {
                "input_batch_norm": ("BatchNormalization", None),
                "input_dropout": ("Dropout", 0.5),
                "dense1": ("Dense", 8),
                "batch_norm1": ("BatchNormalization", None),
                "activation1": ("Activation", "relu"),
                "dropout1": ("Dropout", 0),
                "dense2": ("Dense", 4),
                "batch_norm2": ("BatchNormalization", None),
                "activation2": ("Activation", "relu"),
                "dropout2": ("Dropout", 0),
                "logits": ("Dense", 5),
            },
        ),
    ],
    ids=["linear", "one layer", "two layers with batch norm"],
)
def test_head_has_these_layers_in_this_order(head, layers):
    model = build_head(6, 5, head)
    assert list(summary(model).items()) == list(layers.items())
    assert (model.name, model.input_shape, model.output_shape) == ("head", (None, 6), (None, 5))
    assert model.get_layer("logits").activation is keras.activations.linear
    biased = [layer.use_bias for layer in model.layers if layer.name.startswith("dense")]
    assert biased == [not head.batch_norm] * len(head.units)  # batch norm has its own offset
