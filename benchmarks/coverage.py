"""How often 95 % intervals hold the truth: the bootstrap within classes beside the plain one.

    python -m benchmarks.coverage [--repetitions 1000]

In each repetition new photos of the same families are classified by a classifier whose truth is known: it takes a photo
for the right family as often as it does for that family, else for any other alike. Families differ: their recalls are
drawn once around the accuracy. The plain bootstrap draws photos whatever their family, and its macro F1 runs over the
families that are in the sample.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from tqdm import tqdm

from benchmarks.simulated import RARE_SPECIES, SAMPLE, draw_labels
from rare_species.evaluate.confidence_intervals import degrees_of_freedom, interval, resample_within_classes
from rare_species.metrics.photo_outcomes import Outcomes, Weights
from rare_species.metrics.registry import sample_metrics

SETTINGS = {
    "202 families, 3 to 30 photos": (RARE_SPECIES, (0.6, 0.85)),
    "34 families of 7": ({7: 34}, (0.6, 0.85)),
    "24 families of 4": ({4: 24}, (0.6, 0.85)),
    "the sample's 24, 1 to 9 photos": (SAMPLE, (0.6, 0.85)),
}
RESAMPLES = 1000


def true_scores(sizes: NDArray[np.int64], recalls: NDArray[np.float64]) -> dict[str, float]:
    """Accuracy and macro F1 of endless photos in these shares.

    Args:
        sizes: photos by class.
        recalls: by class.
    """
    misses = sizes * (1 - recalls) / (len(sizes) - 1)  # of each class, as any one other
    predicted = sizes * recalls + misses.sum() - misses
    return {
        "macro_f1": float(np.mean(2 * sizes * recalls / (sizes + predicted))),
        "accuracy": float(sizes @ recalls / sizes.sum()),
    }


def predict(labels: NDArray[np.int64], recalls: NDArray[np.float64], rng: np.random.Generator) -> Outcomes:
    """One test set classified."""
    others = (labels + rng.integers(1, len(recalls), len(labels))) % len(recalls)
    predicted = np.where(rng.random(len(labels)) < recalls[labels], labels, others)
    blank = np.ones(len(labels))
    return Outcomes(labels, predicted, blank, blank.astype(np.int64), len(recalls))


def plain_scores(photos: Outcomes, weights: Weights) -> dict[str, NDArray[np.float64]]:
    """Macro F1 over the families in each sample, and accuracy; float arrays of shape (resamples,)."""
    hit, n = photos.predicted == photos.labels, len(photos.labels)
    support, predicted, hits = (
        weights @ csr_array((values, (range(n), classes)), shape=(n, photos.n_classes))
        for values, classes in ((np.ones(n), photos.labels), (np.ones(n), photos.predicted), (hit * 1.0, photos.labels))
    )
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    return {"macro_f1": f1.sum(axis=1) / (support > 0).sum(axis=1), "accuracy": weights @ hit / n}


def coverage(sizes: dict[int, int], accuracy: float, repetitions: int) -> dict[tuple[str, str], float]:
    """Share of the intervals that hold the truth, by bootstrap and metric."""
    labels, rng = draw_labels(sizes), np.random.default_rng(0)
    recalls = rng.beta(8 * accuracy, 8 * (1 - accuracy), sum(sizes.values()))
    truth, whole = true_scores(np.bincount(labels), recalls), np.ones((1, len(labels)))
    freedom = degrees_of_freedom(labels)
    within = resample_within_classes(labels, RESAMPLES, seed=0)
    plain = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), RESAMPLES).astype(np.float64)
    held: Counter[tuple[str, str]] = Counter()
    for _ in tqdm(range(repetitions), leave=False):
        photos = predict(labels, recalls, rng)
        values, ours = sample_metrics(photos, whole, 1), sample_metrics(photos, within, 1)
        theirs = plain_scores(photos, plain)
        for metric, true in truth.items():
            low, high = interval(float(values[metric][0]), ours[metric], freedom)
            held["within", metric] += low <= true <= high
            low, high = np.percentile(theirs[metric], [2.5, 97.5])
            held["plain", metric] += bool(low <= true <= high)
    return {key: count / repetitions for key, count in held.items()}


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000, help="of each row; default: 1000")
    repetitions = parser.parse_args().repetitions
    print("| test set | accuracy | macro F1, within | macro F1, plain | accuracy, within | accuracy, plain |")
    print("|---|---|---|---|---|---|")
    for name, (sizes, accuracies) in SETTINGS.items():
        for accuracy in accuracies:
            held = coverage(sizes, accuracy, repetitions)
            cells = [f"{held[way, metric]:.1%}" for metric in ("macro_f1", "accuracy") for way in ("within", "plain")]
            print(f"| {name} | {accuracy} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
