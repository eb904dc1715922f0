"""A drain ends when nothing is left that it could ever serve."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl.engine import draining
from queuectl.engine.draining import is_drained
from queuectl.model.attempt import Result, Run
from queuectl.model.job import NewJob
from queuectl.model.lease import Ask, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action
from queuectl.model.worker import NewWorker
from queuectl.testing import MemoryStorage


@pytest.fixture
def storage() -> MemoryStorage:
    """A storage with a worker."""
    storage = MemoryStorage()
    storage.register(NewWorker(id="w", host="here", pid=1))
    return storage


def claim(storage: MemoryStorage, id: str, queue: str = "default") -> Settlement:
    """Let a job be processing; return the settlement that makes it fail, to be tried again in an hour."""
    storage.enqueue([NewJob(id=id, command="false", queue=queue)])
    (claim,) = storage.exchange("w", [], Ask(limit=1)).claims
    run = Run(number=1, result=Result.FAILED, outcome=Outcome(exit_code=1), started_ago=1.0, ended_ago=0.0)
    return Settlement(lease=claim.lease, verdict=Verdict.FAILED, run=run, charge=True, delay=3600.0)


def fail(storage: MemoryStorage, id: str, queue: str = "default") -> None:
    """Let a job be failed."""
    storage.exchange("w", [claim(storage, id, queue)], None)


def test_what_was_enqueued_for_later_is_not_waited_for(storage: MemoryStorage) -> None:
    """Nor what is done."""
    assert is_drained(storage, None)
    storage.enqueue([NewJob(id="a", command="true", delay=3600.0)])
    assert is_drained(storage, None)


def test_what_runs_and_what_failed_is(storage: MemoryStorage) -> None:
    """The one may fail, the other will be tried again."""
    failure = claim(storage, "a")
    assert not is_drained(storage, None)
    storage.exchange("w", [failure], None)
    assert not is_drained(storage, None)


def test_other_queues_do_not_count(storage: MemoryStorage) -> None:
    """They are for other workers."""
    fail(storage, "a", "mail")
    assert is_drained(storage, ["default"])
    assert not is_drained(storage, ["default", "mail"])


def test_a_paused_queue_is_not_waited_for(storage: MemoryStorage) -> None:
    """Even when a job is enqueued for later elsewhere; but for what runs in it."""
    fail(storage, "a", "mail")
    storage.enqueue([NewJob(id="later", command="true", delay=3600.0)])
    storage.set_queue("mail", paused=True)
    assert is_drained(storage, None)
    storage.set_queue("mail", paused=False)
    failure = claim(storage, "b", "mail")
    storage.set_queue("mail", paused=True)
    assert not is_drained(storage, None)
    storage.exchange("w", [failure], None)
    assert is_drained(storage, None)


def test_held_jobs_are_not_waited_for(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are; one that is not held is."""
    monkeypatch.setattr(draining, "PAGE", 2)
    ids = [f"job-{number}" for number in range(5)]
    for id in ids:
        fail(storage, id)
    storage.change(Action.HOLD, ids)
    storage.enqueue([NewJob(id="later", command="true", delay=3600.0)])
    assert is_drained(storage, None)
    storage.change(Action.RELEASE, ids[:1])
    assert not is_drained(storage, None)


def test_what_is_claimed_while_it_looks_is_waited_for(storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted as failed, and runs when the failed ones are looked at, which are then all held."""
    for id in ("held", "due"):
        fail(storage, id)
    storage.change(Action.HOLD, ["held"])
    counts = storage.counts

    def counts_before_a_claim() -> Any:
        counted = counts()
        storage.change(Action.RETRY, ["due"])
        assert len(storage.exchange("w", [], Ask(limit=1)).claims) == 1
        return counted

    monkeypatch.setattr(storage, "counts", counts_before_a_claim)
    assert not is_drained(storage, None)
