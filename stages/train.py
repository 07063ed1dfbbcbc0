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

from rare_species.common.atomic_replace import remove
from rare_species.common.class_labels import read_classes
from rare_species.common.paths import Paths
from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.stage_runner import Stage
from rare_species.common.staged_files import staged
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
    from rare_species.data.dataset import open_data
    from rare_species.tracking.live import live_log, log_epoch
    from rare_species.train.ensemble import fit_members
    from rare_species.train.write_outputs import write_fit

    data = open_data(paths.features, packed, classes)
    if data.has_features and not params.train.fine_tune.epochs:  # else all cores have enough to do
        limit_threads(HEAD_THREADS)
    with staged(paths.model("train"), paths.metrics("train"), paths.plots("train")) as (folder, metrics, plots):
        with live_log(plots) as live:
            fitted = fit_members(data, params.train, partial(log_epoch, live), paths.checkpoints)
        measured = write_fit(fitted, data, params.train, (folder, metrics, plots))
        write_result_checksums(STAGE.name, metrics, plots, folder)
    remove(paths.checkpoints)
    return {"best epoch": fitted.fit.best_epoch, "val macro F1": round(measured["val_macro_f1"], 4)}


STAGE = Stage("train", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
