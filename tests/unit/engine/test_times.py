"""Moments are read in any offset and written in UTC."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.engine.times import EARLIEST, LATEST, format_time, parse_time
from queuectl.errors import UsageError

NOON = 1_767_355_200.0  # 2026-01-02T12:00:00Z


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows five hours less in winter."""
    monkeypatch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T12:00:00Z",
        "2026-01-02T12:00:00.000Z",
        "2026-01-02T12:00Z",
        "2026-01-02 12:00:00+00:00",
        "2026-01-02T17:30:00+05:30",
        "2026-01-02T04:00:00-08:00",
        "20260102T120000Z",
        " 2026-01-02T12:00:00Z\n",
    ],
)
def test_any_offset_is_read(text: str) -> None:
    """The same moment, written in different ways."""
    assert parse_time(text) == NOON


def test_a_fraction_of_a_second_is_kept() -> None:
    """To the microsecond."""
    assert parse_time("2026-01-02T12:00:00.250001Z") == NOON + 0.250001


@pytest.mark.usefixtures("new_york")
def test_a_time_without_an_offset_is_local() -> None:
    """Who types a time at a shell means the clock on that machine's wall."""
    assert parse_time("2026-01-02T07:00") == NOON
    assert parse_time("2026-07-02T08:00") == parse_time("2026-07-02T12:00Z")
    assert parse_time(datetime(2026, 1, 2, 7)) == NOON  # noqa: DTZ001


@pytest.mark.usefixtures("new_york")
def test_a_date_is_its_first_moment_here() -> None:
    """`--run-at 2026-01-02` means from then on."""
    assert parse_time("2026-01-02") == parse_time("2026-01-02T05:00Z")


def test_a_datetime_is_taken_as_it_is() -> None:
    """Programs have datetimes."""
    assert parse_time(datetime(2026, 1, 2, 12, tzinfo=UTC)) == NOON
    assert parse_time(datetime(2026, 1, 2, 13, tzinfo=timezone(timedelta(hours=1)))) == NOON


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "12:30", "1767355200", "2026-01-02T12:00:00 PM", "é\0"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The message shows what was given, and what is expected."""
    with pytest.raises(UsageError, match="expected a time such as 2026-01-02T03:04:05Z, got") as caught:
        parse_time(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_that_cannot_be_written_in_utc_is_refused(text: str) -> None:
    """It would be stored and could never be shown."""
    with pytest.raises(UsageError, match="years 1 to 9999"):
        parse_time(text)


@pytest.mark.usefixtures("new_york")
def test_the_last_local_moment_is_refused_where_it_is_later_in_utc() -> None:
    """Never an error of another kind."""
    with pytest.raises(UsageError, match="years 1 to 9999"):
        parse_time("9999-12-31T23:59:59")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (NOON, "2026-01-02T12:00:00.000Z"),
        (NOON + 0.123, "2026-01-02T12:00:00.123Z"),
        (NOON + 0.9999, "2026-01-02T12:00:00.999Z"),
        (-0.25, "1969-12-31T23:59:59.750Z"),
        (EARLIEST, "0001-01-01T00:00:00.000Z"),
        (LATEST - 0.001, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(seconds: float, text: str) -> None:
    """One form for all, so that texts sort as times do."""
    assert format_time(seconds) == text


@given(st.integers(min_value=EARLIEST * 1000, max_value=LATEST * 1000 - 1))
def test_what_is_written_reads_back(milliseconds: int) -> None:
    """No millisecond gets lost in a float."""
    text = format_time(milliseconds / 1000)
    assert parse_time(text) == milliseconds / 1000


@given(st.floats(min_value=0, max_value=4e9), st.floats(min_value=0, max_value=4e9))
def test_written_times_sort_as_the_times_do(one: float, other: float) -> None:
    """What finished later is never shown to have finished earlier."""
    assert (one <= other) == (format_time(one) <= format_time(other)) or format_time(one) == format_time(other)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (float("inf"), "9999-12-31T23:59:59.999Z"),
        (1e300, "9999-12-31T23:59:59.999Z"),
        (float("-inf"), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_moment_beyond_the_calendar_is_written_as_its_edge(seconds: float, text: str) -> None:
    """A backoff may wait for ages; a list of jobs must not fail for one of them."""
    assert format_time(seconds) == text
