"""Retention: what was finished long ago is deleted, a little at a time, and so is what dead processes left."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from pathlib import Path

from queuectl.config import Config
from queuectl.engine import ledger
from queuectl.engine.steadiness import Steadiness
from queuectl.model.job import State
from queuectl.model.query import Query
from queuectl.model.storage import Storage

INTERVAL = 60.0
FOR_EVER = 100 * 365.25 * 86400.0
"""Seconds that nothing is old."""

STEP = 500
"""Jobs that one pass deletes at most, so that nobody waits for long."""


class Housekeeping:
    """Prunes by the section `retention`, at most `STEP` jobs of a state at once.

    Not while a clock that was just set forward makes all that is stored seem old.
    """

    def __init__(self, config: Config, storage: Storage, steadiness: Steadiness | None = None) -> None:
        self._storage = storage
        self._logs = config.logs
        self._run = config.data / "run"
        kept = {State.COMPLETED: config.retention.completed, State.CANCELLED: config.retention.cancelled}
        # What is kept for ever is asked for too: it is the occasion on which a storage looks after itself.
        self._kept = {state: FOR_EVER if age is None else float(age) for state, age in kept.items()}
        self._random = random.Random()
        self._next = time.monotonic() + self._random.uniform(0, 2.0)
        self._steadiness = steadiness or Steadiness()
        self._pause = threading.Event()

    def work(self) -> None:
        """Prune if it is time to; soon again when there was more than one pass may take."""
        if time.monotonic() < self._next:
            return
        ledger.sweep(self._run)
        kept = self._kept.items() if self._steadiness.is_settled() else ()
        more = [self._prune(state, age) for state, age in kept]
        self._next = time.monotonic() + (1.0 if any(more) else INTERVAL * self._random.uniform(0.8, 1.2))

    def sleep(self, seconds: float) -> None:
        """Pause between two tries."""
        self._pause.wait(seconds)

    def _prune(self, state: State, age: float) -> bool:
        query = Query(states=frozenset({state}), finished_before=age)
        changed = self._storage.prune(query, STEP)
        unlink_outputs(self._logs, changed.outputs)
        return len(changed.jobs) >= STEP or changed.remaining > 0


def unlink_outputs(logs: Path, paths: tuple[str, ...]) -> None:
    """Remove output files that nothing refers to any more; only those that lie in this host's directory of logs."""
    for path in paths:
        if os.path.dirname(path) == str(logs):  # a text is compared, no file is asked
            with contextlib.suppress(OSError):
                os.unlink(path)
