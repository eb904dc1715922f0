"""Durations and sizes as people write them."""

from __future__ import annotations

from itertools import count

import pytest

from queuectl.units import LARGEST, LONGEST, Duration, OutOfRangeError, Size

DIGITS = "9" * 400
"""More digits than a float has room for."""

ENDLESS = "9" * 5000
"""More digits than Python makes an integer of."""


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (2.5, 2.5),
        ("90", 90.0),
        ("1.5", 1.5),
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("30d", 2_592_000.0),
        ("1w", 604_800.0),
        (" 5m ", 300.0),
        (LONGEST, float(LONGEST)),
        ("36525d", float(LONGEST)),
        ("0" * 399 + "5", 5.0),
    ],
)
def test_a_duration_is_seconds_or_a_text_with_units(value: float | str, seconds: float) -> None:
    """Whatever way it is written, it is a float of seconds."""
    assert Duration(value) == seconds


@pytest.mark.parametrize("value", ["", "x", "5 m", "1m30", "-5", "-5s", "1e5", "inf", "nan", ".5", "1_000", "٣s", True])
def test_other_texts_are_no_durations(value: str) -> None:
    """The error says what would be one."""
    with pytest.raises(ValueError, match=r"^expected a duration such as 90s or 1h30m, got "):
        Duration(value)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -0.1,
        float("inf"),
        float("-inf"),
        float("nan"),
        LONGEST + 1,
        10**400,
        10**5000,
        DIGITS,
        ENDLESS,
        f"{DIGITS}d",
        f"{ENDLESS}s",
        f"{ENDLESS}.5",
    ],
    ids=count(),
)
def test_a_duration_is_no_longer_than_a_hundred_years(value: float | str) -> None:
    """Nothing overflows, and the error stays short."""
    with pytest.raises(OutOfRangeError, match=r"^expected a duration from 0 to 100 years, got ") as caught:
        Duration(value)
    assert len(str(caught.value)) < 120
    assert caught.value.expected == "a duration from 0 to 100 years"


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 0),
        ("12", 12),
        ("64KiB", 65_536),
        ("1.5 KiB", 1536),
        ("1GB", 10**9),
        (4.0, 4),
        (LARGEST, LARGEST),
        ("9007199254740993", 9_007_199_254_740_993),
    ],
)
def test_a_size_is_bytes_or_a_text_with_a_unit(value: int | str, size: int) -> None:
    """Exact, also beyond what a float can tell apart."""
    assert Size(value) == size


@pytest.mark.parametrize("value", ["", "x", "1 xB", "-1", "1e5", "inf", "5 m", True])
def test_other_texts_are_no_sizes(value: str) -> None:
    """The error says what would be one."""
    with pytest.raises(ValueError, match=r"^expected a size such as 64KiB or 100MiB, got "):
        Size(value)


def test_a_size_is_a_whole_number_of_bytes() -> None:
    """There are no halves."""
    with pytest.raises(ValueError, match=r"^expected a size in whole bytes, got 1\.5$"):
        Size(1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        -1,
        LARGEST + 1,
        10**400,
        10**5000,
        DIGITS,
        ENDLESS,
        f"{DIGITS}GiB",
        f"{DIGITS}.5",
        "1e999",
        "9223372037GB",
    ],
    ids=count(),
)
def test_a_size_is_no_larger_than_a_file_can_be(value: int | str) -> None:
    """Nothing overflows, and the error stays short."""
    with pytest.raises(ValueError, match=r"^expected a size ") as caught:
        Size(value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_size_is_finite(value: float) -> None:
    """A program may hand over what no text can say."""
    with pytest.raises(OutOfRangeError):
        Size(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0s", "250ms", "90ms", "1m30s", "1h30m", "30d", "1d1h1m1s1ms"])
def test_a_duration_is_written_as_it_would_be_typed(text: str) -> None:
    """In the largest units that keep it exact."""
    assert str(Duration(text)) == text


@pytest.mark.parametrize("text", ["0B", "1023B", "64KiB", "100MiB", "1GiB", "1024GiB"])
def test_a_size_is_written_as_it_would_be_typed(text: str) -> None:
    """In the largest binary unit that keeps it exact."""
    assert str(Size(text)) == text
