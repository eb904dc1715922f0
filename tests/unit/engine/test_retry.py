"""What a run's outcome makes of its job: the decision, whatever the backoff says or does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from queuectl.engine.retry import MAX_DELAY, MAX_LOST, Decision, Policy, decide, decide_lost
from queuectl.model.attempt import Result
from queuectl.model.backoff import Failure
from queuectl.model.lease import Verdict
from queuectl.model.outcome import Outcome
from queuectl.testing import make_job

COMPLETED = Decision(verdict=Verdict.COMPLETED, result=Result.COMPLETED)


def failed(delay: float) -> Decision:
    """The job is tried again."""
    return Decision(verdict=Verdict.FAILED, result=Result.FAILED, delay=delay)


DEAD = Decision(verdict=Verdict.DEAD, result=Result.FAILED)


@dataclass
class Backoff:
    """Does the same each time, and remembers what it was asked."""

    does: Callable[[], Any]
    asked: list[Failure] = field(default_factory=list)

    def delay(self, failure: Failure) -> Any:
        """Answer."""
        self.asked.append(failure)
        return self.does()


@dataclass
class Given:
    """A policy whose backoff says one thing and whose fallback says 99."""

    says: Any = 7
    does: Callable[[], Any] | None = None
    retry_on: Sequence[int] | None = None
    give_up_on: Sequence[int] = ()
    warned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.backoff = Backoff(self.does or (lambda: self.says))
        self.fallback = Backoff(lambda: 99.0)

    def __call__(self) -> Policy:
        """Make the policy."""
        return Policy(
            backoff=self.backoff,
            fallback=self.fallback,
            retry_on=self.retry_on,
            give_up_on=self.give_up_on,
            warn=self.warned.append,
        )


def never() -> Policy:
    """Fail: nothing has failed, so nobody may ask."""
    raise AssertionError


def test_a_success_asks_nobody() -> None:
    """Exit code 0, in time and without an error: completed."""
    assert decide(make_job(), Outcome(exit_code=0), never) == COMPLETED


@pytest.mark.parametrize(
    ("outcome", "retry_on", "give_up_on", "decision"),
    [
        (Outcome(exit_code=1), None, (), failed(7.0)),
        (Outcome(exit_code=1), (1,), (), failed(7.0)),
        (Outcome(exit_code=1), (75, 1), (), failed(7.0)),
        (Outcome(exit_code=1), (75,), (), DEAD),
        (Outcome(exit_code=1), (), (), DEAD),
        (Outcome(exit_code=1), None, (1,), DEAD),
        (Outcome(exit_code=1), (1,), (1,), DEAD),
        (Outcome(exit_code=1), None, (2,), failed(7.0)),
        (Outcome(signal=9), None, (9, 137), failed(7.0)),
        (Outcome(signal=9), (75,), (), DEAD),
        (Outcome(error="no such image"), None, (1,), failed(7.0)),
        (Outcome(error="no such image"), (75,), (), DEAD),
        (Outcome(exit_code=0, error="half done"), None, (), failed(7.0)),
        (Outcome(exit_code=0, error="half done"), None, (0,), DEAD),
    ],
)
def test_exit_codes_decide_before_the_backoff(
    outcome: Outcome, retry_on: Sequence[int] | None, give_up_on: Sequence[int], decision: Decision
) -> None:
    """`give-up-on` outweighs `retry-on`; where only some codes are retried, what has none of them is not."""
    given = Given(retry_on=retry_on, give_up_on=give_up_on)
    assert decide(make_job(), outcome, given) == decision
    assert bool(given.backoff.asked) is (decision is not DEAD)


@pytest.mark.parametrize(
    ("attempts", "max_retries", "decision"),
    [
        (0, 0, DEAD),
        (0, 1, failed(7.0)),
        (1, 1, DEAD),
        (2, 3, failed(7.0)),
        (3, 3, DEAD),
        (9, 3, DEAD),
    ],
)
def test_retries_are_counted_after_the_first_run(attempts: int, max_retries: int, decision: Decision) -> None:
    """A job is dead when it has failed more than `max_retries` times."""
    job = make_job(attempts=attempts, max_retries=max_retries)
    assert decide(job, Outcome(exit_code=1), Given()) == decision


def test_the_backoff_is_told_all_about_the_failure() -> None:
    """The failed runs with this one, the job, how it ended, and how long it waited before."""
    job = make_job(attempts=1, previous_delay=2.0)
    outcome = Outcome(exit_code=75)
    given = Given()
    decide(job, outcome, given)
    assert given.backoff.asked == [Failure(attempts=2, job=job, outcome=outcome, previous_delay=2.0)]


@pytest.mark.parametrize(
    ("says", "delay"), [(0, 0.0), (0.0, 0.0), (1.5, 1.5), (30, 30.0), (1e300, MAX_DELAY), (10**400, MAX_DELAY)]
)
def test_a_delay_is_seconds_up_to_ten_years(says: float, delay: float) -> None:
    """A time must stay a date."""
    given = Given(says)
    decision = decide(make_job(), Outcome(exit_code=1), given)
    assert (decision, type(decision.delay)) == (failed(delay), float)
    assert given.warned == []


def test_a_backoff_may_give_up() -> None:
    """None means: the job is dead, though it has retries left."""
    assert decide(make_job(), Outcome(exit_code=1), Given(None)) == DEAD


class MuteError(Exception):
    """An error that fails at telling what it is."""

    def __str__(self) -> str:
        raise ValueError


def raising(error: BaseException) -> Callable[[], Any]:
    """Raise it."""

    def act() -> Any:
        raise error

    return act


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        (Given(math.nan), "returned nan where seconds were expected"),
        (Given(math.inf), "returned inf where seconds were expected"),
        (Given(-math.inf), "returned -inf where seconds were expected"),
        (Given(-0.001), "returned -0.001 where seconds were expected"),
        (Given(-(10**400)), f"returned {f'{-(10**400)!r}'[:80]} where seconds were expected"),
        (Given("30"), "returned '30' where seconds were expected"),
        (Given(says=True), "returned True where seconds were expected"),
        (Given([1]), "returned [1] where seconds were expected"),
        (Given(1j), "returned 1j where seconds were expected"),
        (Given(does=raising(RuntimeError("one\ntwo"))), "raised RuntimeError: one"),
        (Given(does=raising(MuteError())), "raised MuteError, which cannot be told"),
        (Given(does=raising(SystemExit(0))), "raised SystemExit: 0"),
        (Given(does=raising(KeyboardInterrupt())), "raised KeyboardInterrupt"),
    ],
    ids=lambda given: "" if isinstance(given, Given) else given[:40],
)
def test_where_a_backoff_breaks_the_fallback_decides(given: Given, warning: str) -> None:
    """And somebody is told what it did: whatever a plugin does must not cost a job its retry."""
    assert decide(make_job(), Outcome(exit_code=1), given) == failed(99.0)
    assert given.warned == [warning]
    assert given.fallback.asked == given.backoff.asked


def test_a_run_whose_time_was_up_says_so() -> None:
    """With the limit, unless the executor has said something itself; also when it ended with 0 just then."""
    job = make_job(timeout=90.0)
    for outcome, error in (
        (Outcome(signal=15, timed_out=True), "timed out after 1m30s"),
        (Outcome(exit_code=0, timed_out=True), "timed out after 1m30s"),
        (Outcome(signal=15, timed_out=True, error="killed"), None),
    ):
        decision = decide(job, outcome, Given())
        assert (decision.verdict, decision.error) == (Verdict.FAILED, error)
    dead = decide(make_job(max_retries=0), Outcome(signal=15, timed_out=True), Given())
    assert (dead.verdict, dead.error) == (Verdict.DEAD, "timed out")


@pytest.mark.parametrize("lost", range(MAX_LOST - 1))
def test_a_lost_run_uses_up_no_retry(lost: int) -> None:
    """The job is pending again at once, even without retries left."""
    decision = decide_lost(make_job(lost=lost, attempts=3, max_retries=3))
    assert (decision.verdict, decision.result, decision.charge, decision.delay) == (
        Verdict.LOST,
        Result.LOST,
        False,
        0.0,
    )


def test_a_job_that_loses_its_workers_is_given_up() -> None:
    """After three of them, with the reason: it cannot loop for ever."""
    decision = decide_lost(make_job(lost=MAX_LOST - 1))
    assert (decision.verdict, decision.charge) == (Verdict.DEAD, False)
    assert decision.error == "gave up after 3 runs that their worker did not survive"
