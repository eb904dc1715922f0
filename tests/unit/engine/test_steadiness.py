"""Steadiness: a clock that was set forward is not relied upon for a while."""

from __future__ import annotations

import pytest

from queuectl.engine.steadiness import LEAP, SETTLING, Steadiness
from queuectl.testing import FakeClock


class Clocks:
    """The two clocks of a host, and who compares them."""

    def __init__(self) -> None:
        self.wall, self.monotonic = FakeClock(), FakeClock(500.0)
        self.steadiness = Steadiness(self.wall, self.monotonic)

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.wall.advance(seconds)
        self.monotonic.advance(seconds)


@pytest.fixture
def clocks() -> Clocks:
    """Return clocks that agree."""
    return Clocks()


def test_time_that_passes_is_no_leap(clocks: Clocks) -> None:
    """However much of it."""
    clocks.pass_by(40 * 86400.0)
    assert clocks.steadiness.is_settled()


def test_a_correction_is_no_leap(clocks: Clocks) -> None:
    """A time server may set a clock a little, again and again."""
    for _ in range(100):
        clocks.wall.advance(LEAP / 2)
        clocks.pass_by(60.0)
        assert clocks.steadiness.is_settled()


def test_a_leap_takes_a_while_to_settle(clocks: Clocks) -> None:
    """Then what the clock says is believed."""
    clocks.wall.advance(86400.0)
    assert not clocks.steadiness.is_settled()
    clocks.pass_by(SETTLING - 1.0)
    assert not clocks.steadiness.is_settled()
    clocks.pass_by(2.0)
    assert clocks.steadiness.is_settled()


def test_each_leap_counts(clocks: Clocks) -> None:
    """The while begins anew with each."""
    for _ in range(2):
        clocks.wall.advance(86400.0)
        assert not clocks.steadiness.is_settled()
        clocks.pass_by(SETTLING - 1.0)
    assert not clocks.steadiness.is_settled()


def test_a_clock_that_is_set_back_makes_nothing_old(clocks: Clocks) -> None:
    """It need not be waited for."""
    clocks.wall.advance(-86400.0)
    assert clocks.steadiness.is_settled()
