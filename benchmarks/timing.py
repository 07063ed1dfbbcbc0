"""Time things against each other: in turns, so that whatever else runs on the machine slows all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Measure = Callable[[], float]  # does something once and says how many seconds it took


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one side is as another.

    Attributes:
        median: of the rounds.
        low: the smallest of them.
        high: the largest.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """As it stands in the table."""
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 2
        return f"{self.median:,.{digits}f}× ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


@dataclass(frozen=True)
class Turns:
    """What each side took in each round.

    Attributes:
        seconds: one number per round, by the side's name.
    """

    seconds: Mapping[str, list[float]]

    def median(self, name: str) -> float:
        """Seconds of the middle round."""
        return float(np.median(self.seconds[name]))

    def speed(self, name: str, than: str, by: float = 1.0) -> Ratio:
        """How many times as fast a side is as another; both sides of each ratio are of the same round.

        Args:
            name: of the side whose speed is asked for.
            than: name of the other.
            by: the other is taken to be so many times as fast as it was, as if it ran on so many cores.
        """
        ratios = np.divide(self.seconds[than], self.seconds[name]) / by
        return Ratio(float(np.median(ratios)), float(ratios.min()), float(ratios.max()))


def timed(
    call: Callable[[], object], items: int = 1, clock: Callable[[], float] = time.perf_counter
) -> Callable[[], float]:
    """Make a measure of a call.

    Args:
        call: what is timed; its result is dropped.
        items: that one call works on; the measure gives seconds per item.
        clock: in seconds.
    """

    def measure() -> float:
        started = clock()
        call()
        return (clock() - started) / items

    return measure


def take_turns(measures: Mapping[str, Measure], rounds: int = 5, warm_up: int = 1) -> Turns:
    """Measure each side once per round, in their order.

    Args:
        measures: by the side's name.
        rounds: how often each is measured.
        warm_up: rounds before these, which do not count.
    """
    every = [{name: measure() for name, measure in measures.items()} for _ in range(warm_up + rounds)][warm_up:]
    return Turns({name: [turn[name] for turn in every] for name in measures})
