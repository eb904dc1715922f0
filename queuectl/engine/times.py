"""Moments as people and programs write them: ISO 8601 in, UTC with `Z` out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import floor

from queuectl.errors import UsageError

EARLIEST = -62_135_596_800
"""The first second of the year 1, and `LATEST` the first after the year 9999: what ISO 8601 can write."""

LATEST = 253_402_300_800

_LAST = LATEST - 0.001

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXAMPLE = "2026-01-02T03:04:05Z"


def parse_time(moment: str | datetime) -> float:
    """Return a moment as Unix seconds.

    Text is ISO 8601: a date, or a date with a time, and any offset. Without an offset it is meant in the time zone of
    this machine, as a person at its shell means it, and as `datetime` takes it. Raises UsageError for anything else,
    and for moments outside the years 1 to 9999.
    """
    read = _read(moment) if isinstance(moment, str) else moment
    try:
        aware = read if read.tzinfo is not None else read.astimezone()
        seconds = (aware - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        raise UsageError(_out_of_range(moment)) from None
    return within_calendar(seconds, moment)


def within_calendar(seconds: float, moment: object) -> float:
    """Return the seconds if `format_time` can write them. Raises UsageError that shows `moment` otherwise."""
    if not EARLIEST <= seconds < LATEST:
        raise UsageError(_out_of_range(moment))
    return seconds


def format_time(seconds: float) -> str:
    """Write Unix seconds as `2026-01-02T03:04:05.678Z`; what is finer than a millisecond is cut off.

    What lies beyond the calendar, such as the next try of a backoff that waits for ages, is written as its first or
    last moment: a list of jobs must not fail for one of them.
    """
    seconds = min(max(seconds, EARLIEST), _LAST)
    second = floor(seconds)
    # The margin is the error of a float: 0.123 lies a little below, in the year 9999 by some 0.015 milliseconds.
    carry, millisecond = divmod(int((seconds - second) * 1000 + 0.02), 1000)
    return f"{_second(second + carry)}.{millisecond:03d}Z"


@lru_cache(maxsize=1024)
def _second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]


def _read(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"expected a time such as {_EXAMPLE}, got {text!r}") from None


def _out_of_range(moment: object) -> str:
    shown = moment.isoformat() if isinstance(moment, datetime) else moment
    return f"expected a time in the years 1 to 9999, got {shown!r}"
