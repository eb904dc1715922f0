"""Isolation: a job that will be given up after one more lost run gets that run to itself.

Of several jobs that ran in a worker nobody can tell which one took it along. Were they to run side by side each time,
one that kills its worker would have all the others given up with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 60.0
"""Seconds for which jobs keep out of each other's way at most: something may run for ever."""

LOOKS_EVERY = 0.2
"""Seconds between two looks whether who waits to be alone is still wanted: a cancel may not take longer than one."""


class Isolation:
    """Shared by the threads of a worker: many of them among others, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._suspects = 0

    @contextmanager
    def among_others(self) -> Iterator[None]:
        """Wait until nobody is alone or wants to be, and keep those waiting who want to be."""
        with self._changed:
            if self._suspects:
                self._changed.wait_for(lambda: not self._suspects, PATIENCE)
            self._running += 1
        try:
            yield
        finally:
            self._left()

    @contextmanager
    def alone(self, *, unwanted: Callable[[], bool]) -> Iterator[None]:
        """Wait until nobody else is there, and keep the others out; not when that is `unwanted` by then."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            self._suspects += 1
            while self._running and not unwanted() and time.monotonic() < deadline:
                self._changed.wait(LOOKS_EVERY)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._suspects -= 1
            self._left()

    def _left(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()
