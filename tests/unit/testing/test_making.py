"""What is made for tests makes sense, as what a worker gives does."""

from __future__ import annotations

import pytest

from queuectl import EVENT_NAMES, FINAL, Outcome, State
from queuectl.testing import make_event, make_failure, make_job


def test_a_job_runs_and_has_not_failed() -> None:
    """A job is as an executor is given one."""
    job = make_job()
    assert (job.state, job.command, job.attempts, job.queue) == (State.PROCESSING, "true", 0, "default")


def test_any_field_of_a_job_can_be_set() -> None:
    """What a test says of a job counts."""
    job = make_job(id="a", command=("echo", "a b"), tags=("x",), state=State.DEAD)
    assert (job.id, job.command, job.tags, job.state) == ("a", ("echo", "a b"), ("x",), State.DEAD)


def test_an_unknown_field_is_refused() -> None:
    """A field that a job does not have is a mistake in the test."""
    with pytest.raises(TypeError, match="colour"):
        make_job(colour="red")


def test_a_first_failure_had_no_delay_before() -> None:
    """The first failure is of a job that was never charged for a run."""
    failure = make_failure()
    assert (failure.attempts, failure.job.attempts, failure.previous_delay) == (1, 0, None)
    assert failure.outcome == Outcome(exit_code=1)


@pytest.mark.parametrize("attempts", [2, 3, 1000])
def test_a_later_failure_leaves_a_retry(attempts: int) -> None:
    """A backoff is asked only of jobs that may run again, and that had a delay before."""
    failure = make_failure(attempts)
    assert failure.job.attempts + 1 == attempts <= failure.job.max_retries
    assert failure.previous_delay == failure.job.previous_delay == 10.0


def test_any_field_of_a_failure_can_be_set() -> None:
    """What a test says of a failure counts."""
    job, outcome = make_job(max_retries=0), Outcome(signal=9)
    failure = make_failure(5, job=job, outcome=outcome, previous_delay=0.5)
    assert (failure.attempts, failure.job, failure.outcome, failure.previous_delay) == (5, job, outcome, 0.5)


@pytest.mark.parametrize("name", sorted(EVENT_NAMES))
def test_an_event_has_what_events_of_its_name_have(name: str) -> None:
    """Events of jobs have a job in the state that it is in then, those of workers a worker, those of queues a queue."""
    event = make_event(name)
    kind, what = name.split(".")
    assert event.name == name
    assert (event.job is not None) == (kind == "job")
    assert (event.worker is not None) == (kind == "worker" or event.attempt is not None)
    assert (event.queue is not None) == (kind != "worker")
    if event.job is not None and what in set(State):
        assert event.job.state.value == what
    if event.job is not None and event.job.state in FINAL:
        assert event.job.finished_at == event.at


def test_any_field_of_an_event_can_be_set() -> None:
    """What a test says of an event counts."""
    job = make_job(id="a")
    event = make_event("job.dead", id=7, at=1.5, job=job, attempt=4)
    assert (event.id, event.at, event.job, event.attempt) == (7, 1.5, job, 4)


def test_an_unknown_event_is_refused() -> None:
    """A name that no event has is a mistake in the test."""
    with pytest.raises(ValueError, match=r"job\.exploded.*job\.dead"):
        make_event("job.exploded")
