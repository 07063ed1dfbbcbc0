"""Run a saved champion over photos while they are read, one batch at a time."""

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
from rare_species.metrics.photo_outcomes import predicted_classes
from rare_species.networks.inference import Inference, inference
from rare_species.predict.photo_files import Photo
from rare_species.saved_models.network_file import load_network

BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """A photo with the champion's prediction.

    Attributes:
        photo: the photo as it was read.
        probabilities: calibrated probabilities, float32 array of shape (n_classes,); None if the photo has no pixels.
        heatmap: how much each pixel speaks for the likeliest family (Grad-CAM), float32 array of shape (side, side) in
            [0, 1]; None if no explanation was requested or the photo has no pixels.
    """

    photo: Photo
    probabilities: NDArray[np.float32] | None = None
    heatmap: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Predictor:
    """A champion that is ready to run.

    Attributes:
        model: the network as it was saved.
        call: the same network as a traced function.
        temperature: temperature that calibrates the probabilities, see `calibration.calibrate`.
        phylum: one-hot phylum of all photos, float32 array of shape (1, n_phyla); None for a model that is not
            conditioned on the phylum.
    """

    model: keras.Model
    call: Inference
    temperature: float
    phylum: NDArray[np.float32] | None

    def run(self, photos: Iterable[Photo], explain: bool = False) -> Iterator[Prediction]:
        """Predict photos in order; at most one batch of them is in memory.

        Args:
            photos: photos to predict; one without pixels is passed on without a prediction.
            explain: also make heatmaps; they explain the likeliest family, even if the answer is only a phylum.
        """
        stream = iter(photos)
        while batch := list(islice(stream, BATCH)):
            pixels = [photo.pixels for photo in batch if photo.pixels is not None]
            results = iter(self._batch(np.stack(pixels), explain) if pixels else [])
            for photo in batch:
                yield Prediction(photo) if photo.pixels is None else Prediction(photo, *next(results))

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute calibrated probabilities, shape (n, n_classes), from RGB photos of shape (n, side, side, 3)."""
        phyla = [] if self.phylum is None else [tf.repeat(self.phylum, len(pixels), axis=0)]
        return calibrate(self.call(tf.cast(pixels, tf.float32), *phyla).numpy(), self.temperature)

    def _batch(
        self, pixels: NDArray[np.uint8], explain: bool
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32] | None]]:
        found = self.probabilities(pixels)
        if not explain:
            return ((row, None) for row in found)
        phyla = None if self.phylum is None else np.repeat(self.phylum, len(pixels), axis=0)
        return zip(found, class_heatmaps(self.model, pixels, predicted_classes(found), phyla), strict=True)


def open_predictor(classifier: Classifier, phylum: NDArray[np.float32] | None) -> Predictor:
    """Load the network of a champion.

    Args:
        classifier: the champion.
        phylum: phylum of all photos, see `Classifier.one_hot_phylum`.
    """
    model = load_network(classifier)
    return Predictor(model, inference(model), classifier.calibration.temperature, phylum)
