"""Whether what an executor or a wrapper returned is an outcome that can be stored."""

from __future__ import annotations

import math

from queuectl.model.outcome import Outcome
from queuectl.registry.blame import shown

MAX_CODE = 2**32 - 1
"""No exit code is larger, on any system."""

MAX_COUNT = 2**63 - 1
"""No storage has room for a larger number."""


def fault_in(outcome: object) -> str | None:
    """Return what is wrong with an outcome, None when it is sound."""
    if not isinstance(outcome, Outcome):
        return f"{shown(outcome)} where an outcome was expected"
    wrong = _misfit(outcome)
    if wrong is not None:
        value, expected = wrong
        return f"an outcome with {shown(value)} where {expected} was expected"
    if outcome.exit_code is None and outcome.signal is None and outcome.error is None and not outcome.timed_out:
        return "an outcome that says nothing"
    return None


def _misfit(outcome: Outcome) -> tuple[object, str] | None:
    for code in (outcome.exit_code, outcome.signal):
        if code is not None and not _is_integer(code, MAX_CODE):
            return code, "a number"
    for count in (outcome.peak_memory, outcome.pid):
        if count is not None and not _is_integer(count, MAX_COUNT):
            return count, "a number"
    if outcome.error is not None and not isinstance(outcome.error, str):
        return outcome.error, "a text"
    if not isinstance(outcome.timed_out, bool):
        return outcome.timed_out, "true or false"
    if outcome.cpu_time is not None and not _is_time(outcome.cpu_time):
        return outcome.cpu_time, "a time in seconds"
    return None


def _is_integer(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= most


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
