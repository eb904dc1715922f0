"""Waits that never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from queuectl import Context, Duration, Failure


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """Waits `delay` after each failure."""

    delay: Annotated[Duration, Meta(description="the wait")] = Duration(10)


def create(settings: Fixed, context: Context) -> FixedBackoff:
    """Build the backoff; its settings cannot be it, since they have a field of the method's name."""
    return FixedBackoff(float(settings.delay))


class FixedBackoff:
    """Waits the same number of seconds after each failure."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def delay(self, failure: Failure) -> float:
        """Return the seconds to the next attempt."""
        return self._seconds


@dataclass(frozen=True, kw_only=True)
class Immediate:
    """Does not wait: a failed job is due again at once."""

    def delay(self, failure: Failure) -> float:
        """Return the seconds to the next attempt: none."""
        return 0.0
