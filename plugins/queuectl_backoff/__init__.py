"""The built-in backoffs: how long a failed job waits before it runs again."""

from __future__ import annotations

from collections.abc import Iterable

from queuectl import Provider, hookimpl
from queuectl_backoff import exponential, fixed, linear, schedule

queuectl_api = 1


@hookimpl
def queuectl_backoffs() -> Iterable[Provider]:
    """Offer the built-in backoffs."""
    yield Provider(
        "exponential", exponential.Exponential, exponential.create, summary="2, 4, 8 … seconds: a power of the base"
    )
    yield Provider("linear", linear.Linear, summary="10, 20, 30 … seconds: each time a step more")
    yield Provider("fixed", fixed.Fixed, fixed.create, summary="the same wait each time")
    yield Provider("schedule", schedule.Schedule, summary="the waits that you list")
    yield Provider("none", fixed.Immediate, summary="no wait at all")
