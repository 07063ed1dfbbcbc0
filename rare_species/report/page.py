"""The whole page as HTML; the template escapes all it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rare_species.report import cards, results
from rare_species.report import sentences as say
from rare_species.report.parts import Section
from rare_species.report.run import LastRun

SECTIONS = (
    cards.data_card,
    cards.model_card,
    results.scores,
    results.curves,
    results.confusion,
    results.families,
    results.calibration,
    results.selection,
    results.errors,
    results.explanations,
)


@dataclass(frozen=True)
class Headline:
    """One of the few numbers at the top.

    Attributes:
        name: of the score.
        value: of the champion on the test split.
        interval: its 95 % interval, or "–".
        by_chance: what answers without looking at the photo get.
    """

    name: str
    value: str
    interval: str
    by_chance: str


def render_page(run: LastRun, changes: Section | None = None) -> str:
    """The page.

    Args:
        run: what was read from the workspace.
        changes: against another run, see `changes.compare_with`; shown after the scores.

    Returns:
        HTML that needs no other file and no script; the same for the same run.
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
    """Accuracy and macro F1 on the test split, against chance."""
    test, intervals = run.scores["test"], run.scores["test_95"]
    accuracy, f1 = map(say.number, say.always_largest(run.families))
    by_chance = say.number(1 / run.metrics["split"]["train"]["families"])
    of_accuracy = f"chance {by_chance}; always naming the largest family {accuracy}"
    of_f1 = f"always naming the largest family {f1}"
    return [
        Headline("Test accuracy", say.number(test["accuracy"]), say.span(intervals.get("accuracy")), of_accuracy),
        Headline("Test macro F1", say.number(test["macro_f1"]), say.span(intervals.get("macro_f1")), of_f1),
    ]


def list_sections(run: LastRun, changes: Section | None = None) -> list[Section]:
    """All sections that this run has something for, and its changes after the scores."""
    sections = [section for section in (build(run) for build in SECTIONS) if not section.is_empty]
    if changes:
        names = [section.name for section in sections]
        sections.insert(names.index("scores") + 1, changes)
    return sections
