"""Describe the numbers of a run in sentences; pure functions of metrics, tables and metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rare_species.common.terminal import count
from rare_species.evaluate.error_analysis import describe_gap
from rare_species.report.last_run import LastRun, Rows

WORST_FAMILIES = 5
FEW_PHOTOS = 2  # the F1 of a family says little if it has no more test photos than this


def number(value: Any, decimals: int = 3) -> str:
    """Format a metric for a table; "–" if there is none."""
    return "–" if value is None else f"{float(value):.{decimals}f}"


def percent(share: float) -> str:
    """Format a share in [0, 1] as whole percent."""
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")


def metric_name(key: str) -> str:
    """Spell a metric as people do: "macro F1" for "macro_f1", "top-5 accuracy" for "top5_accuracy"."""
    words = {"f1": "F1", "auc": "AUC"}
    return " ".join(words.get(word, re.sub(r"^top(\d+)$", r"top-\1", word)) for word in key.split("_"))


def span(interval: Mapping[str, float] | None) -> str:
    """Format a 95 % interval; "–" if there is none."""
    return f"{interval['low']:.3f}–{interval['high']:.3f}" if interval else "–"


def always_largest(families: Rows) -> tuple[float, float]:
    """Compute the test accuracy and macro F1 of always answering the family with the most training photos.

    Args:
        families: one row per family with test photos; `train_images` and `images` are its numbers of training photos
            and of test photos.
    """
    largest = max(families, key=lambda row: int(row["train_images"]))
    share = int(largest["images"]) / sum(int(row["images"]) for row in families)
    return share, 2 * share / (1 + share) / len(families)  # its precision is the share, its recall 1


def describe_luck(metrics: Mapping[str, Any]) -> str:
    """Say whether the macro F1 on validation photos flatters the model.

    Args:
        metrics: a candidate's part of metrics/evaluate.json.
    """
    interval, val = metrics["test_95"]["macro_f1"], metrics["val"]["macro_f1"]
    where = "inside" if interval["low"] <= val <= interval["high"] else "outside"
    return (
        f"The epoch and the champion were chosen on validation photos; macro F1 on these lies {where} the 95 % "
        f"interval of macro F1 on test photos ({span(interval)})."
    )


def describe_limits(run: LastRun) -> list[str]:
    """List what the model can't do, as far as the metrics show."""
    split = run.metrics["split"]
    known = count(split["train"]["families"], "family", "families")
    sentences = [
        f"It knows {known} and nothing else: a photo of any other, or of none, is given one of these names.",
        describe_gap(run.champion_metrics),
        describe_luck(run.champion_metrics),
        *_describe_families(run.families),
    ]
    untested, leaked = split["families_without_test"], split["leaked_pairs"]
    if leaked is None:
        sentences.append(
            "Some content ids can't be used, so some bursts may lie in two splits unnoticed: the metrics may flatter "
            "the model."
        )
    if untested:
        whose = count(untested, "family has", "families have")
        sentences.append(f"{whose} no test photo: nobody knows how well it does on them.")
    if leaked:
        sentences.append(
            f"{count(leaked, 'pair')} of photos of one burst, or near-duplicates, lie in two splits: "
            "the metrics flatter the model."
        )
    if run.metadata and run.metadata["input"]["phyla"]:
        sentences.append("It is conditioned on the phylum of each photo, which nearly gives some families away.")
    return sentences


def _describe_families(families: Rows) -> list[str]:
    worst = sorted(families, key=lambda row: (float(row["f1"]), row["family"]))[:WORST_FAMILIES]
    named = ", ".join(
        f"{row['family']} (F1 {number(row['f1'], 2)}, {count(int(row['images']), 'test photo')})" for row in worst
    )
    sentences = [f"The families that it knows worst: {named}."]
    few = sum(int(row["images"]) <= FEW_PHOTOS for row in families)
    if few:
        whose = count(few, "family has", "families have")
        sentences.append(f"{whose} only one or two test photos; their F1 says little.")
    return sentences


def describe_calibration(metrics: Mapping[str, Any]) -> list[str]:
    """Say what temperature scaling does to the calibration error on test photos."""
    found = metrics["calibration"]
    test, meaning = found["test"], "Probabilities are calibrated if answers are right as often as they are probable."
    if found["temperature"] == 1:
        return [
            f"{meaning} No temperature lowered the champion's loss on validation photos without raising the "
            "calibration error there, so they stay as they are: on test photos the expected calibration error is "
            f"{number(test['ece'])}."
        ]
    return [
        f"{meaning} The logarithms of the champion's probabilities are divided by a temperature of "
        f"{number(found['temperature'])}, fitted to validation photos: on "
        f"test photos the expected calibration error is {number(test['ece'])} without it and "
        f"{number(test['ece_calibrated'])} with it."
    ]


def describe_selection(metrics: Mapping[str, Any]) -> list[str]:
    """Say when the family is not answered, and what is gained by that."""
    found, risk = metrics["selective"], metrics["risk_coverage"]
    test = found["test"]
    otherwise = "only the phylum is" if "phylum_precision" in test else "nothing is"
    target = number(found["target_precision"], 2)
    if found["threshold"] is None:
        sentences = [
            f"The family is never answered: on validation photos no probability gave a precision of {target}. "
            f"Everywhere {otherwise}."
        ]
    else:
        precise = f", with a precision of {number(test['precision'])}" if test["answered"] else ""
        sentences = [
            f"The family is answered where its calibrated probability is at least {number(found['threshold'])}, chosen "
            f"on validation photos for a precision of {target}; elsewhere {otherwise}. That names the family of "
            f"{percent(test['answered'])} of the test photos{precise}."
        ]
    if "phylum_precision" in test and test["answered"] < 1:
        others = "the others" if test["answered"] else "the test photos"
        sentences.append(f"Of {others}, the phylum is right for {percent(test['phylum_precision'])}.")
    sentences.append(
        f"Its accuracy on the 80 % of the test photos that it is surest of is {number(risk['accuracy_at_80'])}. "
        f"The area under the curve below is {number(risk['aurc'])}; less is better."
    )
    return sentences
