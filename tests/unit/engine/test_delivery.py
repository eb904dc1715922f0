"""Every notifier hears of every event that it wants."""

from __future__ import annotations

import time

import pytest

from queuectl.config import Config
from queuectl.engine import delivery
from queuectl.engine.delivery import Consumer, Deliveries, Delivery
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker
from queuectl.testing import MemoryStorage

DEADLINE = 30.0


def test_a_new_notifier_does_not_miss_what_a_quicker_one_has_heard(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given two notifiers and an event, when the first hears it before the second begins, then that hears it too."""
    storage = MemoryStorage()
    storage.register(NewWorker(id="w", host="h", pid=1))
    heard: dict[str, list[str]] = {"quick": [], "slow": []}
    monkeypatch.setattr(delivery, "consumers", lambda config: [consumer(name, to) for name, to in heard.items()])
    start = Delivery.start

    def start_in_turn(thread: Delivery) -> None:
        if thread.consumer.name == "slow":
            until_passed(storage, "quick")
        start(thread)

    monkeypatch.setattr(Delivery, "start", start_in_turn)
    deliveries = Deliveries(config, storage, "w")
    deliveries.start()
    assert deliveries.finish(DEADLINE)
    assert heard == {"quick": ["worker.started"], "slow": ["worker.started"]}


def consumer(name: str, heard: list[str]) -> Consumer:
    """Somebody who remembers the names of the events that were told."""
    return Consumer(name, name, lambda event: heard.append(event.name), None)


def until_passed(storage: Storage, consumer: str) -> None:
    """Wait until a consumer has passed an event."""
    deadline = time.monotonic() + DEADLINE
    while not storage.advance(consumer, 0, worker="w", hold=0.0):
        assert time.monotonic() < deadline
        storage.wait(0.01)
