"""The outbox: for whom events are kept."""

from __future__ import annotations

from queuectl import NewJob
from queuectl.testing import FakeClock
from queuectl_sqlite.events import FORGOTTEN_AFTER

from .conftest import Open


def kept(open_storage: Open, clock: FakeClock, waited: float) -> list[str]:
    """Return the events that are left after all were told to one of two consumers, the first one late by `waited`."""
    storage = open_storage(events=frozenset({"job.enqueued"}))
    for consumer in ("log", "mail"):
        storage.advance(consumer, 0, worker="worker-1", hold=0.0)
    storage.enqueue([NewJob(id="a", command="true")])
    clock.advance(waited)
    storage.enqueue([NewJob(id="b", command="true")])
    storage.advance("log", storage.events(0, 10)[-1].id, worker="worker-1")
    return [event.job.id for event in storage.events(0, 10) if event.job is not None]


def test_a_consumer_that_is_late_keeps_its_events(open_storage: Open, clock: FakeClock) -> None:
    """For a long time, though others have passed them."""
    assert kept(open_storage, clock, FORGOTTEN_AFTER - 1.0) == ["a", "b"]


def test_a_consumer_that_never_comes_again_is_forgotten(open_storage: Open, clock: FakeClock) -> None:
    """Once an event has waited for it for too long, it keeps none any more."""
    assert kept(open_storage, clock, FORGOTTEN_AFTER + 1.0) == []
