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
from queuectl.registry.blame import brief

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


@dataclass(slots=True)
class Call:
    """A call of a notifier that is under way. `named` is whether the log has told that it takes long."""

    event: Event
    since: float
    named: bool = False


class Delivery(threading.Thread):
    """Delivers to one consumer."""

    def __init__(self, consumer: Consumer, storage: Storage, worker: str) -> None:
        super().__init__(name=f"deliver-{consumer.name}", daemon=True)
        self.consumer = consumer
        self._storage = storage
        self._worker = worker
        self._cursor = 0
        self._renew_at = 0.0
        self._failures = 0
        self._in_trouble = False
        self._news = threading.Event()
        self._closing = threading.Event()
        self._abandoned = False
        self._call: Call | None = None
        self._log = structlog.get_logger().bind(plugin=consumer.plugin, worker=worker)

    def run(self) -> None:
        """Deliver until `close`, and then what is left."""
        while True:
            closing = self._closing.is_set()
            self._news.clear()
            try:
                pause = self._round()
                self._in_trouble = False
            except QueuectlError as error:
                if not self._in_trouble:
                    self._log.warning("cannot read events, trying again", error=error.message)
                self._in_trouble = True
                pause = IDLE
            except BaseException:  # a wall: a notifier must not be silent for ever because of one fault
                self._log.exception("the delivery failed, and goes on")
                pause = IDLE
            if self._abandoned:
                return
            if pause == 0.0:
                continue
            if closing:
                return
            if self._failures:
                self._closing.wait(pause)
            else:
                self._news.wait(pause)

    def introduce(self) -> None:
        """Make the consumer known: an event is deleted once all that are known have passed it."""
        try:
            self._storage.advance(self.consumer.name, 0, worker=self._worker, hold=0.0)
        except QueuectlError as error:
            self._log.warning("cannot make the notifier known, trying again", error=error.message)

    def announce(self) -> None:
        """Say that there may be events."""
        self._news.set()

    def close(self) -> None:
        """Deliver what is there, then end."""
        self._closing.set()
        self._news.set()

    def watch(self) -> None:
        """Name a notifier that hangs, once for each event."""
        call = self._call
        if call is not None and not call.named and time.monotonic() - call.since > SLOW:
            call.named = True
            self._log.warning("the notifier hangs; nothing but its own events waits for it", event_name=call.event.name)

    def abandon(self) -> None:
        """Name a notifier whose time is up, and deliver no more."""
        self._abandoned = True
        self._log.warning("the notifier is not done; the next worker delivers what is left")

    def _round(self) -> float:
        """Deliver one batch; return how many seconds to wait, 0 when there may be more."""
        if not self._storage.events(self._cursor, 1) or not self._keep_right():
            return IDLE
        events = self._storage.events(self._cursor, BATCH)
        for event in events:
            # Another worker may have taken over from a notifier that took very long, and deliver just now.
            if self._abandoned or (time.monotonic() >= self._renew_at and not self._keep_right()):
                return IDLE
            if event.id <= self._cursor:  # another told it meanwhile
                continue
            if not self._deliver(event):
                self._failures += 1
                self._advance(hold=0.0)
                return min(LONGEST_PAUSE, 2.0 ** min(self._failures - 1, 10))
            self._cursor = event.id
        self._failures = 0
        self._advance(hold=HOLD if len(events) == BATCH else 0.0)
        return 0.0 if events else IDLE

    def _keep_right(self) -> bool:
        """Take or renew the right to deliver, and tell how far it went; return whether it is ours."""
        self._renew_at = time.monotonic() + HOLD / 3
        cursor = self._advance(hold=HOLD)
        if cursor is None:
            return False
        self._cursor = cursor
        return True

    def _advance(self, *, hold: float) -> int | None:
        return self._storage.advance(self.consumer.name, self._cursor, worker=self._worker, hold=hold)

    def _deliver(self, event: Event) -> bool:
        if self.consumer.events is not None and event.name not in self.consumer.events:
            return True
        self._call = Call(event, time.monotonic())
        try:
            self.consumer.notify(event)
        except BaseException as error:  # a wall: whatever a notifier raises is its own affair
            what = "the notifier raised, its event comes again"
            self._log.warning(what, event_name=event.name, error=brief(error), exc_info=True)
            return False
        finally:
            self._call = None
        return True


class Deliveries:
    """All consumers of a configuration: the notifiers in order, then the listeners."""

    def __init__(self, config: Config, storage: Storage, worker: str) -> None:
        self._threads = [Delivery(consumer, storage, worker) for consumer in consumers(config)]

    def start(self) -> None:
        """Start a thread for each consumer, once all of them are known."""
        for thread in self._threads:
            thread.introduce()
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

    def finish(self, grace: float) -> bool:
        """Wait at most `grace` seconds until all is delivered; return whether it is.

        What is left the next worker delivers.
        """
        for thread in self._threads:
            thread.close()
        deadline = time.monotonic() + grace
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread for thread in self._threads if thread.is_alive()]
        for thread in late:
            thread.abandon()
        return not late


def consumers(config: Config) -> list[Consumer]:
    """Build the notifiers of a configuration; a plugin that is named twice has a cursor for each."""
    found: list[Consumer] = []
    for choice in config.notifiers():
        name = _unique(choice.found.name, found)
        found.append(Consumer(name, str(choice.found), config.create(choice).notify, choice.events))
    for entry, notify in config.registry.listeners():
        found.append(Consumer(_unique(f"plugin:{entry.name}", found), str(entry), notify, None))
    return found


def _unique(name: str, found: list[Consumer]) -> str:
    taken = {consumer.name for consumer in found}
    count = 2
    unique = name
    while unique in taken:
        unique = f"{name}#{count}"
        count += 1
    return unique
