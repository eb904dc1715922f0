"""Whether the wall clock goes steadily, as far as one process can tell: beside the clock that nobody can set."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAP = 60.0
"""Seconds that the wall clock may gain on the monotonic one between two looks."""

SETTLING = 3600.0
"""Seconds for which a clock that was set forward is not relied upon: whoever set it wrong may yet put it right."""


class Steadiness:
    """Compares the two clocks, each time that it is asked.

    A host that slept looks the same as one whose clock was set forward.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._ahead = wall() - monotonic()
        self._settled_at = monotonic()

    def is_settled(self) -> bool:
        """Return False for a while after the wall clock was set forward."""
        now = self._monotonic()
        ahead = self._wall() - now
        if ahead - self._ahead > LEAP:
            self._settled_at = now + SETTLING
        self._ahead = ahead
        return now >= self._settled_at
