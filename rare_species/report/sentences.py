"""What the numbers of a run say, in sentences; pure functions of metrics, tables and metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rare_species.common.terminal import count
from rare_species.evaluate.error_analysis import describe_gap
from rare_species.report.run import LastRun, Rows

WORST_FAMILIES = 5
FEW_PHOTOS = 2  # a family with at most so many test photos has an F1 that says little


def number(value: Any, decimals: int = 3) -> str:
    """A score as it stands in tables; "–" where there is none."""
    return "–" if value is None else f"{float(value):.{decimals}f}"


def percent(share: float) -> str:
    """A share in [0, 1] as whole percents."""
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")


def metric_name(key: str) -> str:
    """A metric as people write it: "macro F1" for "macro_f1", "top-5 accuracy" for "top5_accuracy"."""
    words = {"f1": "F1", "auc": "AUC"}
    return " ".join(words.get(word, re.sub(r"^top(\d+)$", r"top-\1", word)) for word in key.split("_"))


def span(interval: Mapping[str, float] | None) -> str:
    """A 95 % interval, or "–"."""
    return f"{interval['low']:.3f}–{interval['high']:.3f}" if interval else "–"


def always_largest(families: Rows) -> tuple[float, float]:
    """Test accuracy and macro F1 of always naming the family that has the most training photos.

    Args:
        families: with train_images and images (of the test split) of each family that has test photos.
    """
    largest = max(families, key=lambda row: int(row["train_images"]))
    share = int(largest["images"]) / sum(int(row["images"]) for row in families)
    return share, 2 * share / (1 + share) / len(families)  # its precision is the share, its recall 1


def describe_luck(scores: Mapping[str, Any]) -> str:
    """Say whether the score on validation photos flatters.

    Args:
        scores: a candidate's part of metrics/evaluate.json.
    """
    interval, val = scores["test_95"]["macro_f1"], scores["val"]["macro_f1"]
    where = "inside" if interval["low"] <= val <= interval["high"] else "outside"
    return (
        f"Validation photos chose the epoch and the champion; their score lies {where} the test score's 95 % interval "
        f"({span(interval)})."
    )


def describe_limits(run: LastRun) -> list[str]:
    """Say what the model can't do, as far as the metrics tell."""
    split = run.metrics["split"]
    known = count(split["train"]["families"], "family", "families")
    sentences = [
        f"It knows {known} and nothing else: a photo of any other, or of none, is given one of these names.",
        describe_gap(run.scores),
        describe_luck(run.scores),
        *_describe_families(run.families),
    ]
    untested, leaked = split["families_without_test"], split["leaked_pairs"]
    if leaked is None:
        sentences.append(
            "Some content ids can't be used, so that bursts may lie in two splits unseen: the scores may flatter it."
        )
    if untested:
        whose = count(untested, "family has", "families have")
        sentences.append(f"{whose} no test photo: nobody knows how well it does on them.")
    if leaked:
        sentences.append(
            f"{count(leaked, 'pair')} of photos of one burst, or near-duplicates, lie in two splits: "
            "the scores flatter it."
        )
    if run.metadata and run.metadata["input"]["phyla"]:
        sentences.append("It has to be told the phylum of each photo, which nearly gives some families away.")
    return sentences


def _describe_families(families: Rows) -> list[str]:
    worst = sorted(families, key=lambda row: (float(row["f1"]), row["family"]))[:WORST_FAMILIES]
    named = ", ".join(
        f"{row['family']} (F1 {number(row['f1'], 2)}, {count(int(row['images']), 'test photo')})" for row in worst
    )
    sentences = [f"The families it knows worst: {named}."]
    few = sum(int(row["images"]) <= FEW_PHOTOS for row in families)
    if few:
        whose = count(few, "family has", "families have")
        sentences.append(f"{whose} only one or two test photos; their F1 says little.")
    return sentences


def describe_calibration(scores: Mapping[str, Any]) -> list[str]:
    """Say what temperature scaling does to the test split's calibration error."""
    found = scores["calibration"]
    test, meaning = found["test"], "Probabilities are calibrated when answers are as often right as they are probable."
    if found["temperature"] == 1:
        return [
            f"{meaning} No temperature lowered the champion's loss on validation photos without raising the "
            "calibration error there, so they stay as they are: on test photos the expected calibration error is "
            f"{number(test['ece'])}."
        ]
    return [
        f"{meaning} The logarithms of the champion's are divided by a temperature of "
        f"{number(found['temperature'])}, fitted to validation photos: on "
        f"test photos the expected calibration error is {number(test['ece'])} without it and "
        f"{number(test['ece_calibrated'])} with it."
    ]


def describe_selection(scores: Mapping[str, Any]) -> list[str]:
    """Say when the family is not answered, and what that brings."""
    found, risk = scores["selective"], scores["risk_coverage"]
    test = found["test"]
    otherwise = "only the phylum is" if "phylum_precision" in test else "nothing is"
    wanted = number(found["target_precision"], 2)
    if found["threshold"] is None:
        sentences = [
            f"The family is never answered: on validation photos no probability gave a precision of {wanted}. "
            f"Everywhere {otherwise}."
        ]
    else:
        precise = f", with a precision of {number(test['precision'])}" if test["answered"] else ""
        sentences = [
            f"The family is answered where its calibrated probability is at least {number(found['threshold'])}, chosen "
            f"on validation photos for a precision of {wanted}; elsewhere {otherwise}. That names the family of "
            f"{percent(test['answered'])} of the test photos{precise}."
        ]
    if "phylum_precision" in test and test["answered"] < 1:
        others = "the others" if test["answered"] else "the test photos"
        sentences.append(f"Of {others}, the phylum is right for {percent(test['phylum_precision'])}.")
    sentences.append(
        f"The 80 % of the test photos that it is surest of have an accuracy of {number(risk['accuracy_at_80'])}. "
        f"The area under the curve below is {number(risk['aurc'])}; less is better."
    )
    return sentences
