"""A clock for tests stands still."""

from __future__ import annotations

from queuectl.testing import FakeClock


def test_it_gives_the_time_at_which_it_was_set() -> None:
    """Two looks at the clock see the same time."""
    clock = FakeClock(100.0)
    assert (clock(), clock()) == (100.0, 100.0)


def test_it_starts_on_a_full_hour() -> None:
    """Times that tests derive from it are exact, in seconds, minutes and hours."""
    assert FakeClock()() % 3600.0 == 0.0


def test_it_advances() -> None:
    """Seconds pass when a test says so, and the new time is returned."""
    clock = FakeClock(100.0)
    assert clock.advance(2.5) == 102.5
    assert clock() == 102.5


def test_it_can_be_set_back() -> None:
    """A clock may be wrong and be set right, as real ones are."""
    clock = FakeClock(100.0)
    clock.set(50.0)
    assert clock() == 50.0


def test_it_shows_its_time() -> None:
    """A failing test prints the time."""
    assert repr(FakeClock(5.0)) == "FakeClock(5.0)"
