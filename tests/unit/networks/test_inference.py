"""rare_species.networks.inference: a model run on one batch, and on many."""

import numpy as np
import tensorflow as tf

from rare_species.fitting.heads import build_head
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference import inference, predict
from tests.unit.tf_fixtures import HEAD, head_params, infer


def test_inference_takes_any_batch_ignores_dropout_and_sees_new_weights():
    make_reproducible(1)
    model = build_head(4, 3, head_params(units=(8,), activation="relu", batch_norm=False, dropout=0.9))
    call, features = inference(model), np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    np.testing.assert_allclose(call(tf.constant(features)).numpy(), infer(model, features), rtol=1e-5)
    assert call(tf.constant(features[:1])).shape == (1, 3)
    model.set_weights([array + 1 for array in model.get_weights()])
    np.testing.assert_allclose(call(tf.constant(features)).numpy(), infer(model, features), rtol=1e-5)


def test_predict_joins_batches_in_order():
    model = build_head(4, 3, HEAD)
    features = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    found = predict(model, tf.data.Dataset.from_tensor_slices(features).batch(3))
    np.testing.assert_allclose(found, infer(model, features), rtol=1e-5, atol=1e-6)
