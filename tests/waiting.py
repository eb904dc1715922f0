"""Waiting for what a test is about to see."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 180.0
"""Seconds after which nothing is expected any more, also of a machine that is loaded."""


def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait for a condition to become true; one that takes long to tell, as a command does, is asked less often."""
    deadline = time.monotonic() + patience
    while True:
        asked = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        assert now < deadline, "the condition did not come true"
        time.sleep(min(max(0.02, 2 * (now - asked)), 1.0))
