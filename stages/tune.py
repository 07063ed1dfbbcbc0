"""Search the knobs of head and optimizer on the cached features, and fit the best again.

Reads:  data/features/, data/processed/, data/split/classes.json
Writes: models/tune/ (as models/train/, and best.yaml: the best knobs, for python -m rare_species apply; empty but for
        skipped.json when there is nothing to search)
        metrics/tune.json, plots/tune/ (trials.csv; dvclive's curves of the best, curves.png; pictures of the search)
Params: tune
Takes:  about 10 s to start, then about 2 s a trial; killed, it goes on after the trials that were over (data/searches/)
Score:  see the README's results
"""

import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml

from rare_species.common.classes import read_classes
from rare_species.common.exchange import remove
from rare_species.common.files import staged, write_json
from rare_species.common.paths import Paths
from rare_species.common.result_files import write_result_checksums
from rare_species.common.schema import write_document
from rare_species.common.stage import Stage
from rare_species.data.shards import open_packed
from rare_species.networks.saved_models import SKIPPED, Skipped
from rare_species.networks.tensorflow_start import start_tensorflow
from rare_species.params.tune import TuneParams


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    tune: TuneParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Search, save, report; a model without cached features is not searched."""
    packed, classes = open_packed(paths.processed), read_classes(paths.split)
    start_tensorflow(threads=1)  # trials run side by side; batches are too small to share out
    from rare_species.data.opened import open_data
    from rare_species.figures.style import save_png
    from rare_species.fitting.candidate import Candidate, load_backbone, save_candidate
    from rare_species.fitting.curves import learning_curves
    from rare_species.fitting.fit_key import fit_key
    from rare_species.metrics.point import EPOCH_METRICS
    from rare_species.tracking.live import live_log, log_epoch, write_metrics
    from rare_species.tune.figures import draw_nothing, draw_search, trial_seconds
    from rare_species.tune.search import search

    data = open_data(paths.features, packed, classes)
    with staged(paths.model("tune"), paths.metrics("tune"), paths.plots("tune")) as (folder, metrics, plots):
        if not (data.has_features and params.tune.trials):
            reason = "tune.trials is 0" if data.has_features else "the model learns from photos, not from features"
            write_document(folder / SKIPPED, {"reason": reason}, Skipped)
            write_json(metrics, {"trials": 0})
            draw_nothing(reason, plots)
            write_result_checksums(STAGE.name, metrics, plots, folder)
            return {"skipped": reason}
        key = fit_key("tune", data, params.tune.model_dump_json(exclude={"trials"}))  # more trials go on from fewer
        journal = paths.searches / f"{key}.log"
        with live_log(plots) as live:
            found = search(data.fitted, len(data.classes), params.tune, partial(log_epoch, live), journal)
        knobs = found.params.model_dump(mode="json") | {"seed": params.tune.seed}
        save_candidate(folder, Candidate(load_backbone(data), [found.head], found.fit), data, knobs)
        (folder / "best.yaml").write_text(yaml.safe_dump({"train": knobs}, sort_keys=False), encoding="utf-8")
        found.trials.to_csv(plots / "trials.csv", index=False, float_format="%.6g", lineterminator="\n")
        draw_search(found.study, params.tune.space, params.tune.objective, plots)
        save_png(learning_curves(found.fit.history, found.fit.best_epoch, EPOCH_METRICS), plots / "curves.png")
        counts = {state: int((found.trials["state"] == state).sum()) for state in ("complete", "pruned", "fail")}
        write_metrics(metrics, {"trials": counts, "best": found.best, **found.fit.best})
        write_result_checksums(STAGE.name, metrics, plots, folder)
    remove(journal)
    save_png(trial_seconds(found.study), paths.searches / "seconds.png")
    return {"trials": len(found.trials), "val macro F1": round(found.fit.best["val_macro_f1"], 4)}


STAGE = Stage("tune", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
