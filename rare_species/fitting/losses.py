"""The loss of a fit, for each treatment of class imbalance."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rare_species.common.array_types import Labels
from rare_species.fitting.class_imbalance import balanced_softmax_bias
from rare_species.fitting.fit_params import FitParams


def build_loss(params: FitParams, labels: Labels, n_classes: int) -> keras.losses.Loss:
    """Build the loss of (one-hot targets, logits) for the chosen treatment of class imbalance.

    Args:
        params: parameters of the fit; "focal" is the loss of Lin et al., 2017, "Focal Loss for Dense Object Detection".
        labels: int array of shape (n,), class ids of the training photos.
        n_classes: number of classes.
    """
    if params.imbalance == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=params.focal_gamma, from_logits=True, label_smoothing=params.label_smoothing
        )
    if params.imbalance == "balanced_softmax":
        return ShiftedCrossentropy(
            balanced_softmax_bias(np.bincount(labels, minlength=n_classes)), params.label_smoothing
        )
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=params.label_smoothing)


class ShiftedCrossentropy(keras.losses.Loss):
    """Cross-entropy with a bias added to the logits, in training only; see `class_imbalance.balanced_softmax_bias`."""

    def __init__(self, bias: NDArray[np.float32], label_smoothing: float) -> None:
        super().__init__()
        self._bias = tf.constant(bias)
        self._label_smoothing = label_smoothing

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Return the loss of each row."""
        return keras.losses.categorical_crossentropy(
            y_true, y_pred + self._bias, from_logits=True, label_smoothing=self._label_smoothing
        )
