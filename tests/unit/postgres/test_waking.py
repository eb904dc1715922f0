"""Waking: who waits hears of commits, and looks by itself where nothing can be heard."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from queuectl.model.job import NewJob
from queuectl.model.lease import Ask, Settlement, Verdict
from queuectl.model.worker import NewWorker
from queuectl_postgres import waking
from queuectl_postgres.storage import PostgresStorage
from queuectl_postgres.transaction import Wake

from .conftest import PATIENCE, Open, until


@pytest.fixture(autouse=True)
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody look by himself, so that only what is heard ends a wait."""
    monkeypatch.setattr(waking, "LOOKS_EVERY", 10 * PATIENCE)
    monkeypatch.setattr(waking, "ONLOOKS_EVERY", 10 * PATIENCE)


def test_an_enqueue_wakes_a_worker(storage: PostgresStorage, open_storage: Open, worker: str) -> None:
    """A notification comes with the commit."""
    other = open_storage()
    storage.exchange(worker, [], Ask(limit=1))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(storage.wait, PATIENCE)
        other.enqueue([NewJob(id="a", command="true")])
        assert waiting.result()
    assert storage.exchange(worker, [], Ask(limit=1)).claims


def test_what_one_does_oneself_wakes_one_not(storage: PostgresStorage, worker: str) -> None:
    """A worker that settles is not woken by that."""
    storage.exchange(worker, [], Ask(limit=1))
    storage.wait(0.0)
    storage.enqueue([NewJob(id="a", command="true")])
    assert not storage.wait(0.2)


def settle_two_of_three(storage: PostgresStorage, client: PostgresStorage, worker: str) -> None:
    """Settle two jobs in quick succession, of which a client is told the first; one more is left."""
    storage.enqueue([NewJob(id=str(number), command="true") for number in range(3)])
    claims = storage.exchange(worker, [], Ask(limit=3)).claims
    client.wait(0.0)
    settlements = [Settlement(lease=claim.lease, verdict=Verdict.DEAD) for claim in claims]
    storage.exchange(worker, settlements[:1], None)
    until(lambda: client.wait(0.01))
    storage.exchange(worker, settlements[1:2], None)


def test_news_come_in_portions_and_the_last_comes_too(
    storage: PostgresStorage, open_storage: Open, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of settlements in quick succession few are told, and what is owed is told with the next exchange."""
    monkeypatch.setattr(waking, "NEWS_EVERY", 10 * PATIENCE)
    client = open_storage()
    settle_two_of_three(storage, client, worker)
    assert not client.wait(0.2)
    storage.exchange(worker, [], Ask(limit=1))
    assert client.wait(PATIENCE)


def test_who_waits_tells_what_is_owed_when_it_may(
    storage: PostgresStorage, open_storage: Open, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once, since who is busy waits again and again; and not only when it has waited to the end."""
    monkeypatch.setattr(waking, "NEWS_EVERY", 5.0)
    client = open_storage()
    settle_two_of_three(storage, client, worker)
    assert not storage.wait(0.05)
    assert storage._waker.owed_in() > 0.0
    with ThreadPoolExecutor() as pool:
        pool.submit(storage.wait, PATIENCE)
        assert client.wait(PATIENCE)
        storage.interrupt()


def test_a_lost_connection_wakes_and_is_replaced(storage: PostgresStorage, open_storage: Open, worker: str) -> None:
    """Who listened in vain looks, and listens again."""
    other = open_storage()
    storage.exchange(worker, [], Ask(limit=1))
    storage.wait(0.0)
    with other._database.lent() as link:
        link.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND query LIKE %s",
            (f"%{storage._waker._channels[Wake.ALL][1]}%",),
        )
    assert storage.wait(PATIENCE)
    storage.exchange(worker, [], Ask(limit=1))
    storage.wait(0.0)
    other.enqueue([NewJob(id="a", command="true")])
    assert storage.wait(PATIENCE)


def test_an_onlooker_is_woken_by_whatever_changed_and_by_nothing_else(
    storage: PostgresStorage, open_storage: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one who wants no work, then looks of his own end no wait while no transaction does; any that does ends it.

    A claim is told to nobody, so it is found by looking.
    """
    monkeypatch.setattr(waking, "ONLOOKS_EVERY", 0.02)
    other = open_storage()
    other.register(NewWorker(id="worker-1", host="host", pid=1))
    other.enqueue([NewJob(id="a", command="true")])
    until(lambda: not storage.wait(0.5))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(storage.wait, PATIENCE)
        assert other.exchange("worker-1", [], Ask(limit=1)).claims
        assert waiting.result()


def test_where_nobody_can_listen_everybody_looks(open_storage: Open) -> None:
    """Behind a pooler a wait ends soon by itself, and the storage does not claim to wake anybody."""
    storage = open_storage(pooled=True)
    assert storage.capabilities == {"durable", "multi_process", "multi_host", "transactional"}
    storage.exchange("nobody", [], Ask(limit=1))
    began = time.monotonic()
    assert storage.wait(PATIENCE)
    assert time.monotonic() - began < 5.0
