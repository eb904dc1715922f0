"""The backlog of a storage that cannot tell it by itself is found by a look at all jobs that wait."""

from __future__ import annotations

import time

from queuectl import Action
from queuectl.engine.backlog import backlog
from queuectl.engine.queue import Queue
from queuectl.testing.contract.steps import enqueue_and_claim, fail, register


def test_nothing_waits_in_an_empty_store(queue: Queue) -> None:
    """Nor when every job is held, or due later."""
    assert backlog(queue) is None
    queue.change(Action.HOLD, [queue.enqueue("true").id])
    queue.enqueue("true", delay="1h")
    assert backlog(queue) is None


def test_the_job_that_could_run_first_is_the_oldest(queue: Queue) -> None:
    """Counted from when it was due: not from when it was enqueued, where that was earlier."""
    past = time.time() - 500
    queue.enqueue("true", id="new")
    queue.enqueue("true", id="due", run_at="2001-01-01T00:00:00Z")
    found = backlog(queue)
    assert found is not None and found.oldest.id == "new"
    assert found.since > past


def test_a_retry_that_is_due_waits(queue: Queue) -> None:
    """Since its time came."""
    register(queue.storage, "w")
    fail(queue.storage, enqueue_and_claim(queue.storage, "w", "a"), delay=0.0)
    found = backlog(queue)
    assert found is not None and found.oldest.id == "a"


def test_none_is_passed_over_where_very_many_wait(queue: Queue) -> None:
    """Storages list the newest first, some at a time."""
    jobs = queue.enqueue_many([{"command": "true"}] * 1200)
    found = backlog(queue)
    assert found is not None and found.oldest.id == jobs[0].id
