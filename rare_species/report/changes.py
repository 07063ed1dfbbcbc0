"""Compare the run with that of another revision, on the same test photos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rare_species.common.paths import Paths
from rare_species.common.terminal import count
from rare_species.compare.judge import judge
from rare_species.compare.output_formats import reasons, warnings
from rare_species.compare.paired import Comparison, FamilyChange
from rare_species.compare.runs import WORKSPACE
from rare_species.report import sentences as say
from rare_species.report.page_sections import Section, Table

LISTED_FAMILIES = 10


def compare_with(base: str, paths: Paths) -> Section:
    """Compare the workspace's champion with the champion of a revision.

    Args:
        base: git revision or name of a DVC experiment.
        paths: the paths of the workspace.

    Returns:
        The section of the page that shows the comparison.

    Raises:
        UserError: if there is no such revision, it has no run, or it has different test photos.
    """
    return describe_changes(judge(base, WORKSPACE, paths))


def describe_changes(comparison: Comparison) -> Section:
    """Make the section of the page that shows a comparison."""
    base, test = comparison.base.revision, comparison.mcnemar
    verdict = f"Regressed: {'; '.join(reasons(comparison))}." if comparison.regressed else "No metric regressed."
    photos = (
        f"{count(test.only_base, 'test photo')} only the run of {base.name} gets right, {test.only_head:,} only "
        f"this one; exact McNemar p = {test.p:.2g}."
    )
    families = (("worse", comparison.worse), ("better", comparison.better))
    tables = [_metrics_table(comparison), *(_families_table(how, changed) for how, changed in families if changed)]
    if comparison.params:
        tables.append(_params_table(comparison.params))
    sentences = [verdict, *(f"{text[0].upper()}{text[1:]}." for text in warnings(comparison)), photos]
    return Section("changes", f"Against {base}", sentences, tables=tables)


def _metrics_table(comparison: Comparison) -> Table:
    rows = [
        [
            say.metric_name(name),
            say.number(change.base),
            say.number(change.head),
            f"{change.head - change.base:+.3f}",
            f"{change.low:+.3f} to {change.high:+.3f}",
            change.status.value,
        ]
        for name, change in comparison.changes.items()
    ]
    columns = ("metric", "before", "now", "change", "interval", "verdict")
    return Table("Test metrics; with 95 % confidence, all intervals hold at once", columns, rows, text=("verdict",))


def _families_table(how: str, families: Sequence[FamilyChange]) -> Table:
    rows = [
        [
            family.family,
            f"{family.images:,}",
            f"{family.base_hits:,} → {family.head_hits:,}",
            f"{family.base_f1:.2f} → {family.head_f1:.2f}",
        ]
        for family in families[:LISTED_FAMILIES]
    ]
    more = f", {LISTED_FAMILIES} of {len(families)}" if len(families) > LISTED_FAMILIES else ""
    return Table(f"Families that got {how}{more}", ("family", "test photos", "right", "F1"), rows)


def _params_table(params: Mapping[str, tuple[Any, Any]]) -> Table:
    rows = [[name, _value(before), _value(now)] for name, (before, now) in params.items()]
    return Table("Changed in params.yaml", ("parameter", "before", "now"), rows)


def _value(value: Any) -> str:
    return "–" if value is None else json.dumps(value, ensure_ascii=False)
