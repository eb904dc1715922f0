"""A clock that stands still until a test turns it."""

from __future__ import annotations


class FakeClock:
    """Gives the same Unix seconds until it is told otherwise: `FakeClock()` in the place of `time.time`.

    It starts on a full hour, so that times that are derived from it are exact.
    """

    def __init__(self, now: float = 1_699_999_200.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def __repr__(self) -> str:
        """Show the time."""
        return f"FakeClock({self.now!r})"

    def advance(self, seconds: float) -> float:
        """Let `seconds` pass, or take them back where they are negative, and return the new time."""
        self.now += seconds
        return self.now

    def set(self, now: float) -> None:
        """Set the time, forward or back, as an operator or a time server might."""
        self.now = now
