"""Waits that a person lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queuectl import Duration
from queuectl_backoff.schedule import Schedule

if TYPE_CHECKING:
    from tests.unit.backoff.conftest import Fail

DELAYS = (Duration("5s"), Duration("1m"), Duration("30s"))


def test_in_order(fail: Fail) -> None:
    """The first after the first failure, and so on; they need not grow."""
    assert [Schedule(delays=DELAYS).delay(fail(attempts)) for attempts in (1, 2, 3)] == [5, 60, 30]


def test_the_last_one_repeats(fail: Fail) -> None:
    """When the list is used up, unless told otherwise."""
    assert [Schedule(delays=DELAYS).delay(fail(attempts)) for attempts in (4, 1000)] == [30, 30]


def test_or_the_job_is_given_up(fail: Fail) -> None:
    """With `then: give-up`, as many retries as there are waits."""
    backoff = Schedule(delays=DELAYS, then="give-up")
    assert [backoff.delay(fail(attempts)) for attempts in (3, 4, 5)] == [30, None, None]


def test_defaults(fail: Fail) -> None:
    """Ten seconds, a minute, ten minutes, then an hour each time."""
    assert [Schedule().delay(fail(attempts)) for attempts in (1, 2, 3, 4, 5)] == [10, 60, 600, 3600, 3600]
