"""The backoff `decorrelated`: each wait is drawn between the least one and three times the one before.

Jobs that failed together spread out more with each failure, and forget how often they failed before. After Marc
Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

A backoff is one method. Where the settings object has that method itself, a provider needs no `create`; here `create`
adds the source of chance, which tests replace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta
from queuectl import Backoff, Context, Duration, Failure, Provider, hookimpl

queuectl_api = 1

Uniform = Callable[[float, float], float]
"""Draws a number between two others, as `random.uniform` does."""


@dataclass(frozen=True, kw_only=True)
class Decorrelated:
    """What `backoff:` may say beside `plugin: decorrelated`; a job may say it too.

    A `Duration` is seconds, and is written `90s` or `1h30m` as well.
    """

    least: Annotated[Duration, Meta(description="the shortest wait")] = Duration("1s")
    longest: Annotated[Duration, Meta(description="the longest wait")] = Duration("1h")


class DecorrelatedBackoff:
    """Waits as `Decorrelated` says."""

    def __init__(self, settings: Decorrelated, uniform: Uniform) -> None:
        self._least = float(settings.least)
        self._longest = float(settings.longest)
        self._uniform = uniform

    def delay(self, failure: Failure) -> float:
        """Return the seconds to the next attempt. It is called in workers, on any thread, and must not block."""
        before = failure.previous_delay or self._least  # None after the first failure
        return min(self._longest, self._uniform(self._least, max(self._least, 3 * before)))


def create(settings: Decorrelated, context: Context) -> Backoff:
    """Build the backoff."""
    from random import Random  # what only workers need is imported here

    return DecorrelatedBackoff(settings, Random().uniform)


@hookimpl
def queuectl_backoffs() -> Iterable[Provider]:
    """Offer the backoff under the name of its entry point."""
    yield Provider("decorrelated", Decorrelated, create, summary="at random, up to three times the wait before")
