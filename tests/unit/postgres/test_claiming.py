"""A claim in one journey: where nothing is to be decided, one statement finds, leases and counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from queuectl.model.job import NewJob, State
from queuectl.model.lease import Ask
from queuectl_postgres.storage import PostgresStorage


@pytest.fixture
def refuse_more(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what lets every transaction of more than one journey fail from then on."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a second journey")

    return lambda: monkeypatch.setattr(PostgresStorage, "_once", refuse)


def test_a_lone_queue_is_claimed_from_at_once(
    storage: PostgresStorage, worker: str, refuse_more: Callable[[], None]
) -> None:
    """The best first, as many as are asked for, beside queues in which nothing is ready; and all is counted."""
    storage.enqueue([NewJob(id=id, command="true", priority=int(id)) for id in "123"])
    storage.enqueue([NewJob(id="later", command="true", queue="other", delay=3600.0)])
    refuse_more()
    answer = storage.exchange(worker, [], Ask(limit=2))
    assert [(claim.job.id, claim.job.state, claim.number) for claim in answer.claims] == [
        ("3", State.PROCESSING, 1),
        ("2", State.PROCESSING, 1),
    ]
    assert len({claim.lease.token for claim in answer.claims}) == 2
    assert {claim.lease.worker for claim in answer.claims} == {worker}
    assert answer.next_due == pytest.approx(3600.0, abs=60.0)
    assert storage.counts()["default"] == {State.PENDING: 1, State.PROCESSING: 2}
    assert list(storage.check()) == []


def test_it_proves_its_worker_alive_when_that_is_due(storage: PostgresStorage, worker: str) -> None:
    """As every exchange that claims; one that finds nothing writes nothing."""
    with storage._database.lent() as link:
        link.run("UPDATE queuectl.worker SET beat_at = beat_at - 3600")
    before = storage._database.moment()
    assert storage.exchange(worker, [], Ask(limit=1)).claims == ()
    assert storage._database.moment() == before
    storage.enqueue([NewJob(id="a", command="true")])
    (stale,) = storage.workers()
    assert len(storage.exchange(worker, [], Ask(limit=1)).claims) == 1
    (proven,) = storage.workers()
    assert proven.beat_at - stale.beat_at > 3000.0


@pytest.mark.parametrize("limit", [0, 1])
def test_who_may_have_nothing_gets_nothing(storage: PostgresStorage, limit: int) -> None:
    """A worker that is not registered, or wants none; the job stays as it is, and nothing is locked."""
    storage.enqueue([NewJob(id="a", command="true")])
    before = storage._database.moment()
    assert storage.exchange("nobody", [], Ask(limit=limit)).claims == ()
    assert storage._database.moment() == before
    assert storage.counts()["default"] == {State.PENDING: 1}


def test_what_is_bounded_or_due_is_decided_upon(storage: PostgresStorage, worker: str) -> None:
    """Limits hold, and what became due stands in line with the rest."""
    storage.set_queue("default", limit=1)
    storage.enqueue([NewJob(id="a", command="true"), NewJob(id="b", command="true")])
    assert [claim.job.id for claim in storage.exchange(worker, [], Ask(limit=9)).claims] == ["a"]
    assert storage.exchange(worker, [], Ask(limit=9)).claims == ()
    storage.set_queue("default", limit=0)
    storage.enqueue([NewJob(id="due", command="true", queue="other", priority=9, delay=0.001)])
    storage.wait(0.01)
    claims = storage.exchange(worker, [], Ask(limit=9, queues=("other",))).claims
    assert [claim.job.id for claim in claims] == ["due"]
