"""Contests: several do the same, in turn, again and again, and are compared by their medians."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

Measure = Callable[[Path], float]
"""Does it once, in a folder of its own, and returns how fast that was."""


class Shared(Generic[T]):
    """What is measured once and looked at in several ways: whoever looks first in a round measures for all."""

    def __init__(self, measure: Callable[[Path], T]) -> None:
        self._measure = measure
        self._measured: list[T] = []
        self._seen: dict[object, int] = {}

    def seen_as(self, choose: Callable[[T], float]) -> Measure:
        """Return a measure that looks at what was measured in one way."""

        def look(folder: Path) -> float:
            number = self._seen[look] = self._seen.get(look, 0) + 1
            if number > len(self._measured):
                self._measured.append(self._measure(folder))
            return choose(self._measured[number - 1])

        return look


@dataclass(frozen=True)
class Contender:
    """Who takes part. `missing` says what is not installed, where that is so."""

    name: str
    measure: Measure
    missing: str | None = None


@dataclass(frozen=True)
class Budget:
    """What the first contender is to reach: so many times the median of `reference`, at least or at most."""

    reference: str
    ratio: float
    at_most: bool = False

    def is_kept(self, ratio: float) -> bool:
        """Whether a ratio is within the budget."""
        return ratio <= self.ratio if self.at_most else ratio >= self.ratio

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.ratio:g} x {self.reference}"


@dataclass(frozen=True)
class Contest:
    """One row of the budgets: what is done, in which unit, by whom. The first contender is queuectl."""

    title: str
    unit: str
    contenders: Sequence[Contender]
    budget: Budget
    more_is_better: bool = True


@dataclass
class Result:
    """What was measured in a contest, by contender, and who could not take part."""

    contest: Contest
    values: Mapping[str, list[float]]
    missing: Mapping[str, str] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """Return the median of a contender."""
        return statistics.median(self.values[name])

    @property
    def ratio(self) -> float:
        """The median of the first contender, in that of the budget's reference."""
        return self.median(self.contest.contenders[0].name) / self.median(self.contest.budget.reference)


def hold(contest: Contest, rounds: int, folder: Path) -> Result:
    """Let all contenders do it in turn; each round begins with another of them, so that none always comes first."""
    there = [contender for contender in contest.contenders if contender.missing is None]
    missing = {contender.name: contender.missing for contender in contest.contenders if contender.missing is not None}
    values: dict[str, list[float]] = {contender.name: [] for contender in there}
    for number in range(rounds):
        first = number % len(there)
        for contender in [*there[first:], *there[:first]]:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                values[contender.name].append(contender.measure(Path(place)))
    return Result(contest, values, missing)
