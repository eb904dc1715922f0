"""Patience: how a connection waits for a lock that another one holds."""

from __future__ import annotations

import os
import time

LONG = 10.0
"""How many seconds a call waits for a lock before it gives up."""


class Patience:
    """A busy handler with short jittered waits: SQLite's own, which grow to 100 ms, starve whoever waits longest."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = LONG if seconds is None else seconds
        self._deadline = 0.0

    def __call__(self, calls: int) -> bool:
        """Wait a moment, and tell whether to try again; `calls` is how often this lock was waited for already."""
        now = time.monotonic()
        if calls == 0:
            self._deadline = now + self._seconds
        if now >= self._deadline:
            return False
        time.sleep((0.0001 + 0.0009 * os.urandom(1)[0] / 255) * min(1 + calls / 50, 5))
        return True
