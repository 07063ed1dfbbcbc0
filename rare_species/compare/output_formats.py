"""A comparison for people, for programs and for a pull request."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from rare_species.common.terminal import count, printable
from rare_species.compare.paired import BAD, Change, Comparison, DifferentTestSetsError, FamilyChange
from rare_species.compare.runs import Run
from rare_species.evaluate.confidence_intervals import LEVEL

FAMILIES = 10  # shown of those that got worse, and of those that got better
ABSENT = "(none)"


def reasons(comparison: Comparison) -> list[str]:
    """Why the head is worse; empty when it is not."""
    changes = comparison.changes.items()
    found = [
        f"{name} {change.base:.4f} -> {change.head:.4f} ({change.status})"
        for name, change in changes
        if change.status in BAD
    ]
    return found + [f"{name} {what}" for name, what in comparison.lost.items()]


def warnings(comparison: Comparison) -> list[str]:
    """List changed rules of comparison: a run that changes the rules may pass by its own."""
    rules = [
        f"{name} {_value(before)} -> {_value(now)}"
        for name, (before, now) in comparison.params.items()
        if name.partition(".")[0] == "compare"
    ]
    return [f"the rules of comparison changed: {', '.join(rules)}"] if rules else []


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Everything, for `--json`; what is not a number is null."""
    return {
        "verdict": "regressed" if comparison.regressed else "fine",
        "reasons": reasons(comparison),
        "warnings": warnings(comparison),
        **_sides(comparison.base, comparison.head),
        "photos": len(comparison.base.photos.file_paths),
        "families": len(set(comparison.base.photos.families)),
        "confidence": LEVEL,
        "metrics": {name: _change_document(change) for name, change in comparison.changes.items()},
        "mcnemar": vars(comparison.mcnemar),
        "lost": dict(comparison.lost),
        "worse": [vars(family) for family in comparison.worse],
        "better": [vars(family) for family in comparison.better],
        "params": {name: {"base": before, "head": now} for name, (before, now) in comparison.params.items()},
    }


def _change_document(change: Change) -> dict[str, Any]:
    numbers = {"base": change.base, "head": change.head, "change": change.head - change.base}
    numbers |= {"low": change.low, "high": change.high}
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()} | {
        "status": change.status.value
    }


def refusal_json(refusal: DifferentTestSetsError) -> dict[str, Any]:
    """The photos that differ, for `--json`."""
    return {
        "verdict": "not comparable",
        **_sides(refusal.base, refusal.head),
        "only_base": refusal.only_base,
        "only_head": refusal.only_head,
        "relabelled": {path: {"base": before, "head": now} for path, (before, now) in refusal.relabelled.items()},
    }


def _sides(base: Run, head: Run) -> dict[str, Any]:
    return {
        side: {"name": run.revision.name, "commit": run.revision.commit, "model": run.model}
        for side, run in (("base", base), ("head", head))
    }


def as_text(comparison: Comparison) -> str:
    """Tables for a terminal; the verdict is the last line."""
    base, head = comparison.base, comparison.head
    lines = [f"base: {base.revision}, model {base.model}", f"head: {head.revision}, model {head.model}"]
    lines += [_test_set(comparison), "", *_align([_METRIC_HEADINGS, *_metric_rows(comparison)], right=(1, 2, 3))]
    lines += [f"{_about_intervals(comparison)}.", _about_mcnemar(comparison) + "."]
    for title, families in (("worse", comparison.worse), ("better", comparison.better)):
        if families:
            rows = _align([_FAMILY_HEADINGS, *_family_rows(families)], right=(1, 2, 3))
            lines += ["", f"families that got {title}: {len(families)}", *rows, *_more(families)]
    if comparison.params:
        parameters = [(name, f"{_value(before)} -> {_value(now)}") for name, (before, now) in comparison.params.items()]
        lines += ["", "changed in params.yaml", *_align(parameters, right=())]
    told = [f"warning: {warning}" for warning in warnings(comparison)]
    return "\n".join([*lines, "", *told, _verdict(comparison)])


