"""The backoff `decorrelated` keeps the contract of backoffs, and draws as it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from queuectl import Backoff, Context, Duration
from queuectl.testing import BackoffContract, make_failure

from queuectl_example.decorrelated import Decorrelated, DecorrelatedBackoff, create


class TestContract(BackoffContract):
    """All that every backoff promises."""

    @pytest.fixture
    def backoff(self, tmp_path: Path) -> Backoff:
        """Return the backoff to test, made as queuectl makes it."""
        return create(Decorrelated(), Context(data=tmp_path))


@pytest.fixture
def longest() -> DecorrelatedBackoff:
    """A backoff that always draws the longest wait that it may."""
    return DecorrelatedBackoff(Decorrelated(least=Duration(2), longest=Duration(100)), lambda low, high: high)


def test_the_first_wait_grows_from_the_least(longest: DecorrelatedBackoff) -> None:
    """Given no wait before, then the least one counts as that."""
    assert longest.delay(make_failure(1, previous_delay=None)) == 6.0


def test_a_wait_is_at_most_three_times_the_one_before(longest: DecorrelatedBackoff) -> None:
    """Given a wait before, then three times that is the most, up to the longest."""
    assert longest.delay(make_failure(2, previous_delay=20.0)) == 60.0
    assert longest.delay(make_failure(3, previous_delay=60.0)) == 100.0


def test_a_wait_is_the_least_at_least() -> None:
    """Given a draw of the lower end, or a wait before that was shorter, then the least serves."""
    backoff = DecorrelatedBackoff(Decorrelated(least=Duration(2)), lambda low, high: low)
    assert backoff.delay(make_failure(2, previous_delay=0.1)) == 2.0
