"""What an attempt to harm the pipeline came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What came of it; the first three are as they should be, or nobody could know better."""

    SAME = "same result"
    MESSAGE = "one message"
    UNKNOWABLE = "another picture, which no checksum tells"
    TRACEBACK = "traceback"
    UNCLEAR = "no message, or several"
    ACCEPTED = "accepted"  # what should have been refused, or a picture that is not the picture
    HALF = "outputs changed or half-written"
    ESCAPED = "something outside changed, or code ran"
    ORPHANS = "processes left"
    EXPENSIVE = "too much time or memory"


FINE = (Outcome.SAME, Outcome.MESSAGE, Outcome.UNKNOWABLE)


@dataclass(frozen=True)
class Attempt:
    """One attempt.

    Attributes:
        kind: what was done, as in "SIGKILL".
        name: to what, as in "train after 1.5 s".
        outcome: what came of it.
        said: what the pipeline said, or what is wrong.
    """

    kind: str
    name: str
    outcome: Outcome
    said: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether it did no harm."""
        return self.outcome in FINE


def table(attempts: Iterable[Attempt]) -> str:
    """A line per kind: how many attempts, and how many came to what."""
    counts: dict[str, Counter[Outcome]] = {}
    for attempt in attempts:
        counts.setdefault(attempt.kind, Counter())[attempt.outcome] += 1
    width = max(map(len, counts))
    lines = []
    for kind, found in counts.items():
        said = ", ".join(f"{found[outcome]} {outcome}" for outcome in Outcome if found[outcome])
        lines.append(f"{kind:{width}}  {found.total():>5}  {said}")
    return "\n".join(lines)
