"""What an executor or a wrapper returned is looked at before anybody relies on it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from queuectl.model.outcome import Outcome
from queuectl.registry.outcomes import fault_in


class Mute:
    """Something that cannot even tell what it is."""

    def __repr__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(exit_code=0),
        Outcome(exit_code=-1),
        Outcome(exit_code=3221225786, cpu_time=0.0, peak_memory=0, pid=1),
        Outcome(signal=9, cpu_time=1),
        Outcome(timed_out=True),
        Outcome(error=""),
    ],
    ids=repr,
)
def test_an_outcome_that_says_something_is_sound(outcome: Outcome) -> None:
    """Whatever it says."""
    assert fault_in(outcome) is None


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({}, "an outcome that says nothing"),
        ({"exit_code": "0"}, "an outcome with '0' where a number was expected"),
        ({"exit_code": True}, "an outcome with True where a number was expected"),
        ({"exit_code": 1.0}, "an outcome with 1.0 where a number was expected"),
        ({"exit_code": 2**32}, "an outcome with 4294967296 where a number was expected"),
        ({"signal": "SIGTERM"}, "an outcome with 'SIGTERM' where a number was expected"),
        ({"error": b"no"}, "an outcome with b'no' where a text was expected"),
        ({"exit_code": 1, "timed_out": "yes"}, "an outcome with 'yes' where true or false was expected"),
        ({"exit_code": 1, "pid": "7"}, "an outcome with '7' where a number was expected"),
        ({"exit_code": 1, "peak_memory": 2**63}, "an outcome with 9223372036854775808 where a number was expected"),
        ({"exit_code": 1, "cpu_time": math.nan}, "an outcome with nan where a time in seconds was expected"),
        ({"exit_code": 1, "cpu_time": -1.0}, "an outcome with -1.0 where a time in seconds was expected"),
    ],
)
def test_the_fault_in_an_outcome_is_told(fields: dict[str, Any], fault: str) -> None:
    """With the value and what was expected: no storage takes it, or nobody could read it."""
    assert fault_in(Outcome(**fields)) == fault


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "None where an outcome was expected"),
        (0, "0 where an outcome was expected"),
        ("a\nb", r"'a\nb' where an outcome was expected"),
        ("x" * 200, f"'{'x' * 79} where an outcome was expected"),
        (Mute(), "a Mute where an outcome was expected"),
    ],
)
def test_what_is_no_outcome_is_told_in_a_few_words(value: object, fault: str) -> None:
    """Also a long one, and one that cannot tell what it is."""
    assert fault_in(value) == fault
