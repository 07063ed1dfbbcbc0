"""The sections of the page that show how the champion does on test photos."""

from __future__ import annotations

from rare_species.common.csv_tables import SPLITS
from rare_species.report import sentences as say
from rare_species.report.last_run import LastRun
from rare_species.report.page_sections import Section, Table, find_figures

LISTED_PAIRS = 15


def metrics(run: LastRun) -> Section:
    """Show every metric on every split, and compare all candidates."""
    values = run.champion_metrics
    intervals = values["test_95"]
    rows = [
        [
            say.metric_name(metric),
            *(say.number(values[split].get(metric)) for split in SPLITS),
            say.span(intervals.get(metric)),
        ]
        for metric in values["test"]
    ]
    tables = [Table(f"The champion, {run.champion}", ("metric", "train", "validation", "test", "test, 95 %"), rows)]
    if len(run.candidates) > 1:
        tables.append(_candidates_table(run))
    text = [
        "Intervals come from a bootstrap of the test photos within families. Macro averages weight all families alike."
    ]
    return Section("metrics", "Metrics", text, tables=tables)


def _candidates_table(run: LastRun) -> Table:
    rows = [
        [
            name,
            say.number(run.evaluation[name]["val"]["macro_f1"]),
            say.number(run.evaluation[name]["test"]["macro_f1"]),
            say.span(run.evaluation[name]["test_95"]["macro_f1"]),
        ]
        for name in run.candidates
    ]
    columns = ("candidate", "validation", "test", "test, 95 %")
    return Table("Macro F1 of the candidates; the best on validation is the champion", columns, rows)


def curves(run: LastRun) -> Section:
    """Show the learning curves: how training went, epoch by epoch."""
    shown = find_figures(
        run.paths,
        (
            f"{run.champion}/curves.png",
            "Loss, accuracy, AUC and macro F1 of the champion by epoch, on training and validation photos",
            f"The champion, {run.champion}, by epoch; the dotted line marks the epoch whose weights are kept.",
        ),
    )
    return Section("curves", "Learning curves", figures=shown)


def confusion(run: LastRun) -> Section:
    """Show which families are confused with which."""
    folder = f"evaluate/{run.champion}"
    tables = []
    if run.pairs:
        has_phyla = any(row["same_phylum"] for row in run.pairs)
        columns = ["true family", "predicted", "photos", *(["same phylum"] if has_phyla else [])]
        rows = [
            [row["family"], row["predicted"], row["images"], *([row["same_phylum"]] if has_phyla else [])]
            for row in run.pairs[:LISTED_PAIRS]
        ]
        tables = [Table("The most confused pairs", columns, rows, text=("predicted", "same phylum"))]
    shown = find_figures(
        run.paths,
        (
            f"{folder}/most_confused.png",
            "Confusion matrix of the most confused families, rows true, columns predicted",
            "The most confused families: each row is scaled to its family's test photos.",
        ),
        (f"{folder}/phyla.png", "Confusion matrix of phyla, rows true, columns predicted", "The same by phylum."),
    )
    return Section("confusion", "Confusion", tables=tables, figures=shown)


def families(run: LastRun) -> Section:
    """Show the metrics of each family."""
    folder = f"evaluate/{run.champion}"
    rows = [
        [
            row["family"],
            f"{int(row['train_images']):,}",
            f"{int(row['images']):,}",
            *(say.number(row[metric]) for metric in ("precision", "recall", "f1")),
            row["confused_with"] or "–",
        ]
        for row in sorted(run.families, key=lambda row: (float(row["f1"]), row["family"]))
    ]
    columns = ("family", "train photos", "test photos", "precision", "recall", "F1", "most confused with")
    tables = [Table("All families, worst first", columns, rows, text=("most confused with",), is_long=True)]
    shown = find_figures(
        run.paths,
        (f"{folder}/families.png", "F1 of each family, best first; the table has the numbers", "F1 by family."),
        (
            f"{folder}/f1_by_images.png",
            "F1 of each family against its number of training photos",
            "F1 against the number of training photos.",
        ),
    )
    return Section("families", "Families", tables=tables, figures=shown)


def calibration(run: LastRun) -> Section:
    """Show whether the model is right as often as its probabilities say."""
    found = run.champion_metrics["calibration"]
    names = (("ece", "expected calibration error"), ("loss", "loss"))
    rows = [
        [name, *(say.number(found[split][key + end]) for split in ("val", "test") for end in ("", "_calibrated"))]
        for key, name in names
    ]
    columns = ("measure", "validation", "validation, calibrated", "test", "test, calibrated")
    tables = [Table("Before and after temperature scaling; less is better", columns, rows)]
    shown = find_figures(
        run.paths,
        (
            f"evaluate/{run.champion}/reliability.png",
            "Reliability diagram: accuracy against predicted probability, as trained and calibrated",
            "Reliability on test photos: on the dotted line, answers are right as often as their probability says.",
        ),
    )
    text = say.describe_calibration(run.champion_metrics)
    return Section("calibration", "Calibration", text, tables=tables, figures=shown)


def selection(run: LastRun) -> Section:
    """Show what is gained if the model answers only when it is sure."""
    shown = find_figures(
        run.paths,
        (
            f"evaluate/{run.champion}/risk_coverage.png",
            "Share of wrong answers against the share of photos answered, most confident answers first",
            "Risk and coverage on test photos.",
        ),
    )
    return Section("selection", "When it is unsure", say.describe_selection(run.champion_metrics), figures=shown)


def errors(run: LastRun) -> Section:
    """Show the worst errors, and the kinds of photos with more errors."""
    folder = f"evaluate/{run.champion}"
    shown = find_figures(
        run.paths,
        (
            f"{folder}/misclassified.jpg",
            "Misclassified test photos with their family, the answer and its probability",
            "The wrong answers that the model was surest of; some of these photos may have a wrong label.",
        ),
        (
            f"{folder}/conditions.png",
            "Accuracy by the photos' size, sharpness and brightness",
            "Accuracy by properties of the photo.",
        ),
    )
    return Section("errors", "Errors", figures=shown)


def explanations(run: LastRun) -> Section:
    """Show which places in a photo led to a wrong answer."""
    shown = find_figures(
        run.paths,
        (
            f"evaluate/{run.champion}/explanations.jpg",
            "Misclassified photos under a heatmap of the places that speak for the answer",
            "Grad-CAM of the worst errors: warm places speak for the wrong answer.",
        ),
    )
    return Section("explanations", "What it looked at", figures=shown)
