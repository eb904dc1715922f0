"""Delivering events: each notifier hears of them in order, at least once, on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from queuectl.config import Config
from queuectl.errors import QueuectlError
from queuectl.model.event import Event
from queuectl.model.storage import Storage

BATCH = 100
HOLD = 30.0
"""Seconds for which a worker keeps the right to deliver to a notifier without renewing it."""

IDLE = 1.0
"""Seconds between two looks when nobody said that there is news."""

LONGEST_PAUSE = 60.0
SLOW = 10.0
"""Seconds after which a notifier that has not returned is named in the log."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody who hears of events: `name` is where its cursor is kept, `plugin` how people are told of it."""

    name: str
    plugin: str
    notify: Callable[[Event], None]
    events: frozenset[str] | None


class Delivery(threading.Thread):
    """Delivers to one consumer."""

    def __init__(self, consumer: Consumer, storage: Storage, worker: str) -> None:
        super().__init__(name=f"deliver-{consumer.name}", daemon=True)
        self.consumer = consumer
        self._storage = storage
        self._worker = worker
        self._cursor = 0
        self._failures = 0
        self._news = threading.Event()
        self._closing = threading.Event()
        self._busy_since: float | None = None
        self._log = structlog.get_logger().bind(plugin=consumer.plugin, worker=worker)

    def run(self) -> None:
        """Deliver until `close`, and then what is left."""
        while True:
            closing = self._closing.is_set()
            self._news.clear()
            try:
                pause = self._round()
            except QueuectlError as error:
                self._log.warning("cannot read events, trying again", error=error.message)
                pause = IDLE
            except Exception:  # a wall: a notifier must not be silent for ever because of one fault
                self._log.exception("the delivery failed, and goes on")
                pause = IDLE
            if pause == 0.0:
                continue
            if closing:
                return
            if self._failures:
                self._closing.wait(pause)
            else:
                self._news.wait(pause)

    def announce(self) -> None:
        """Say that there may be events."""
        self._news.set()

    def close(self) -> None:
        """Deliver what is there, then end."""
        self._closing.set()
        self._news.set()

    def watch(self) -> None:
        """Name a notifier that hangs, once for each event."""
        since = self._busy_since
        if since is not None and time.monotonic() - since > SLOW:
            self._busy_since = None
            self._log.warning("the notifier hangs; nothing but its own events waits for it")

    def _round(self) -> float:
        """Deliver one batch; return how many seconds to wait, 0 when there may be more."""
        if not self._storage.events(self._cursor, 1):
            return IDLE
        cursor = self._storage.advance(self.consumer.name, self._cursor, worker=self._worker, hold=HOLD)
        if cursor is None:
            return IDLE
        events = self._storage.events(cursor, BATCH)
        delivered = cursor
        for event in events:
            if not self._deliver(event):
                break
            delivered = event.id
        self._cursor = delivered
        complete = not events or delivered == events[-1].id
        hold = HOLD if complete and len(events) == BATCH else 0.0
        self._storage.advance(self.consumer.name, delivered, worker=self._worker, hold=hold)
        if not complete:
            self._failures += 1
            return min(LONGEST_PAUSE, 2.0 ** min(self._failures - 1, 10))
        self._failures = 0
        return 0.0 if events else IDLE

    def _deliver(self, event: Event) -> bool:
        if self.consumer.events is not None and event.name not in self.consumer.events:
            return True
        self._busy_since = time.monotonic()
        try:
            self.consumer.notify(event)
        except Exception:  # a wall: whatever a notifier raises is its own affair
            self._log.warning("the notifier raised, its event comes again", event_name=event.name, exc_info=True)
            return False
        finally:
            self._busy_since = None
        return True


class Deliveries:
    """All consumers of a configuration: the notifiers in order, then the listeners."""

    def __init__(self, config: Config, storage: Storage, worker: str) -> None:
        self._threads = [Delivery(consumer, storage, worker) for consumer in consumers(config)]

    def start(self) -> None:
        """Start a thread for each consumer."""
        for thread in self._threads:
            thread.start()

    def announce(self) -> None:
        """Say that there may be events."""
        for thread in self._threads:
            thread.announce()

    def watch(self) -> None:
        """Name those that hang."""
        for thread in self._threads:
            thread.watch()

    def finish(self, grace: float) -> None:
        """Wait at most `grace` seconds until all is delivered; what is left the next worker delivers."""
        for thread in self._threads:
            thread.close()
        deadline = time.monotonic() + grace
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))


def consumers(config: Config) -> list[Consumer]:
    """Build the notifiers of a configuration; a plugin that is named twice has a cursor for each."""
    found: list[Consumer] = []
    for choice in config.notifiers():
        name = _unique(choice.found.name, found)
        found.append(Consumer(name, str(choice.found), config.create(choice).notify, choice.events))
    for plugin, notify in config.registry.listeners():
        found.append(Consumer(_unique(f"plugin:{plugin}", found), plugin, notify, None))
    return found


def _unique(name: str, found: list[Consumer]) -> str:
    taken = {consumer.name for consumer in found}
    count = 2
    unique = name
    while unique in taken:
        unique = f"{name}#{count}"
        count += 1
    return unique
