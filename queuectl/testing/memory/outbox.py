"""The outbox: events that wait for their notifiers, and how far each of these has come."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from queuectl.model.event import Event


@dataclass(slots=True)
class Consumer:
    """A reader of the outbox: all up to `cursor` is delivered, and `holder` alone may deliver on for a time."""

    cursor: int = 0
    holder: str | None = None
    held_since: float = 0.0
    held_until: float = 0.0


@dataclass(slots=True)
class Outbox:
    """Events in the order of their ids, which are never used twice."""

    events: list[Event] = field(default_factory=list)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    last_id: int = 0

    def append(self, name: str, **fields: Any) -> None:
        """Write the next event."""
        self.last_id += 1
        self.events.append(Event(id=self.last_id, name=name, **fields))

    def after(self, id: int, limit: int) -> list[Event]:
        """Return the oldest events with an id above `id`."""
        return [event for event in self.events if event.id > id][:limit]

    def advance(self, consumer: Consumer, upto: int, worker: str, now: float, hold: float) -> int:
        """Move a consumer's cursor, never back, keep the right to it, and drop what all have passed."""
        consumer.cursor = max(consumer.cursor, upto)
        consumer.holder, consumer.held_since, consumer.held_until = worker, now, now + hold
        passed = min(each.cursor for each in self.consumers.values())
        self.events = [event for event in self.events if event.id > passed]
        return consumer.cursor

    def consumer(self, name: str, worker: str, now: float, workers: Container[str]) -> Consumer | None:
        """Return the consumer, new if need be, or None while another of the `workers` holds the right to it."""
        found = self.consumers.setdefault(name, Consumer())
        others = found.holder != worker and found.holder in workers
        return None if others and found.held_since <= now < found.held_until else found
