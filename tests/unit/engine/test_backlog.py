"""The backlog tells of jobs that could run, and of how much it has looked at."""

from __future__ import annotations

import time

import pytest

from queuectl import Action
from queuectl.engine import backlog as module
from queuectl.engine.backlog import Backlog, backlog
from queuectl.engine.queue import Queue
from queuectl.testing.contract.steps import enqueue_and_claim, fail, register


def test_nothing_waits_in_an_empty_store(queue: Queue) -> None:
    """Nor when every job is held, or due later."""
    assert backlog(queue) == Backlog()
    queue.change(Action.HOLD, [queue.enqueue("true").id])
    queue.enqueue("true", delay="1h")
    assert backlog(queue) == Backlog()


def test_the_job_that_could_run_first_is_the_oldest(queue: Queue) -> None:
    """Counted from when it was due: not from when it was enqueued, where that was earlier."""
    past = time.time() - 500
    queue.enqueue("true", id="new")
    queue.enqueue("true", id="due", run_at="2001-01-01T00:00:00Z")
    found = backlog(queue)
    assert found.oldest is not None and found.oldest.id == "new" and found.whole
    assert found.since is not None and found.since > past


def test_a_retry_that_is_due_waits(queue: Queue) -> None:
    """Since its time came."""
    register(queue.storage, "w")
    fail(queue.storage, enqueue_and_claim(queue.storage, "w", "a"), delay=0.0)
    found = backlog(queue)
    assert found.oldest is not None and found.oldest.id == "a"


def test_of_very_many_the_newest_are_looked_at(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is said that there are more."""
    monkeypatch.setattr(module, "LOOKED_AT", 2)
    jobs = queue.enqueue_many([{"command": "true"}] * 3)
    found = backlog(queue)
    assert found.oldest is not None and found.oldest.id in {jobs[1].id, jobs[2].id} and not found.whole
