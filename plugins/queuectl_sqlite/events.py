"""The outbox: events that wait for their consumers, and how far each of these has come."""

from __future__ import annotations

from typing import Any

import apsw
import msgspec

from queuectl import Event, Job
from queuectl_sqlite import statements as sql
from queuectl_sqlite.transaction import Transaction

FORGOTTEN_AFTER = 30 * 86400.0
"""A consumer for which an event has waited so many seconds no longer keeps events: it left the configuration."""

_job_of_snapshot = msgspec.json.Decoder(Job).decode


def events(db: apsw.Connection, after: int, limit: int) -> list[Event]:
    """Return events with an id above `after`, oldest first."""
    return [event_of(row) for row in db.execute(sql.EVENTS, (after, limit)).fetchall()]


def advance(tx: Transaction, consumer: str, upto: int, worker: str, hold: float) -> int | None:
    """Move a consumer's cursor, never back, and keep the right to deliver; None while another has it."""
    cursor, holder, since, until = tx.db.execute(sql.CONSUMER, (consumer,)).get or (0, None, 0.0, 0.0)
    if holder not in {None, worker} and since <= tx.now < until and tx.db.execute(sql.WORKER, (holder,)).get:
        return None
    moved: int = max(cursor, upto)
    tx.db.execute(sql.SET_CONSUMER, (consumer, moved, worker, tx.now, tx.now + hold))
    if moved != cursor:
        tx.db.execute(sql.FORGET_CONSUMERS, {"before": tx.now - FORGOTTEN_AFTER})
        tx.db.execute(sql.FORGET_EVENTS)
    return moved


def event_of(row: Any) -> Event:
    """Make an event of the columns that EVENTS selects."""
    id, name, at, job, attempt, worker, queue = row
    return Event(
        id=id,
        name=name,
        at=at,
        job=None if job is None else _job_of_snapshot(job),
        attempt=attempt,
        worker=worker,
        queue=queue,
    )
