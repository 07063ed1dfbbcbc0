"""Run a saved champion over photos as they are read, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rare_species.evaluate.calibration import calibrate
from rare_species.evaluate.champion_file import Classifier
from rare_species.evaluate.gradcam import class_heatmaps
from rare_species.metrics.outcomes import predicted_classes
from rare_species.models.network import load_network
from rare_species.networks.inference import Inference, inference
from rare_species.predict.photo_files import Photo

BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """What a photo got.

    Attributes:
        photo: as it was read.
        probabilities: calibrated, float32 array of shape (n_classes,); None for a photo that can't be read.
        heatmap: of what spoke for the likeliest family, float32 array of shape (side, side) in [0, 1]; None unless
            wished.
    """

    photo: Photo
    probabilities: NDArray[np.float32] | None = None
    heatmap: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Predictor:
    """A champion ready to run.

    Attributes:
        model: as it was saved.
        call: the same, traced.
        temperature: see `calibration.calibrate`.
        told: the one-hot phylum of all photos, of shape (1, n_phyla); None for a model that is not told it.
    """

    model: keras.Model
    call: Inference
    temperature: float
    told: NDArray[np.float32] | None

    def run(self, photos: Iterable[Photo], explain: bool = False) -> Iterator[Prediction]:
        """Predict photos in order; no more than a batch of them is held.

        Args:
            photos: those that can't be read are handed on.
            explain: also make heatmaps, of the likeliest family even where the answer is a phylum.
        """
        stream = iter(photos)
        while batch := list(islice(stream, BATCH)):
            pixels = [photo.pixels for photo in batch if photo.pixels is not None]
            results = iter(self._batch(np.stack(pixels), explain) if pixels else [])
            for photo in batch:
                yield Prediction(photo) if photo.pixels is None else Prediction(photo, *next(results))

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated probabilities of shape (n, n_classes), of RGB of shape (n, side, side, 3)."""
        told = [] if self.told is None else [tf.repeat(self.told, len(pixels), axis=0)]
        return calibrate(self.call(tf.cast(pixels, tf.float32), *told).numpy(), self.temperature)

    def _batch(
        self, pixels: NDArray[np.uint8], explain: bool
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
        found = self.probabilities(pixels)
        if not explain:
            return ((row, None) for row in found)
        told = None if self.told is None else np.repeat(self.told, len(pixels), axis=0)
        return zip(found, class_heatmaps(self.model, pixels, predicted_classes(found), told), strict=True)


def open_predictor(classifier: Classifier, told: NDArray[np.float32] | None) -> Predictor:
    """Load the network; `told` is what `Classifier.one_hot_phylum` gives."""
    model = load_network(classifier)
    return Predictor(model, inference(model), classifier.calibration.temperature, told)
