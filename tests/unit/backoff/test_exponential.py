"""Waits that grow as the powers of a number."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl import Context, Duration
from queuectl_backoff.exponential import Exponential, ExponentialBackoff, create

if TYPE_CHECKING:
    from tests.unit.backoff.conftest import Fail

JITTERS = st.sampled_from(["none", "full", "equal"])


def lowest(low: float, high: float) -> float:
    """Draw the low end."""
    return low


def highest(low: float, high: float) -> float:
    """Draw the high end."""
    return high


class TestGrowth:
    """Without jitter the wait is a power of the base."""

    def test_defaults(self, fail: Fail) -> None:
        """2, 4, 8 … seconds, and never more than an hour."""
        backoff = ExponentialBackoff(Exponential(), lowest)
        assert [backoff.delay(fail(attempts)) for attempts in (1, 2, 3, 11, 12, 13)] == [2, 4, 8, 2048, 3600, 3600]

    def test_another_base(self, fail: Fail) -> None:
        """The base is the first wait too."""
        backoff = ExponentialBackoff(Exponential(base=3, max_delay=Duration("1m")), lowest)
        assert [backoff.delay(fail(attempts)) for attempts in (1, 2, 3, 4)] == [3, 9, 27, 60]

    @pytest.mark.parametrize(("base", "expected"), [(0, 0), (1, 1), (0.5, 0.0625)])
    def test_a_base_that_does_not_grow(self, fail: Fail, base: float, expected: float) -> None:
        """It is allowed, and means what it says."""
        assert ExponentialBackoff(Exponential(base=base), lowest).delay(fail(4)) == expected

    @pytest.mark.parametrize("attempts", [1023, 1024, 10_000, 10**9])
    def test_it_does_not_overflow(self, fail: Fail, attempts: int) -> None:
        """However often the job failed."""
        assert ExponentialBackoff(Exponential(), lowest).delay(fail(attempts)) == 3600


class TestJitter:
    """A part of the wait is left to chance."""

    @pytest.mark.parametrize(("jitter", "least", "most"), [("none", 8.0, 8.0), ("full", 0.0, 8.0), ("equal", 4.0, 8.0)])
    def test_its_bounds(self, fail: Fail, jitter: Literal["none", "full", "equal"], least: float, most: float) -> None:
        """All of it, a half, or nothing."""
        settings = Exponential(jitter=jitter)
        assert ExponentialBackoff(settings, lowest).delay(fail(3)) == least
        assert ExponentialBackoff(settings, highest).delay(fail(3)) == most

    def test_it_is_applied_to_the_longest_wait(self, fail: Fail) -> None:
        """Jobs that reached it do not fall into step again."""
        settings = Exponential(max_delay=Duration(100), jitter="full")
        assert ExponentialBackoff(settings, lambda low, high: (low + high) / 2).delay(fail(50)) == 50

    def test_it_is_random(self, fail: Fail) -> None:
        """Two hundred jobs that failed together come back apart."""
        backoff = create(Exponential(jitter="full"), Context(data=Path()))
        assert len({backoff.delay(fail(10)) for _ in range(200)}) > 190


@given(
    base=st.floats(min_value=0, allow_infinity=False),
    longest=st.floats(min_value=0, max_value=1e9),
    jitter=JITTERS,
    attempts=st.integers(min_value=0, max_value=10**12),
    draw=st.floats(min_value=0, max_value=1),
)
def test_it_is_always_a_wait(
    fail: Fail, base: float, longest: float, jitter: Literal["none", "full", "equal"], attempts: int, draw: float
) -> None:
    """A finite number of seconds from 0 to the longest wait, whatever the settings."""
    settings = Exponential(base=base, max_delay=Duration(longest), jitter=jitter)
    delay = ExponentialBackoff(settings, lambda low, high: low + (high - low) * draw).delay(fail(attempts))
    assert math.isfinite(delay)
    assert 0 <= delay <= longest
