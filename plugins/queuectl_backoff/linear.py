"""Waits that grow by the same step each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from queuectl import Duration, Failure


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Waits `step` times the failed attempts, at most `max-delay`: 10, 20, 30 … seconds with the defaults."""

    step: Annotated[Duration, Meta(description="the first wait, and by how much each further one is longer")] = (
        Duration(10)
    )
    max_delay: Annotated[Duration, Meta(description="the longest wait")] = Duration(3600)

    def delay(self, failure: Failure) -> float:
        """Return the seconds to the next attempt."""
        return min(float(self.step) * failure.attempts, float(self.max_delay))
