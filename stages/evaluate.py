"""Measure the models of train and tune on the test split, and name the champion, chosen on validation.

Reads:  models/train/, models/tune/, data/features/, data/processed/, data/split/classes.json
Writes: metrics/evaluate.json (champion; every metric of both models on train, val and test)
        plots/evaluate/{train,tune}/ (confusion matrices, families, predictions, misclassified photos)
Params: evaluate
Takes:  about 10 s to start, then seconds
Score:  see the README's results
"""

import sys
from dataclasses import dataclass
from typing import Any

from rare_species.files import read_json, staged
from rare_species.params import EvaluateParams
from rare_species.paths import Paths
from rare_species.stage import Stage

CANDIDATES = ("train", "tune")


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    evaluate: EvaluateParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Predict, score, draw, choose."""
    from rare_species.assessment import Predictions, assess, draw_assessment
    from rare_species.candidates import open_data, predict_splits
    from rare_species.reporting import write_metrics

    data = open_data(paths.features, paths.processed, read_json(paths.split / "classes.json"))
    labels = {split: features.originals().labels for split, features in data.splits.items()}
    with staged(paths.metrics("evaluate"), paths.plots("evaluate")) as (metrics, plots):
        assessed: dict[str, Any] = {}
        for name in CANDIDATES:
            if (paths.model(name) / "skipped.json").is_file():
                continue
            predictions = Predictions(labels, predict_splits(paths.model(name), data, params.evaluate), data.classes)
            assessed[name] = assess(predictions, params.evaluate)
            (plots / name).mkdir()
            draw_assessment(predictions, data.packed, plots / name, params.evaluate, name)
        champion = max(assessed, key=lambda name: assessed[name]["val"]["macro_f1"])  # a tie goes to train
        write_metrics(metrics, {"champion": champion, **assessed})
    return {"champion": champion, "test macro F1": round(assessed[champion]["test"]["macro_f1"], 4)}


STAGE = Stage("evaluate", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
