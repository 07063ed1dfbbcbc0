"""What stage train writes: the classifier, its metrics, its learning curves and photos after augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from rare_species.data.dataset import Data
from rare_species.data.shards import Packed
from rare_species.figures.contact_sheet import contact_sheet
from rare_species.figures.style import save_jpeg, save_png
from rare_species.fitting.fitted_classifier import FittedClassifier, measure_classifier, save_classifier
from rare_species.fitting.learning_curves import learning_curves
from rare_species.metrics.registry import EPOCH_METRICS
from rare_species.params.train import TrainParams
from rare_species.tracking.live import write_metrics
from rare_species.train.fit_on_photos import show_augmentation


def write_fit(candidate: FittedClassifier, data: Data, params: TrainParams, outs: Sequence[Path]) -> dict[str, float]:
    """Write the results of a fit.

    Args:
        candidate: the fitted classifier.
        data: the data that it was fitted to.
        params: section `train`.
        outs: the folder of the model, the file of the metrics and the folder of the plots.

    Returns:
        Metrics such as `val_macro_f1`, on training and validation photos.
    """
    folder, metrics, plots = outs
    save_classifier(folder, candidate, data, params.model_dump(mode="json"))
    measured, fit = measure_classifier(candidate, data), candidate.fit
    write_metrics(metrics, {"best_epoch": fit.best_epoch, **measured})
    save_png(learning_curves(fit.history, fit.best_epoch, EPOCH_METRICS, fit.earlier_epochs), plots / "curves.png")
    save_jpeg(_augmentation_sheet(candidate, data.packed, len(data.classes), params), plots / "augmentation.jpg")
    return measured


def _augmentation_sheet(candidate: FittedClassifier, packed: Packed, n_classes: int, params: TrainParams) -> Figure:
    if candidate.backbone:
        return contact_sheet([], [], "train: photos as they are, for the backbone is frozen")
    return contact_sheet(*show_augmentation(packed, n_classes, params), "train: photos before and after augmentation")
