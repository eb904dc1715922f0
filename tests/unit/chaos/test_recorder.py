"""What a worker's part of the history takes from events."""

from __future__ import annotations

import pytest

from benchmarks.chaos.lines import Missed, Told
from benchmarks.chaos.recorder import told
from queuectl import State
from queuectl.testing import make_event, make_job


def test_a_transition_tells_how_the_job_was_after_it() -> None:
    """With the token of the lease that it was made under."""
    job = make_job(id="a", state=State.FAILED, lease=7, attempts=2)
    line = told(make_event("job.failed", id=17, job=job, attempt=3))
    assert isinstance(line, Told)
    assert (line.id, line.name, line.job, line.attempt) == (17, "job.failed", "a", 3)
    assert (line.token, line.state, line.attempts) == (7, "failed", 2)


def test_a_worker_that_was_lost_is_missed() -> None:
    """That is how many were taken over."""
    line = told(make_event("worker.lost", id=18, worker="w"))
    assert isinstance(line, Missed)
    assert (line.id, line.worker) == (18, "w")


@pytest.mark.parametrize("name", ["worker.started", "worker.stopped", "queue.drained"])
def test_the_rest_is_passed_over(name: str) -> None:
    """Nothing is promised of it here."""
    assert told(make_event(name)) is None
