"""Backoffs with one defect each."""

from __future__ import annotations

import math
import threading
import time
from datetime import timedelta
from typing import Any

from queuectl.model.backoff import Failure


class Negative:
    """Waits ten seconds less each time, beyond nothing."""

    def delay(self, failure: Failure) -> float:
        """Return a negative number from the seventh attempt on."""
        return 60.0 - 10.0 * failure.attempts


class NotANumber:
    """Divides what has become infinite."""

    def delay(self, failure: Failure) -> float:
        """Return NaN from the tenth attempt on."""
        return math.nan if failure.attempts >= 10 else 1.0


class Infinite:
    """Says by an infinite delay that it gives up."""

    def delay(self, failure: Failure) -> float:
        """Return infinity in the place of None."""
        return math.inf if failure.attempts >= 10 else 1.0


class Textual:
    """Answers as people write."""

    def delay(self, failure: Failure) -> Any:
        """Return a text."""
        return f"{failure.attempts}s"


class Timedelta:
    """Answers as the standard library would."""

    def delay(self, failure: Failure) -> Any:
        """Return a timedelta."""
        return timedelta(seconds=failure.attempts)


class Overflowing:
    """Has no longest wait."""

    def delay(self, failure: Failure) -> float:
        """Raise OverflowError from attempt 1024 on."""
        return 2.0**failure.attempts


class Gigantic:
    """Has no longest wait, and reckons in whole numbers."""

    def delay(self, failure: Failure) -> int:
        """Return a number that no float can hold."""
        wait: int = 2**failure.attempts
        return wait


class EndsAfterThree:
    """Has a table of three waits."""

    def delay(self, failure: Failure) -> float:
        """Raise IndexError for the fourth attempt."""
        return (1.0, 5.0, 25.0)[failure.attempts - 1]


class Sleeps:
    """Waits itself, now and then."""

    patience = 0.2

    def delay(self, failure: Failure) -> float:
        """Wait before the tenth attempt."""
        if failure.attempts == 9:
            time.sleep(0.4)
        return 1.0


class NeedsPrevious:
    """Triples the delay before, which there must have been."""

    def delay(self, failure: Failure) -> float:
        """Raise TypeError after the first failure."""
        previous: Any = failure.previous_delay
        return float(min(previous * 3, 3600))


class Divides:
    """Slows down as fast as it did before."""

    def delay(self, failure: Failure) -> float:
        """Raise ZeroDivisionError where there was no delay before."""
        return 1.0 if failure.previous_delay is None else 100.0 / failure.previous_delay


class ReadsExitCode:
    """Waits as long as the exit code says."""

    def delay(self, failure: Failure) -> float:
        """Raise TypeError where there is no exit code."""
        code: Any = failure.outcome.exit_code
        return 60.0 if code > 100 else 1.0


class SplitsCommand:
    """Waits longer for some programs."""

    def delay(self, failure: Failure) -> float:
        """Raise AttributeError for a command that is a list."""
        command: Any = failure.job.command
        return 60.0 if command.startswith("curl") else 1.0


class SharesTime:
    """Spreads an hour over the retries."""

    def delay(self, failure: Failure) -> float:
        """Raise ZeroDivisionError for a job without retries."""
        return 3600.0 / failure.job.max_retries


class CountsCalls:
    """Takes the failures of all jobs for those of one."""

    def __init__(self) -> None:
        self._calls = 0

    def delay(self, failure: Failure) -> float:
        """Wait longer each time it is asked."""
        self._calls += 1
        return min(float(self._calls), 3600.0)


class OneAtATime:
    """Keeps what it is reckoning with where other threads see it."""

    def __init__(self) -> None:
        self._asking = threading.Lock()

    def delay(self, failure: Failure) -> float:
        """Raise RuntimeError when it is asked while it answers."""
        if not self._asking.acquire(blocking=False):
            raise RuntimeError("already executing")
        time.sleep(0.0005)
        self._asking.release()
        return 1.0


BROKEN = {
    Negative: "test_no_delay_is_negative",
    NotANumber: "test_every_delay_is_finite",
    Infinite: "test_every_delay_is_finite",
    Textual: "test_it_answers_in_seconds_or_none",
    Timedelta: "test_it_answers_in_seconds_or_none",
    Overflowing: "test_it_answers_the_millionth_failure",
    Gigantic: "test_it_answers_the_millionth_failure",
    EndsAfterThree: "test_it_answers_every_failure",
    Sleeps: "test_it_does_not_wait_itself",
    NeedsPrevious: "test_it_answers_a_first_failure",
    Divides: "test_any_previous_delay_will_do",
    ReadsExitCode: "test_any_outcome_will_do",
    SplitsCommand: "test_any_job_will_do",
    SharesTime: "test_any_job_will_do",
    CountsCalls: "test_a_job_waits_for_its_own_failures",
    OneAtATime: "test_threads_may_ask_at_once",
}
"""Each with the one clause that it breaks."""
