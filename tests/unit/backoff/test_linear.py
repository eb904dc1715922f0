"""Waits that grow by a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from queuectl import Duration
from queuectl_backoff.linear import Linear

if TYPE_CHECKING:
    from tests.unit.backoff.conftest import Fail


def test_defaults(fail: Fail) -> None:
    """10, 20, 30 … seconds, and never more than an hour."""
    assert [Linear().delay(fail(attempts)) for attempts in (1, 2, 3, 360, 361)] == [10, 20, 30, 3600, 3600]


def test_step_and_bound(fail: Fail) -> None:
    """Both can be set."""
    backoff = Linear(step=Duration("1m30s"), max_delay=Duration("2m"))
    assert [backoff.delay(fail(attempts)) for attempts in (1, 2)] == [90, 120]


@given(
    step=st.floats(min_value=0, max_value=1e9),
    longest=st.floats(min_value=0, max_value=1e9),
    attempts=st.integers(min_value=0, max_value=10**12),
)
def test_it_is_always_a_wait(fail: Fail, step: float, longest: float, attempts: int) -> None:
    """From 0 to the longest wait, whatever the settings."""
    delay = Linear(step=Duration(step), max_delay=Duration(longest)).delay(fail(attempts))
    assert 0 <= delay <= longest
