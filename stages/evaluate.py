"""Measure the models of train and tune on the test split; name the champion, chosen on validation.

Reads:  models/train/, models/tune/, data/features/, data/processed/, data/split/classes.json, data/clean/manifest.csv
Writes: metrics/evaluate.json (champion; all metrics of both models on train, val and test, intervals, calibration)
        plots/evaluate/{train,tune}/ (predictions, confusion, calibration and errors, as tables and pictures)
        models/champion/ (the better model, with its calibration in metadata.json: what predict and export use)
Params: evaluate
Takes:  about 10 s to start, then seconds
"""

import sys
from dataclasses import dataclass
from typing import Any

from rare_species.common.class_labels import read_classes
from rare_species.common.csv_tables import read_checked
from rare_species.common.paths import Paths
from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.stage_runner import Stage
from rare_species.common.staged_files import staged
from rare_species.data.shards import open_packed
from rare_species.evaluate.metrics_file import write_evaluation
from rare_species.networks.tensorflow_start import start_tensorflow
from rare_species.parallel.pools import process_beside
from rare_species.params.evaluate import EvaluateParams
from rare_species.saved_models.metadata import read_candidates


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    evaluate: EvaluateParams


def run(params: Params, paths: Paths) -> dict[str, Any]:
    """Predict, measure, draw, choose."""
    from rare_species.evaluate.candidate_metrics import evaluate_predictions
    from rare_species.evaluate.champion import save_champion
    from rare_species.evaluate.measured_classifier import MeasuredClassifier, describe_photos
    from rare_species.evaluate.write_outputs import write_plots

    config, packed, classes = params.evaluate, open_packed(paths.processed), read_classes(paths.split)
    sizes = read_checked(paths.manifest, ("file_path", "width", "height"))
    fitted = read_candidates(paths.candidates)
    own, evaluated, drawn = {}, {}, []
    with (
        staged(paths.metrics("evaluate"), paths.plots("evaluate"), paths.champion) as (metrics, plots, champion),
        process_beside() as beside,
    ):
        properties = beside.submit(describe_photos, packed, sizes)  # while TensorFlow starts here
        start_tensorflow()
        from rare_species.data.dataset import open_data
        from rare_species.evaluate.gradcam_sheet import draw_explanations
        from rare_species.evaluate.predict_candidates import check_candidates, predict_candidate
        from rare_species.saved_models.network_file import load_network

        data = open_data(paths.features, packed, classes)
        check_candidates(fitted.values(), data)
        for name, saved in fitted.items():
            model = load_network(saved)
            predictions, own[name] = predict_candidate(model, data, config)
            measured = MeasuredClassifier(name, predictions.of_test(), packed, properties.result())
            drawn.append(beside.submit(write_plots, measured, plots / name, config))
            evaluated[name] = evaluate_predictions(predictions, config)
            del predictions  # before the next candidate's fill the memory
            draw_explanations(measured, model, data.phyla, plots / name / "explanations.jpg", config.explained_photos)
        best = write_evaluation(metrics, evaluated)
        save_champion(champion, fitted[best], own[best], config.top_k)
        for pictures in drawn:
            pictures.result()
        write_result_checksums(STAGE.name, metrics, plots, champion)
    return {"champion": best, "test macro F1": round(evaluated[best]["test"]["macro_f1"], 4)}


STAGE = Stage("evaluate", __doc__, Params, run)
main = STAGE.main

if __name__ == "__main__":
    sys.exit(main())
