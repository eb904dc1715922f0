"""A failed run, as a backoff is told of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from queuectl import Failure, Job, Outcome, State

Fail = Callable[[int], Failure]


@pytest.fixture(scope="session")
def fail() -> Fail:
    """Return what makes the failure after so many charged runs."""
    job = Job(
        id="job",
        command="false",
        state=State.PROCESSING,
        queue="default",
        priority=0,
        attempts=0,
        max_retries=3,
        created_at=0.0,
        updated_at=0.0,
    )
    return lambda attempts: Failure(attempts=attempts, job=job, outcome=Outcome(exit_code=1))
