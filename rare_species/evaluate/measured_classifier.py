"""The input of all tables and pictures of a classifier, with the tables that several of them use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species.common.array_types import Labels, Probabilities
from rare_species.common.errors import UserError
from rare_species.data.shards import Packed
from rare_species.evaluate.calibration import reliability, risk_coverage
from rare_species.evaluate.candidate_metrics import Predictions, list_predictions
from rare_species.evaluate.error_analysis import accuracy_by_property, confused_pairs, photo_properties
from rare_species.metrics import family_tables
from rare_species.metrics.photo_outcomes import predicted_classes


@dataclass(frozen=True)
class MeasuredClassifier:
    """A classifier on the test photos.

    Attributes:
        name: "train" or "tune".
        predictions: of the test split, see `Predictions.of_test`; labels of all splits.
        packed: the photos.
        properties: columns of photo properties, one row per test photo; see `describe_photos`.
    """

    name: str
    predictions: Predictions
    packed: Packed
    properties: pd.DataFrame

    @property
    def rows(self) -> pd.DataFrame:
        """The test photos in the index of the shards."""
        return self.packed.rows("test")

    @property
    def labels(self) -> Labels:
        """Class ids of the test photos, int array of shape (n,)."""
        return self.predictions.labels["test"]

    @property
    def probabilities(self) -> Probabilities:
        """Probabilities of the test photos before calibration, float array of shape (n, n_classes)."""
        return self.predictions.probabilities["test"]

    @cached_property
    def predicted(self) -> Labels:
        """The most probable class of each test photo, int array of shape (n,)."""
        return predicted_classes(self.probabilities)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per test photo, see `candidate_metrics.list_predictions`."""
        return list_predictions(self.predictions, self.rows["file_path"].to_numpy(dtype=str))

    @cached_property
    def mistakes(self) -> pd.DataFrame:
        """Misclassified rows of `table`, the most certain first: these are the likeliest to have a wrong label."""
        wrong = self.table[self.table["family"] != self.table["predicted"]]
        return wrong.sort_values(["calibrated_probability", "file_path"], ascending=[False, True])

    @cached_property
    def families(self) -> pd.DataFrame:
        """One row per family, see `family_tables.family_table`."""
        classes = self.predictions.classes
        train_counts = np.bincount(self.predictions.labels["train"], minlength=len(classes))
        return family_tables.family_table(self.labels, self.probabilities, classes, train_counts)

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Counts, int array of shape (n_classes, n_classes), rows true, columns predicted."""
        return family_tables.confusion_matrix(self.labels, self.predicted, len(self.predictions.classes))

    @property
    def pairs(self) -> pd.DataFrame:
        """Pairs of families that are taken for each other."""
        return confused_pairs(self.labels, self.predicted, self.predictions.classes)

    @cached_property
    def reliability(self) -> dict[str, pd.DataFrame]:
        """How right the classifier is against how sure, "as trained" and "calibrated"."""
        probabilities = {"as trained": self.probabilities, "calibrated": self.predictions.calibrated("test")}
        return {name: reliability(self.labels, values) for name, values in probabilities.items()}

    @cached_property
    def risk_coverage(self) -> pd.DataFrame:
        """Share of mistakes among the surest answers, see `calibration.risk_coverage`."""
        return risk_coverage(self.labels, self.predictions.calibrated("test"))

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """Accuracy by size, brightness and sharpness of the photo."""
        return accuracy_by_property(self.properties, (self.table["family"] == self.table["predicted"]).to_numpy())


def describe_photos(packed: Packed, manifest: pd.DataFrame) -> pd.DataFrame:
    """List what mistakes may depend on, for each test photo in the order of the index.

    Args:
        packed: the photos.
        manifest: columns file_path, width and height.

    Returns:
        The shorter side of the original photo, in pixels, and the brightness and sharpness of the packed one.

    Raises:
        UserError: when the manifest lacks one of the photos.
    """
    rows = packed.rows("test")
    unknown = rows["file_path"][~rows["file_path"].isin(manifest["file_path"])]
    if len(unknown):
        raise UserError(
            f"Expected the manifest to have the photos of {packed.folder}. Received: no row for {unknown.iloc[0]!r}. "
            "Run dvc repro."
        )
    sizes = manifest.set_index("file_path").loc[rows["file_path"], ["width", "height"]].astype(np.int64)
    properties = photo_properties(packed.photos(rows))
    properties.insert(0, "shorter_side_px", sizes.min(axis="columns").to_numpy())
    return properties
