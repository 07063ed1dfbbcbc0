"""Summarise the last run in a few lines of text."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from rare_species.evaluate.error_analysis import describe_gap
from rare_species.evaluate.metrics_file import SHOWN, top_k_names

WIDTH = 100  # of sentences, in characters


def summarise(evaluation: dict[str, Any]) -> str:
    """Tabulate the test metrics of each model, name the champion, and describe it in sentences.

    Args:
        evaluation: content of metrics/evaluate.json.
    """
    names = [name for name in evaluation if name != "champion"]
    lines = [f"{'on the test split':20}" + "".join(f"{name:>12}" for name in names)]
    for metric in (SHOWN[0], *top_k_names(evaluation[names[0]]["test"]), *SHOWN[1:]):
        values = [evaluation[name]["test"][metric] for name in names]
        lines.append(f"{metric:20}" + "".join(f"{value:12.4f}" for value in values))
    ranges = [evaluation[name]["test_95"]["macro_f1"] for name in names]
    spans = [f"{span['low']:.3f}-{span['high']:.3f}" for span in ranges]
    lines.append(f"{'macro_f1, 95 %':20}" + "".join(f"{span:>12}" for span in spans))
    champion = evaluation["champion"]
    calibration, selective = (evaluation[champion][group] for group in ("calibration", "selective"))
    lines.append(f"champion, by validation macro F1: {champion}")
    sentences = (
        describe_gap(evaluation[champion]),
        f"Calibration error {calibration['test']['ece']:.3f}, and {calibration['test']['ece_calibrated']:.3f} at "
        f"temperature {calibration['temperature']:.2f}. {_describe_sureness(selective)}",
    )
    lines += [line for sentence in sentences for line in wrap(sentence, WIDTH)]
    return "\n".join(lines)


def _describe_sureness(selective: dict[str, Any]) -> str:
    answered, precision = selective["test"]["answered"], selective["test"]["precision"]
    right = f", right in {precision:.0%} of those" if answered else ""
    never = ": no probability gave the target precision on validation" if selective["threshold"] is None else ""
    return f"Sure of the family in {answered:.0%} of test photos{right}{never}."
