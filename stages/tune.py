"""Search the parameters of head and optimizer on the cached features, and fit the best again.

Reads:  data/features/, data/processed/, data/split/classes.json
Writes: models/tune/ (as models/train/, and best.yaml: the best parameters, for python -m rare_species apply; only
        skipped.json when there is nothing to search)
        metrics/tune.json, plots/tune/ (trials.csv; curves of the best fit; pictures of the search)
Params: tune
Takes:  about 10 s to start, then about 2 s a trial. A killed search continues after its last finished trials
        (data/searches/).
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
from rare_species.networks.tensorflow_start import start_tensorflow
from rare_species.params.tune import TuneParams


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    tune: TuneParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Search and save; skip the search of a model without cached features."""
    packed, classes = open_packed(paths.processed), read_classes(paths.split)
    start_tensorflow(threads=1)  # trials run side by side; batches are too small to share out
    import optuna

    from rare_species.data.dataset import open_data
    from rare_species.figures.style import save_png
    from rare_species.fitting.resume_key import fit_key
    from rare_species.tracking.live import live_log, log_epoch
    from rare_species.tune.figures import trial_seconds
    from rare_species.tune.search import search
    from rare_species.tune.write_outputs import write_search, write_skipped

    data = open_data(paths.features, packed, classes)
    with staged(paths.model("tune"), paths.metrics("tune"), paths.plots("tune")) as (folder, metrics, plots):
        if not (data.has_features and params.tune.trials):
            reason = "tune.trials is 0" if data.has_features else "the model learns from photos, not from features"
            write_skipped(reason, (folder, metrics, plots))
            write_result_checksums(STAGE.name, metrics, plots, folder)
            return {"skipped": reason}
        # Without the number of trials: a longer search continues a shorter one
        key = fit_key("tune", data, optuna.__version__, params.tune.model_dump_json(exclude={"trials"}))
        journal = paths.searches / f"{key}.log"
        with live_log(plots) as live:
            found = search(data.fitted, len(data.classes), params.tune, partial(log_epoch, live), journal)
        write_search(found, data, params.tune, (folder, metrics, plots))
        write_result_checksums(STAGE.name, metrics, plots, folder)
    remove(journal)
    save_png(trial_seconds(found.study), paths.searches / "seconds.png")
    return {"trials": len(found.trials), "val macro F1": round(found.fit.best["val_macro_f1"], 4)}


STAGE = Stage("tune", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
