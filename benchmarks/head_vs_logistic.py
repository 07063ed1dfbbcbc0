"""Compare the trained head with scikit-learn's logistic regression on the same features and split.

Run from the repository root after `make repro`: `python -m benchmarks.head_vs_logistic [train|tune]`.
Both learn from the training split and are scored on the test split. The difference in macro F1 gets a paired
95 % interval: the same resampled photos (within classes) for both.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.paired import difference, read_predictions
from rare_species.common.paths import Paths
from rare_species.common.staged_files import read_json
from rare_species.metrics.family_tables import confusion_matrix, macro_f1


def logistic_predictions(paths: Paths) -> NDArray[np.int64]:
    """Predictions on the test split of a logistic regression on standardised features, as class ids."""
    with np.load(paths.features / "train.npz") as train, np.load(paths.features / "test.npz") as test:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit(train["values"], train["labels"])
        return np.asarray(model.predict(test["values"]), dtype=np.int64)


def main() -> int:
    """Print both scores and the paired difference."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.head_vs_logistic")
    parser.add_argument("stage", nargs="?", choices=("train", "tune"), default="train", help="default: train")
    paths, stage = Paths(), parser.parse_args().stage
    if not read_json(paths.metrics("embed"))["feature_size"] or not (paths.plots("evaluate") / stage).is_dir():
        print(f"Expected a model of {stage} on cached features. Received: none. Run: make repro", file=sys.stderr)
        return 1
    labels, head, n_classes = read_predictions(paths, paths.plots("evaluate") / stage / "predictions.csv")
    logistic = logistic_predictions(paths)
    low, high = difference(labels, head, logistic, n_classes)
    scores = {
        name: float(macro_f1(confusion_matrix(labels, predicted, n_classes)))
        for name, predicted in (("head", head), ("logistic", logistic))
    }
    print(f"{len(labels)} test photos, {n_classes} families, model of {stage}")
    print(f"macro F1: head {scores['head']:.4f}, logistic regression {scores['logistic']:.4f}")
    print(f"difference {scores['head'] - scores['logistic']:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
