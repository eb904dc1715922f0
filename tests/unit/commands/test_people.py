"""Times, sizes and counts are written as people say them."""

from __future__ import annotations

import pytest

from queuectl.commands.people import ago, count, size, span, until

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0ms"),
        (0, "0ms"),
        (0.0402, "40ms"),
        (1.04, "1s"),
        (7.32, "7.3s"),
        (9.96, "10s"),
        (59.9, "59s"),
        (60, "1m"),
        (312, "5m 12s"),
        (3600, "1h"),
        (3601, "1h"),
        (5400, "1h 30m"),
        (90061, "1d 1h"),
        (8 * 86400, "8d"),
    ],
)
def test_a_span_has_its_two_largest_units(seconds: float, text: str) -> None:
    """Nobody counts the seconds of hours."""
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("age", "text"), [(-5, "0s ago"), (0, "0s ago"), (59, "59s ago"), (61, "1m ago"), (7200, "2h ago"), (2e5, "2d ago")]
)
def test_the_past_is_told_by_its_age(age: float, text: str) -> None:
    """The largest unit is enough; a clock that runs ahead gives no negative age."""
    assert ago(NOW - age, now=NOW) == text


@pytest.mark.parametrize(("ahead", "text"), [(-1, "now"), (0, "now"), (0.4, "in 0s"), (90, "in 1m"), (86400, "in 1d")])
def test_the_future_is_told_by_its_distance(ahead: float, text: str) -> None:
    """What is due is due now."""
    assert until(NOW + ahead, now=NOW) == text


def test_far_times_are_dates() -> None:
    """Beyond a month an age says less than a date."""
    assert ago(NOW - 40 * 86400, now=NOW).startswith("2026-12-0")
    assert until(NOW + 40 * 86400, now=NOW).startswith("2027-02-2")


def test_no_time_is_a_dash() -> None:
    """A time that is not known is shown as such."""
    assert ago(None) == until(None) == "-"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (20 * 2**20, "20 MiB"), (3 * 2**50, "3072 TiB")],
)
def test_a_size_has_a_binary_unit(number: int, text: str) -> None:
    """One decimal, and none where it is 0."""
    assert size(number) == text


def test_a_count_agrees_with_its_noun() -> None:
    """One job, two jobs, and separators in large numbers."""
    assert [count(n, "job") for n in (0, 1, 12_000)] == ["0 jobs", "1 job", "12,000 jobs"]
