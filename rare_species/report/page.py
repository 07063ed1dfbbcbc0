"""Render the whole page as HTML; the template escapes everything that it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rare_species.report import data_and_model_cards, result_sections
from rare_species.report import sentences as say
from rare_species.report.last_run import LastRun
from rare_species.report.page_sections import Section

SECTIONS = (
    data_and_model_cards.data_card,
    data_and_model_cards.model_card,
    result_sections.metrics,
    result_sections.curves,
    result_sections.confusion,
    result_sections.families,
    result_sections.calibration,
    result_sections.selection,
    result_sections.errors,
    result_sections.explanations,
)


@dataclass(frozen=True)
class Headline:
    """One of the few numbers at the top of the page.

    Attributes:
        name: name of the metric.
        value: the champion's value on the test split.
        interval: 95 % interval of the value, or "–".
        by_chance: the value that a guess without looking at the photo gets, in words.
    """

    name: str
    value: str
    interval: str
    by_chance: str


def render_page(run: LastRun, changes: Section | None = None) -> str:
    """Render the page.

    Args:
        run: the last run, as read from the workspace.
        changes: comparison with another run, see `changes.compare_with`; it is shown after the metrics.

    Returns:
        HTML that needs no other file and no script; the same run gives the same HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html").render(
        archive=Path(run.params.unzip.archive).name,
        champion=run.champion,
        headlines=list_headlines(run),
        sections=list_sections(run, changes),
    )


def list_headlines(run: LastRun) -> list[Headline]:
    """List accuracy and macro F1 on the test split, and what guessing gets."""
    test, intervals = run.champion_metrics["test"], run.champion_metrics["test_95"]
    accuracy, f1 = map(say.number, say.always_largest(run.families))
    by_chance = say.number(1 / run.metrics["split"]["train"]["families"])
    of_accuracy = f"chance {by_chance}; always naming the largest family {accuracy}"
    of_f1 = f"always naming the largest family {f1}"
    return [
        Headline("Test accuracy", say.number(test["accuracy"]), say.span(intervals.get("accuracy")), of_accuracy),
        Headline("Test macro F1", say.number(test["macro_f1"]), say.span(intervals.get("macro_f1")), of_f1),
    ]


def list_sections(run: LastRun, changes: Section | None = None) -> list[Section]:
    """List all sections that are not empty for this run; `changes` comes after the metrics."""
    sections = [section for section in (build(run) for build in SECTIONS) if not section.is_empty]
    if changes:
        names = [section.name for section in sections]
        sections.insert(names.index("metrics") + 1, changes)
    return sections
