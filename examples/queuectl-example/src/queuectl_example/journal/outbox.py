"""The outbox: events that wait for their notifiers, and how far each of these has come."""

from __future__ import annotations

from queuectl import Event

from queuectl_example.journal.store import Consumer
from queuectl_example.journal.transaction import Transaction


def after(tx: Transaction, id: int, limit: int) -> list[Event]:
    """Return the oldest events with an id above `id`."""
    return [event for event in tx.store.events.values() if event.id > id][:limit]


def advance(tx: Transaction, name: str, upto: int, worker: str, hold: float) -> int | None:
    """Move a consumer's cursor, never back, and keep the right to deliver to it; None while another has that right."""
    found = tx.store.consumers.get(name, Consumer())
    another = found.holder != worker and found.holder in tx.store.workers
    if another and found.held_since <= tx.now < found.held_until:
        return None
    moved = Consumer(max(found.cursor, upto), worker, tx.now, tx.now + hold)
    tx.store.consumers[name] = moved
    _drop_what_all_have_passed(tx)
    return moved.cursor


def _drop_what_all_have_passed(tx: Transaction) -> None:
    passed = min(consumer.cursor for consumer in tx.store.consumers.values())
    for id in [id for id in tx.store.events if id <= passed]:
        del tx.store.events[id]
