"""Waking: who waits has a doorbell, and who committed something rings those whom it concerns.

Should a process be killed between its commit and the ring, a look at the database's version, twice a second, finds the
commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from queuectl_sqlite.doorbell import Doorbell, ring
from queuectl_sqlite.transaction import Wake

LOOKS_EVERY = 0.5
"""Seconds between looks at the version while others ring."""

LOOKS_EVERY_UNHEARD = 0.02
"""The same where the file system has no FIFOs."""

_WORK, _NEWS = ".work", ".news"
_RUNG: dict[Wake, tuple[str, ...]] = {Wake.NOBODY: (), Wake.CLIENTS: (_NEWS,), Wake.ALL: (_NEWS, _WORK)}


class Waker:
    """Wakes the others, and is woken by them. One for each handle on a database."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = Lock()
        self._bell: Doorbell | None = None
        self._label = _NEWS
        self._waiting = 0
        self._interrupted = False
        self._closed = False

    def wants_work(self) -> None:
        """Be woken from now on by all that may bring work, and no longer by every piece of news."""
        if self._label == _WORK:
            return
        with self._lock:
            self._label = _WORK
            if self._bell is not None:
                self._bell.label(_WORK)

    def settle_down(self) -> None:
        """Forget the rings so far: who calls this looks at the database next."""
        if self._bell is not None and not self._waiting:
            self._bell.silence()

    def wake(self, wake: Wake) -> None:
        """Wake those whom a commit concerns; to be called after it."""
        suffixes = _RUNG[wake]
        if suffixes:
            bell = self._bell
            ring(self._directory, suffixes, but=None if bell is None or self._waiting else bell.path)

    def wait(self, timeout: float, changed: Callable[[], bool]) -> bool:
        """Block until woken, interrupted or closed, or `changed` says so; return False after `timeout` seconds."""
        with self._lock:
            if self._closed:
                return True
            if self._bell is None:
                self._bell = Doorbell(self._directory, self._label)
            self._waiting += 1
        try:
            return self._wait(self._bell, time.monotonic() + timeout, changed)
        finally:
            with self._lock:
                self._waiting -= 1
                self._take_away_if_last()

    def interrupt(self) -> None:
        """Make a wait return, the running one or the next; takes no lock, so that a signal handler may call it."""
        self._interrupted = True
        bell = self._bell
        if bell is not None:
            bell.ring()

    def close(self) -> None:
        """Make every wait return, and take the bell away."""
        self._closed = True
        self.interrupt()
        with self._lock:
            self._take_away_if_last()

    def _wait(self, bell: Doorbell, deadline: float, changed: Callable[[], bool]) -> bool:
        longest = LOOKS_EVERY if bell.heard_outside else LOOKS_EVERY_UNHEARD
        while not (self._told(bell) or changed()):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if bell.wait(min(left, longest)):
                self._interrupted = False
                return True
        return True

    def _told(self, bell: Doorbell) -> bool:
        """Return whether this process itself wants the wait to end, and take an interrupt as heard."""
        if self._interrupted:
            self._interrupted = False  # first: an interrupt that comes from here on counts anew
            bell.forget_own()
            return True
        return self._closed

    def _take_away_if_last(self) -> None:
        if self._closed and not self._waiting and self._bell is not None:
            bell, self._bell = self._bell, None
            bell.close()
