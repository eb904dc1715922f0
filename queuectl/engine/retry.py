"""The retry decision: what a run's outcome makes of its job."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queuectl.model.attempt import Result
from queuectl.model.backoff import Backoff, Failure
from queuectl.model.job import Job
from queuectl.model.lease import Verdict
from queuectl.model.outcome import Outcome
from queuectl.registry.blame import brief, shown
from queuectl.units import Duration

MAX_LOST = 3
"""How many runs may take their worker with them before the job is given up."""

MAX_DELAY = 10 * 366 * 86400.0
"""No delay is longer, in seconds: a time must stay a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of the job, and what the attempt is recorded as. `delay` is in seconds."""

    verdict: Verdict
    result: Result
    charge: bool = True
    delay: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a queue says about failures: which exit codes are tried again, and the backoff with its fallback.

    `warn` is told when the backoff raised or returned nonsense and `fallback` decided in its place.
    """

    backoff: Backoff
    fallback: Backoff
    retry_on: Sequence[int] | None
    give_up_on: Sequence[int]
    warn: Callable[[str], None]


def decide(job: Job, outcome: Outcome, policy: Callable[[], Policy]) -> Decision:
    """Decide what a finished run makes of its job. `policy` is asked only after a failure."""
    if outcome.succeeded:
        return Decision(verdict=Verdict.COMPLETED, result=Result.COMPLETED)
    delay = _delay(job, outcome, policy())
    error = _time_is_up(job) if outcome.timed_out and outcome.error is None else None
    if delay is None:
        return Decision(verdict=Verdict.DEAD, result=Result.FAILED, error=error)
    return Decision(verdict=Verdict.FAILED, result=Result.FAILED, delay=delay, error=error)


def is_suspect(job: Job) -> bool:
    """Whether one more run that its worker does not survive is the last."""
    return job.lost >= MAX_LOST - 1


def decide_lost(job: Job) -> Decision:
    """Decide what a run that its worker did not survive makes of its job: no retry is used up, but not for ever."""
    lost = job.lost + 1
    if lost >= MAX_LOST:
        reason = f"gave up after {lost} runs that their worker did not survive"
        return Decision(verdict=Verdict.DEAD, result=Result.LOST, charge=False, error=reason)
    return Decision(verdict=Verdict.LOST, result=Result.LOST, charge=False, error="the worker did not survive the run")


def _time_is_up(job: Job) -> str:
    return "timed out" if job.timeout is None else f"timed out after {Duration(job.timeout)}"


def _delay(job: Job, outcome: Outcome, policy: Policy) -> float | None:
    if outcome.exit_code is not None and outcome.exit_code in policy.give_up_on:
        return None
    if policy.retry_on is not None and outcome.exit_code not in policy.retry_on:
        return None
    if job.attempts + 1 > job.max_retries:
        return None
    failure = Failure(attempts=job.attempts + 1, job=job, outcome=outcome, previous_delay=job.previous_delay)
    return _ask(failure, policy)


def _ask(failure: Failure, policy: Policy) -> float | None:
    try:
        delay = policy.backoff.delay(failure)
        if delay is None or _is_wait(delay):
            return None if delay is None else float(min(delay, MAX_DELAY))
        wrong = f"returned {shown(delay)} where seconds were expected"
    except BaseException as error:  # a wall: whatever a plugin raises must not cost a job its retry
        wrong = f"raised {brief(error)}"
    policy.warn(wrong)
    return policy.fallback.delay(failure)


def _is_wait(delay: object) -> bool:
    return isinstance(delay, int | float) and not isinstance(delay, bool) and 0 <= delay < math.inf
