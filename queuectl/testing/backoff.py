"""BackoffContract: what every backoff promises."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from queuectl.model.backoff import Backoff
from queuectl.model.job import Job
from queuectl.model.outcome import Outcome
from queuectl.testing.making import make_failure, make_job
from queuectl.testing.patience import within

_MANY = 1_000_000
_THREADS = 8
_TEN_YEARS = 10 * 366 * 86400.0

_OUTCOMES = {
    "exit code": Outcome(exit_code=75),
    "signal": Outcome(signal=9),
    "time is up": Outcome(signal=15, timed_out=True),
    "never ran": Outcome(error="cannot start a process"),
}
_JOBS = {
    "list of words": make_job(command=("printf", "%s", "a b")),
    "empty command": make_job(command=""),
    "no retries": make_job(max_retries=0),
    "retried by hand": make_job(attempts=9, max_retries=3),
    "all fields": make_job(backoff={"plugin": "fixed", "delay": 1}, tags=("x",), timeout=1.0, options={"a": [1]}),
}


class BackoffContract:
    """Test a backoff: subclass this, override `backoff`, run pytest.

    class TestFibonacci(BackoffContract):
        @pytest.fixture
        def backoff(self):
            return Fibonacci(unit=0.5)
    """

    patience: float = 10.0
    """How many seconds an answer may take before it is called missing."""

    @pytest.fixture
    def backoff(self) -> Backoff:
        """Return the backoff to test."""
        raise NotImplementedError("override the fixture backoff: return a Backoff")

    def test_it_does_not_wait_itself(self, backoff: Backoff) -> None:
        """It answers at once: to wait is the worker's business, which has other jobs to run."""
        within(self.patience, lambda: _answers(backoff, range(1, 11)), "ten answers")

    def test_it_answers_a_first_failure(self, backoff: Backoff) -> None:
        """It answers when there was no delay before, so that `previous_delay` is None."""
        backoff.delay(make_failure(1, previous_delay=None))

    def test_it_answers_every_failure(self, backoff: Backoff) -> None:
        """It raises for no failure that follows, up to the two hundredth."""
        for attempts in range(2, 201):
            backoff.delay(make_failure(attempts))

    def test_it_answers_the_millionth_failure(self, backoff: Backoff) -> None:
        """Powers overflow and loops get long, yet it answers in time, with a number that a float can hold."""
        if not _answers(backoff, [200]):
            pytest.skip("it raises before: see test_it_answers_every_failure")
        delay = within(self.patience, lambda: backoff.delay(make_failure(_MANY)), "the answer")
        if isinstance(delay, int):
            float(delay)

    def test_it_answers_in_seconds_or_none(self, backoff: Backoff) -> None:
        """Its answer is a number of seconds, or None to give up: no text, no truth value, no timedelta."""
        for delay in _answers(backoff, range(1, 21)):
            assert delay is None or (isinstance(delay, int | float) and not isinstance(delay, bool)), repr(delay)

    def test_no_delay_is_negative(self, backoff: Backoff) -> None:
        """No job runs again before it failed."""
        assert [delay for delay in _numbers(backoff, range(1, 101)) if delay < 0] == []

    def test_every_delay_is_finite(self, backoff: Backoff) -> None:
        """No delay is NaN or infinite: who does not want to try again answers None."""
        assert [delay for delay in _numbers(backoff, range(1, 101)) if not math.isfinite(delay)] == []

    @pytest.mark.parametrize("previous_delay", [0.0, 0.001, 86400.0, _TEN_YEARS])
    def test_any_previous_delay_will_do(self, backoff: Backoff, previous_delay: float) -> None:
        """Whatever the delay before was, also none or ten years, the next is finite and not negative."""
        delay = backoff.delay(make_failure(2, previous_delay=previous_delay))
        assert delay is None or not isinstance(delay, int | float) or 0 <= delay < math.inf

    @pytest.mark.parametrize("outcome", _OUTCOMES.values(), ids=_OUTCOMES.keys())
    def test_any_outcome_will_do(self, backoff: Backoff, outcome: Outcome) -> None:
        """It answers however the run ended: also by a signal, when its time was up, or when it never ran."""
        backoff.delay(make_failure(2, outcome=outcome))

    @pytest.mark.parametrize("job", _JOBS.values(), ids=_JOBS.keys())
    def test_any_job_will_do(self, backoff: Backoff, job: Job) -> None:
        """It answers whatever the job is: its command is a text or a list of words, its retries may be none."""
        backoff.delay(make_failure(2, job=job))

    def test_a_job_waits_for_its_own_failures(self, backoff: Backoff) -> None:
        """What it answered about other jobs does not change what it answers: each worker has a backoff of its own.

        Where chance has a part, fifty answers before and after must at least overlap; time may pass between them.
        """
        began = time.monotonic()
        before = _delays(backoff, [2] * 50)
        _answers(backoff, [3] * 100)
        after = _delays(backoff, [2] * 50)
        passed = time.monotonic() - began
        if before and after:
            assert min(before) <= max(after) + passed
            assert min(after) <= max(before) + passed

    def test_threads_may_ask_at_once(self, backoff: Backoff) -> None:
        """One backoff serves all the threads of a worker."""
        answered = [attempts for attempts in range(2, 22) if _answers(backoff, [attempts])]
        begin = threading.Barrier(_THREADS)

        def ask(number: int) -> None:
            begin.wait()
            for attempts in answered:
                backoff.delay(make_failure(attempts, job=make_job(id=f"job-{number}")))

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(ask, range(_THREADS)))


def _answers(backoff: Backoff, attempts: Iterable[int]) -> list[object]:
    """Return what it answers, where it answers: whether it does is asked by clauses of their own."""
    answers: list[object] = []
    for number in attempts:
        with suppress(Exception):
            answers.append(backoff.delay(make_failure(number)))
    return answers


def _numbers(backoff: Backoff, attempts: Iterable[int]) -> list[int | float]:
    return [answer for answer in _answers(backoff, attempts) if isinstance(answer, int | float)]


def _delays(backoff: Backoff, attempts: Iterable[int]) -> list[int | float]:
    """Return its answers in order of size: to give up is to wait for ever."""
    answers = [math.inf if answer is None else answer for answer in _answers(backoff, attempts)]
    return [answer for answer in answers if isinstance(answer, int | float)]
