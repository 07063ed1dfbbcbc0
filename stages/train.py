"""Fit the classifier: a head on cached features, which may be fine-tuned with the backbone; or a CNN from scratch.

Reads:  data/features/, data/processed/, data/split/classes.json
Writes: models/train/ (model.keras: from RGB in 0-255, and the phylum if it is conditioned on it, to probabilities;
        classes.json; metadata.json; SHA256SUMS)
        metrics/train.json, plots/train/ (dvclive's curves of loss, accuracy, AUC and macro F1; curves.png;
        augmentation.jpg: photos before and after augmentation, when it trains on photos)
Params: train
Takes:  about 10 s to start, then seconds; minutes or hours when it trains on photos. A killed run continues at the
        last finished epoch (data/checkpoints/).
Score:  see the results in README.md
"""

import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

from rare_species.common.classes import read_classes
from rare_species.common.exchange import remove
from rare_species.common.files import staged
from rare_species.common.paths import Paths
from rare_species.common.result_files import write_result_checksums
from rare_species.common.stage import Stage
from rare_species.data.shards import open_packed
from rare_species.networks.tensorflow_start import HEAD_THREADS, limit_threads, start_tensorflow
from rare_species.params.train import TrainParams


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    train: TrainParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Fit, save, draw."""
    packed, classes = open_packed(paths.processed), read_classes(paths.split)
    start_tensorflow()
    from rare_species.figures.contact_sheet import contact_sheet
    from rare_species.figures.style import save_jpeg, save_png
    from rare_species.fitting.candidate import save_candidate, score_candidate
    from rare_species.fitting.curves import learning_curves
    from rare_species.metrics.point import EPOCH_METRICS
    from rare_species.models.opened import open_data
    from rare_species.tracking.live import live_log, log_epoch, write_metrics
    from rare_species.train.members import fit_members
    from rare_species.train.photos import show_augmentation

    data = open_data(paths.features, packed, classes)
    if data.has_features and not params.train.fine_tune.epochs:  # else all cores have enough to do
        limit_threads(HEAD_THREADS)
    with staged(paths.model("train"), paths.metrics("train"), paths.plots("train")) as (folder, metrics, plots):
        with live_log(plots) as live:
            candidate = fit_members(data, params.train, partial(log_epoch, live), paths.checkpoints)
        save_candidate(folder, candidate, data, params.train.model_dump(mode="json"))
        scores = score_candidate(candidate, data)
        write_metrics(metrics, {"best_epoch": candidate.fit.best_epoch, **scores})
        fit = candidate.fit
        save_png(learning_curves(fit.history, fit.best_epoch, EPOCH_METRICS, fit.earlier_epochs), plots / "curves.png")
        if candidate.backbone:
            sheet = contact_sheet([], [], "train: photos as they are, for the backbone is frozen")
        else:
            shown = show_augmentation(data.packed, len(data.classes), params.train)
            sheet = contact_sheet(*shown, "train: photos before and after augmentation")
        save_jpeg(sheet, plots / "augmentation.jpg")
        write_result_checksums(STAGE.name, metrics, plots, folder)
    remove(paths.checkpoints)
    return {"best epoch": fit.best_epoch, "val macro F1": round(scores["val_macro_f1"], 4)}


STAGE = Stage("train", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
