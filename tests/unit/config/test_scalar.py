"""Scalars follow YAML 1.2, so that nothing surprises."""

from __future__ import annotations

import math

import pytest

from queuectl.config.scalar import Scalar, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        ("0", 0),
        ("3", 3),
        ("-3", -3),
        ("+3", 3),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1.5E-1", 0.15),
        (".inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_words_of_the_core_schema_have_their_values(text: str, value: Scalar) -> None:
    """Null, booleans and numbers are what YAML 1.2 says, and of the type that it says."""
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_not_a_number_is_read() -> None:
    """`.nan` is a float; the settings refuse it, not the reader."""
    value = resolve(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


TEXTS = [
    *("yes", "no", "on", "off", "y", "Yes", "ON", "NuLL", "tRUE", "nan", "inf", "-.inff"),
    *("12:30", "12:30:45", "2026-01-02", "1_000", "0b1", "0o8", "0x", "1.2.3", "1e", "-", "+", "."),
    "\N{ARABIC-INDIC DIGIT ONE}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_everything_else_is_a_text(text: str) -> None:
    """What YAML 1.1 would take for booleans, times, octals or dates stays what was written."""
    assert resolve(text) == text


def test_a_number_too_long_to_be_one_is_a_text() -> None:
    """Python refuses to read integers of 5,000 digits; the setting then says what it expects."""
    assert isinstance(resolve("9" * 5000), str)
    assert isinstance(resolve("-" + "9" * 5000), str)
