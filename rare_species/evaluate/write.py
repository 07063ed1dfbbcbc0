"""What stage evaluate writes of a candidate: tables and pictures whose names and sizes are the same for every model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rare_species.common.errors import UserError
from rare_species.common.tables import write_csv
from rare_species.data.shards import Packed
from rare_species.evaluate import figures
from rare_species.evaluate.assessment import Predictions, list_predictions
from rare_species.evaluate.calibration import phylum_probabilities, reliability, risk_coverage
from rare_species.evaluate.error_analysis import accuracy_by_property, confused_pairs, photo_properties
from rare_species.figures import contact_sheet, style
from rare_species.metrics import point
from rare_species.params.evaluate import EvaluateParams
from rare_species.tracking.live import live_log, log_confusion


@dataclass(frozen=True)
class Candidate:
    """A model as people look at it.

    Attributes:
        name: "train" or "tune".
        predictions: of the test split, see `Predictions.of_test`; labels of all.
        packed: the photos.
        properties: of each test photo, see `describe_photos`.
    """

    name: str
    predictions: Predictions
    packed: Packed
    properties: pd.DataFrame

    @property
    def rows(self) -> pd.DataFrame:
        """The test photos in the index of the shards."""
        return self.packed.rows("test")

    def table(self) -> pd.DataFrame:
        """See `assessment.list_predictions`."""
        return list_predictions(self.predictions, self.rows["file_path"].to_numpy(dtype=str))


def describe_photos(packed: Packed, manifest: pd.DataFrame) -> pd.DataFrame:
    """What mistakes may depend on, of each test photo in the order of the index.

    Args:
        packed: the photos.
        manifest: columns file_path, width and height.

    Returns:
        The shorter side of the photo as it came, in pixels, and its brightness and sharpness as packed.

    Raises:
        UserError: when the manifest does not have one of them.
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


def draw_assessment(candidate: Candidate, folder: Path, params: EvaluateParams) -> None:
    """Write all tables and pictures but those that the model itself is needed for."""
    folder.mkdir(exist_ok=True)
    table = candidate.table()
    write_rounded(folder / "predictions.csv", table)
    _draw_families(candidate, folder)
    _draw_confusion(candidate, table, folder, params.confused_families)
    _draw_calibration(candidate, folder)
    _draw_conditions(candidate, table, folder)
    wrong = list_mistakes(table)
    shown = wrong.head(params.worst_photos)
    photos = list(candidate.packed.photos(candidate.rows.loc[shown.index]))
    found = f"{len(wrong)} of {len(table)} test photos misclassified"
    title = f"{candidate.name}: {found}; the {len(shown)} it was surest of"
    style.save_jpeg(contact_sheet.contact_sheet(photos, captions(shown), title), folder / "misclassified.jpg")


def list_mistakes(table: pd.DataFrame) -> pd.DataFrame:
    """Misclassified photos, the most certain first: the likeliest to be mistakes of the label.

    Args:
        table: see `assessment.list_predictions`.
    """
    wrong = table[table["family"] != table["predicted"]]
    return wrong.sort_values(["calibrated_probability", "file_path"], ascending=[False, True])


def captions(table: pd.DataFrame) -> list[str]:
    """What is written below misclassified photos."""
    return [
        f"{row['family']}\nas {row['predicted']} {row['calibrated_probability']:.2f}" for _, row in table.iterrows()
    ]


def write_rounded(path: Path, table: pd.DataFrame) -> None:
    """Write a table for people and for `dvc plots`, numbers to six digits."""
    write_csv(path, table, index=False, float_format="%.6g")


def _draw_families(candidate: Candidate, folder: Path) -> None:
    predictions = candidate.predictions
    train_counts = np.bincount(predictions.labels["train"], minlength=len(predictions.classes))
    families = point.family_table(
        predictions.labels["test"], predictions.probabilities["test"], predictions.classes, train_counts
    )
    write_rounded(folder / "families.csv", families)
    style.save_png(figures.family_scores(families, f"{candidate.name}: F1 by family"), folder / "families.png")
    title = f"{candidate.name}: F1 against training photos"
    style.save_png(figures.f1_by_images(families, title), folder / "f1_by_images.png")


def _draw_confusion(candidate: Candidate, table: pd.DataFrame, folder: Path, limit: int) -> None:
    name, predictions = candidate.name, candidate.predictions
    families, labels = predictions.families, predictions.labels["test"]
    predicted = predictions.probabilities["test"].argmax(axis=1)
    write_rounded(folder / "pairs.csv", confused_pairs(labels, predicted, predictions.classes))
    counts = point.confusion_matrix(labels, predicted, len(families))
    style.save_png(figures.confusion_matrix(counts, list(families), f"{name}: all families"), folder / "confusion.png")
    worst = point.most_confused(counts, limit)
    title = f"{name}: the {len(worst)} most confused families"
    part = figures.confusion_matrix(counts[np.ix_(worst, worst)], list(families[worst]), title)
    style.save_png(part, folder / "most_confused.png")
    style.save_png(_phylum_matrix(candidate), folder / "phyla.png")
    inside = table["family"].isin(families[worst]) & table["predicted"].isin(families[worst])
    with live_log(folder) as live:
        log_confusion(live, "confusion", table["family"].to_numpy(), table["predicted"].to_numpy())
        log_confusion(
            live, "most_confused", table.loc[inside, "family"].to_numpy(), table.loc[inside, "predicted"].to_numpy()
        )


def _phylum_matrix(candidate: Candidate) -> Figure:
    predictions = candidate.predictions
    if not all(predictions.phyla):
        return contact_sheet.contact_sheet([], [], f"{candidate.name}: the phylum of some family is unknown")
    names, sums = phylum_probabilities(predictions.probabilities["test"], predictions.phyla)
    place = {name: number for number, name in enumerate(names)}
    labels = np.array([place[name] for name in predictions.phyla])[predictions.labels["test"]]
    counts = point.confusion_matrix(labels, sums.argmax(axis=1), len(names))
    return figures.confusion_matrix(counts, names, f"{candidate.name}: phyla, by the sum of their families", "phylum")


def _draw_calibration(candidate: Candidate, folder: Path) -> None:
    name, predictions = candidate.name, candidate.predictions
    labels, scaled = predictions.labels["test"], predictions.calibrated("test")
    before, after = (reliability(labels, values) for values in (predictions.probabilities["test"], scaled))
    tables = pd.concat({"as trained": before, "calibrated": after}, names=["probabilities"])
    write_rounded(folder / "reliability.csv", tables.reset_index("probabilities"))
    temperature, threshold = predictions.calibration.temperature, predictions.calibration.family_threshold
    drawn = {"as trained": before, f"calibrated, temperature {temperature:.2f}": after}
    style.save_png(
        figures.reliability_diagram(drawn, f"{name}: how right against how sure"), folder / "reliability.png"
    )
    curve = risk_coverage(labels, scaled)
    write_rounded(folder / "risk_coverage.csv", curve)
    title = f"{name}: mistakes among the surest answers"
    style.save_png(figures.risk_coverage_curve(curve, threshold, title), folder / "risk_coverage.png")


def _draw_conditions(candidate: Candidate, table: pd.DataFrame, folder: Path) -> None:
    conditions = accuracy_by_property(candidate.properties, (table["family"] == table["predicted"]).to_numpy())
    write_rounded(folder / "conditions.csv", conditions)
    title = f"{candidate.name}: accuracy by size, brightness and sharpness of the photo"
    style.save_png(figures.accuracy_bars(conditions, title), folder / "conditions.png")
