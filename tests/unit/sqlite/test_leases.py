"""Leases: what a take-over writes."""

from __future__ import annotations

from pathlib import Path

from queuectl import NewWorker
from queuectl_sqlite.storage import SqliteStorage


def test_to_ask_for_nobody_unproven_writes_to_the_disk(storage: SqliteStorage, path: Path) -> None:
    """Who does wants to know whether that can be done, which a free lock does not tell; all stays as it is."""
    storage.register(NewWorker(id="heir", host="here", pid=1))
    log = path.with_name(path.name + "-wal")
    before, workers = log.stat().st_size, storage.workers()
    assert storage.take_over([], "heir", proven=False) == []
    assert log.stat().st_size > before
    assert storage.workers()[0].beat_at == workers[0].beat_at
    assert storage.workers()[0].concurrency == workers[0].concurrency