def as_markdown(comparison: Comparison) -> str:
    """A comment for a pull request: verdict, table, families, and the parameters folded away."""
    base, head = comparison.base, comparison.head
    what, why = _verdict(comparison).split(": ", 1)
    sides = f"{_code(str(head.revision))} (model {head.model}) against {_code(str(base.revision))} (model {base.model})"
    blocks = [
        f"### Comparison of models: {what}",
        f"**{what.capitalize()}:** {why.replace('<', '&lt;')}.",
        *(f"**Warning:** {_code(warning)}" for warning in warnings(comparison)),
        f"{sides}, {_test_set(comparison)}.",
        _table(_METRIC_HEADINGS, _metric_rows(comparison), "lrrrrl"),
        f"{_about_intervals(comparison)}. {_about_mcnemar(comparison)}.",
    ]
    for title, families in (("worse", comparison.worse), ("better", comparison.better)):
        if families:
            rows = [(_code(name), *numbers) for name, *numbers in _family_rows(families)]
            table = _table(_FAMILY_HEADINGS, rows, "lrrr")
            blocks += [f"**Families that got {title}: {len(families)}**", table, *_more(families)]
    if comparison.params:
        parameters = [
            (_code(name), *(_code(_value(value)) for value in values)) for name, values in comparison.params.items()
        ]
        summary = f"<summary>Changed in params.yaml: {len(parameters)}</summary>"
        blocks.append(f"<details>{summary}\n\n{_table(('parameter', 'base', 'head'), parameters, 'lll')}\n\n</details>")
    return "\n\n".join(blocks)


def refusal_markdown(refusal: DifferentTestSetsError) -> str:
    """A comment for a pull request that can't be judged."""
    return f"### Comparison of models: not comparable\n\n```text\n{str(refusal).replace('`', chr(39))}\n```"


_METRIC_HEADINGS = ("metric", "base", "head", "change", f"{100 * LEVEL:.0f} % interval", "")
_FAMILY_HEADINGS = ("family", "photos", "right", "F1")


def _metric_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    return [
        (
            name,
            f"{change.base:.4f}",
            f"{change.head:.4f}",
            f"{change.head - change.base:+.4f}",
            f"{change.low:+.4f} to {change.high:+.4f}",
            change.status.value,
        )
        for name, change in comparison.changes.items()
    ]


def _family_rows(families: Sequence[FamilyChange]) -> list[tuple[str, ...]]:
    return [
        (
            printable(family.family),
            str(family.images),
            f"{family.base_hits} -> {family.head_hits}",
            f"{family.base_f1:.2f} -> {family.head_f1:.2f}",
        )
        for family in families[:FAMILIES]
    ]


def _more(families: Sequence[FamilyChange]) -> list[str]:
    return [f"... and {len(families) - FAMILIES} more, which --json lists"] if len(families) > FAMILIES else []


def _test_set(comparison: Comparison) -> str:
    photos = comparison.base.photos
    families = count(len(set(photos.families)), "family", "families")
    return f"{count(len(photos.file_paths), 'test photo')} of {families}"


def _about_intervals(comparison: Comparison) -> str:
    return f"The {len(comparison.changes)} intervals hold together with {100 * LEVEL:.0f} % confidence (Bonferroni)"


def _about_mcnemar(comparison: Comparison) -> str:
    test = comparison.mcnemar
    counts = f"{test.only_base} photos only the base gets right, {test.only_head} only the head"
    return f"{counts}; exact McNemar p = {test.p:.2g}"


def _verdict(comparison: Comparison) -> str:
    if comparison.regressed:
        return "regressed: " + "; ".join(reasons(comparison))
    return "fine: no metric regressed"


def _value(value: Any) -> str:
    return ABSENT if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _align(rows: Sequence[tuple[str, ...]], right: tuple[int, ...]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = (
        [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    )
    return ["  ".join(row).rstrip() for row in cells]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], sides: str) -> str:
    marks = ["---:" if side == "r" else "---" for side in sides]
    cells = ([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in [headings, marks, *cells])


def _code(text: str) -> str:
    """A name that anybody may have chosen, so that GitHub takes nothing in it for markup or a person."""
    return f"`{text.replace('`', chr(39))}`"
