"""The guard of a worker's leases: it ends what runs before a worker on another host may start it.

A thread of its own, since whoever talks with the storage may be waiting for an answer that never comes.
"""

from __future__ import annotations

import threading
import time

import structlog

from queuectl.engine.exchanging import Counter
from queuectl.engine.shares import ENDED, PROVEN

AGAIN = 0.5
"""Seconds between two looks once it is so: what was just being started has begun meanwhile."""


class Guard:
    """Watches how long nobody answered; only of use where workers on other hosts may take over."""

    def __init__(self, counter: Counter, *, lease: float) -> None:
        self._counter = counter
        self._fatal_age = lease * ENDED
        self._usual_age = lease * PROVEN
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)
        self._finished = threading.Event()
        self._log = structlog.get_logger().bind(worker=counter.terms.id)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def finish(self) -> None:
        """Stop the thread; nothing runs any more."""
        self._finished.set()
        self._thread.join()

    def look(self) -> float:
        """End all runs if their leases may be somebody else's soon; return in how many seconds to look again."""
        # An answer tells that the storage had a proof, and not how old that was unless it says so.
        proven_at = max(self._counter.proven_at, self._counter.confirmed_at - self._usual_age)
        left = proven_at + self._fatal_age - time.monotonic()
        if left > 0:
            return left
        desk = self._counter.desk
        running = {run.claim.lease.token for run in desk.running() if not run.flag.is_set()}
        if running:
            self._log.error("the storage has not answered for too long, what runs is ended", runs=len(running))
        desk.end_running("lost", desk.known())
        return AGAIN

    def _run(self) -> None:
        left = self._fatal_age
        while not self._finished.wait(left):
            left = self.look()
