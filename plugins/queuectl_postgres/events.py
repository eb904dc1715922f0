"""The outbox: events that wait for their consumers, and how far each of these has come."""

from __future__ import annotations

from typing import Any

import msgspec

from queuectl import Event, Job
from queuectl_postgres import orders, tenure
from queuectl_postgres.link import Link
from queuectl_postgres.migrating import LOCK, lock_number
from queuectl_postgres.transaction import Transaction

FORGOTTEN_AFTER = 30 * 86400.0
"""A consumer for which an event has waited so many seconds no longer keeps events: it left the configuration."""

NUMBERED_AT_ONCE = 1000
"""How many events get their id in one transaction."""

_job_of_snapshot = msgspec.json.Decoder(Job).decode


def number(tx: Transaction) -> int:
    """Give what was announced its ids, in the order in which it was written; return how many that were.

    One at a time does this, and only what is committed is seen: so no id ever becomes visible below one that was. What
    happened to a job comes in its order, since who changes a job waits for the commit of who changed it before.
    """
    tx.link.run(LOCK, (lock_number(f"{tx.link.schema}:outbox"),))
    return tx.link.run(orders.NUMBER_EVENTS, (NUMBERED_AT_ONCE,))


def events(link: Link, after: int, limit: int) -> list[Event]:
    """Return events with an id above `after`, oldest first."""
    return [event_of(row) for row in link.rows(orders.EVENTS, (after, limit))]


def advance(tx: Transaction, consumer: str, upto: int, worker: str, hold: float) -> int | None:
    """Move a consumer's cursor, never back, and keep the right to deliver; None while another has it."""
    tx.link.run(orders.ADD_CONSUMER, (consumer,))
    row = tx.link.row(orders.CONSUMER, (consumer,))
    assert row is not None
    cursor, holder, since, until = row
    if holder not in {None, worker} and since <= tx.now < until and tx.link.value(tenure.IS_REGISTERED, (holder,)):
        return None
    moved: int = max(cursor, upto)
    tx.link.run(orders.SET_CONSUMER, (moved, worker, tx.now, tx.now + hold, consumer))
    if moved != cursor:
        tx.link.run(orders.FORGET_CONSUMERS, {"before": tx.now - FORGOTTEN_AFTER})
        tx.link.run(orders.FORGET_EVENTS)
    return moved


def event_of(row: tuple[Any, ...]) -> Event:
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
