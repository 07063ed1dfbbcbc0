"""What stage tune writes: the best head with its parameters, every trial, and the pictures of the search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from rare_species.common.staged_files import write_json
from rare_species.common.validated_json import write_json_file
from rare_species.data.dataset import Data
from rare_species.figures.style import save_png
from rare_species.fitting.fitted_classifier import FittedClassifier, load_backbone, save_classifier
from rare_species.fitting.learning_curves import learning_curves
from rare_species.metrics.registry import EPOCH_METRICS
from rare_species.params.tune import TuneParams
from rare_species.saved_models.metadata import SKIPPED, Skipped
from rare_species.tracking.live import write_metrics
from rare_species.tune.figures import draw_nothing, draw_search
from rare_species.tune.search import Search


def write_search(found: Search, data: Data, params: TuneParams, outs: Sequence[Path]) -> None:
    """Write the results of a search.

    Args:
        found: the search.
        data: the data that it was fitted to.
        params: section `tune`.
        outs: the folder of the model, the file of the metrics and the folder of the plots.
    """
    folder, metrics, plots = outs
    chosen = found.params.model_dump(mode="json") | {"seed": params.seed}
    save_classifier(folder, FittedClassifier(load_backbone(data), [found.head], found.fit), data, chosen)
    (folder / "best.yaml").write_text(yaml.safe_dump({"train": chosen}, sort_keys=False), encoding="utf-8")
    found.trials.to_csv(plots / "trials.csv", index=False, float_format="%.6g", lineterminator="\n")
    draw_search(found.study, params.space, params.objective, plots)
    save_png(learning_curves(found.fit.history, found.fit.best_epoch, EPOCH_METRICS), plots / "curves.png")
    counts = {state: int((found.trials["state"] == state).sum()) for state in ("complete", "pruned", "fail")}
    write_metrics(metrics, {"trials": counts, "best": found.best, **found.fit.best})


def write_skipped(reason: str, outs: Sequence[Path]) -> None:
    """Write that there was nothing to search, and why, in place of a model; `outs` as of `write_search`."""
    folder, metrics, plots = outs
    write_json_file(folder / SKIPPED, {"reason": reason}, Skipped)
    write_json(metrics, {"trials": 0})
    draw_nothing(reason, plots)
