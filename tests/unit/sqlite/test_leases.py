"""Leases: what a take-over writes."""

from __future__ import annotations

from pathlib import Path

from queuectl import NewWorker
from queuectl.testing import FakeClock
from queuectl_sqlite.storage import SqliteStorage


def test_to_ask_for_nobody_unproven_writes_to_the_disk(storage: SqliteStorage, path: Path, clock: FakeClock) -> None:
    """Who does wants to know whether that can be done, which a free lock does not tell."""
    storage.register(NewWorker(id="heir", host="here", pid=1))
    log = path.with_name(path.name + "-wal")
    before = log.stat().st_size
    clock.advance(0.001)
    assert storage.take_over([], "heir", proven=False) == []
    assert log.stat().st_size > before
