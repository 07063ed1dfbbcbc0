"""Turn calibrated probabilities into answers, one per photo, and write them as a table, as JSON lines or as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rare_species.common.terminal import printable, spreadsheet_cell
from rare_species.evaluate.calibration import is_sure, phylum_probabilities

DIGITS = 6
UNSURE = "unsure"


class Level(StrEnum):
    """How specific an answer is: a family, only a phylum, or nothing."""

    FAMILY = "family"
    PHYLUM = "phylum"
    NONE = "none"


@dataclass(frozen=True)
class RankedFamily:
    """A family that a photo may show."""

    family: str
    phylum: str
    probability: float


@dataclass(frozen=True)
class Answer:
    """The answer for a photo.

    Attributes:
        file: path of the photo.
        level: `FAMILY` if the model is sure enough of the family, else `PHYLUM`; `NONE` if the phyla are unknown.
        answer: name of the family or the phylum; None for `Level.NONE`.
        probability: probability of the answer, in [0, 1]; for `Level.NONE`, that of the likeliest family.
        families: the likeliest families, likeliest first.
    """

    file: str
    level: Level
    answer: str | None
    probability: float
    families: Sequence[RankedFamily]


def make_answer(
    path: Path,
    probabilities: NDArray[np.float32],
    classes: Sequence[Mapping[str, Any]],
    family_threshold: float | None,
    top: int,
) -> Answer:
    """Make the answer for a photo.

    Args:
        path: path of the photo.
        probabilities: calibrated probabilities, float array of shape (n_classes,).
        classes: family and phylum by class id.
        family_threshold: smallest probability, in [0, 1], at which the family is answered; None to never answer it.
        top: number of families to list.
    """
    ranked = np.argsort(-probabilities, kind="stable")[:top]
    guesses = [
        RankedFamily(classes[number]["family"], classes[number]["phylum"], _rounded(probabilities[number]))
        for number in ranked
    ]
    best, highest = classes[int(probabilities.argmax())]["family"], float(probabilities.max())
    if is_sure(probabilities.max(), family_threshold):
        return Answer(str(path), Level.FAMILY, best, _rounded(highest), guesses)
    phyla = [entry["phylum"] for entry in classes]
    if not all(phyla):
        return Answer(str(path), Level.NONE, None, _rounded(highest), guesses)
    names, (sums,) = phylum_probabilities(probabilities[None], phyla)
    return Answer(str(path), Level.PHYLUM, names[int(sums.argmax())], _rounded(sums.max()), guesses)


def json_lines(answers: Iterator[Answer]) -> Iterator[str]:
    """Write each answer as one line of JSON, so that millions of photos need no memory.

    `jq -s .` joins the lines to one array. The text is ASCII, so names survive every terminal and encoding unchanged.
    """
    for answer in answers:
        yield json.dumps(asdict(answer))


def csv_lines(answers: Iterator[Answer], top: int) -> Iterator[str]:
    """Write a CSV header, then a row per photo; each of the `top` likeliest families has its own two columns.

    Text is made safe for spreadsheets, see `spreadsheet_cell`.
    """
    listed = [f"{name}{place}" for place in range(1, top + 1) for name in ("family", "probability")]
    yield _csv_line(["file", "level", "answer", "probability", *listed])
    for answer in answers:
        guesses = [cell for guess in answer.families for cell in (spreadsheet_cell(guess.family), guess.probability)]
        file, said = spreadsheet_cell(answer.file), spreadsheet_cell(answer.answer or "")
        yield _csv_line([file, answer.level, said, answer.probability, *guesses])


def table_lines(
    answers: Iterator[Answer], files: Sequence[Path], classes: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Write a table for people; the widths of its columns depend on all files and classes, not on the answers."""
    names = [printable(entry["family"]) for entry in classes]
    names += [f"{printable(entry['phylum'])} (phylum)" for entry in classes]
    widths = max(len("file"), *(len(printable(file)) for file in files)), max(len("answer"), *map(len, names))

    def line(file: str, answer: str, probability: str, others: str) -> str:
        return f"{file:{widths[0]}}  {answer:{widths[1]}}  {probability:>11}  {others}".rstrip()

    yield line("file", "answer", "probability", "other families")
    for answer in answers:
        said = {
            Level.FAMILY: printable(answer.answer),
            Level.PHYLUM: f"{printable(answer.answer)} (phylum)",
            Level.NONE: UNSURE,
        }[answer.level]
        others = answer.families[1:] if answer.level is Level.FAMILY else answer.families
        listed = ", ".join(f"{printable(guess.family)} {guess.probability:.3f}" for guess in others)
        yield line(printable(answer.file), said, f"{answer.probability:.3f}", listed)


def _csv_line(cells: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()


def _rounded(probability: float) -> float:
    return round(float(probability), DIGITS)
