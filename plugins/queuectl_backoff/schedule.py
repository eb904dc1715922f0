"""Waits that a person lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from queuectl import Duration, Failure


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Waits the first of `delays` after the first failure, the second after the second, and so on.

    When the list is used up, `then` decides: its last entry serves again, or the job is dead even if it has retries
    left.
    """

    delays: Annotated[tuple[Duration, ...], Meta(min_length=1, description="the waits, in order")] = (
        Duration("10s"),
        Duration("1m"),
        Duration("10m"),
        Duration("1h"),
    )
    then: Annotated[
        Literal["repeat", "give-up"],
        Meta(description="after the last wait: use it again and again, or let the job be dead"),
    ] = "repeat"

    def delay(self, failure: Failure) -> float | None:
        """Return the seconds to the next attempt, or None when there is to be none."""
        place = failure.attempts - 1
        if place < len(self.delays):
            return float(self.delays[place])
        return float(self.delays[-1]) if self.then == "repeat" else None
