"""Silence: which workers of other hosts, or stopped ones, have not proved to be alive for so long that they are dead.

Silence alone is no death. When nobody could write for long, when the host slept or its clock was set forward, all are
silent, and whoever is awake first must not take that for death. So somebody is under suspicion first, from a moment at
which the storage could be written, and keeps silent from then on, while it still can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from queuectl.model.worker import Worker

EXPIRY_ROUND = 5.0
"""Seconds between two looks while nobody is suspected, and for which somebody is suspected at least: time enough for
one that lives to prove it, once the storage can be written again."""

SUSPICION_ROUND = 1.0
"""The same while somebody is; less where leases are short."""

LATE = 3.0
"""Seconds by which a look may be late: after more of them nobody knows whether the storage could be written."""

OVERDUE = 0.5
"""After which share of its lease without a new proof, of which a sixth is usual, somebody is suspected."""

PATIENCE = 0.25
"""Which share of its lease a suspicion has to last, where that is less than a whole round."""

Sign = tuple[str, float]
"""A worker and its last proof of life."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A worker that is overdue, and whether its lease has run out."""

    expired: bool
    patience: float


class Silence:
    """What is known of who is silent; told by `look`, and by whether the storage could be written after it."""

    def __init__(self, by: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._by = by
        self._clock = clock
        self._next = 0.0
        self._first_seen: Mapping[Sign, float] = {}
        self._suspected: dict[Sign, float] = {}

    def is_due(self) -> bool:
        """Whether it is time for a look."""
        return self._clock() >= self._next

    def look(self, workers: Iterable[Worker]) -> Mapping[Sign, Suspect]:
        """Take note of the workers as they are now, and return those that are suspected."""
        now = self._clock()
        if now > self._next + LATE:
            self._suspected.clear()
        others = {(each.id, each.beat_at): each for each in workers if each.running and each.id != self._by}
        self._first_seen = {sign: self._first_seen.get(sign, now) for sign in others}
        suspects = {
            sign: Suspect(each.expired, min(EXPIRY_ROUND, each.lease * PATIENCE))
            for sign, each in others.items()
            if each.expired or now - self._first_seen[sign] > each.lease * OVERDUE
        }
        self._suspected = {sign: since for sign, since in self._suspected.items() if sign in suspects}
        shortest = min((each.lease for each in others.values()), default=EXPIRY_ROUND / PATIENCE)
        self._next = now + min(*((SUSPICION_ROUND, shortest / 8) if suspects else (EXPIRY_ROUND, shortest / 4)))
        return suspects

    def dead(self, suspects: Mapping[Sign, Suspect]) -> Sequence[str]:
        """Return who is dead of those that were just seen, now that the storage turned out to be written at once."""
        now = self._clock()
        since, self._suspected = self._suspected, {sign: self._suspected.get(sign, now) for sign in suspects}
        return [
            sign[0]
            for sign, each in suspects.items()
            if each.expired and sign in since and now - since[sign] >= each.patience
        ]

    def forget(self) -> None:
        """Suspect nobody for now: the storage could not be written, or not at once."""
        self._suspected.clear()
        self._next = self._clock() + EXPIRY_ROUND
