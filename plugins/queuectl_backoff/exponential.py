"""Waits that grow as the powers of a number, with or without jitter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from queuectl import Context, Duration, Failure

Uniform = Callable[[float, float], float]
"""Draws a number between two others, as `random.uniform` does."""


@dataclass(frozen=True, kw_only=True)
class Exponential:
    """Waits `base ** attempts` seconds, at most `max-delay`: 2, 4, 8 … with the defaults.

    Jitter spreads the retries of jobs that failed together. `full` draws from 0 to the wait, `equal` keeps a half of
    it and draws the other. After Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015; his
    `base * 2 ** attempt` has a variable first wait, ours a variable growth.
    """

    base: Annotated[float, Meta(ge=0, description="the wait is this number to the power of the failed attempts")] = 2.0
    max_delay: Annotated[Duration, Meta(description="the longest wait")] = Duration(3600)
    jitter: Annotated[
        Literal["none", "full", "equal"],
        Meta(description="how much of the wait is left to chance: nothing, all of it or a half"),
    ] = "none"


def create(settings: Exponential, context: Context) -> ExponentialBackoff:
    """Build the backoff with a source of chance of its own."""
    from random import Random  # costs more to import than all the rest, and only workers come here

    return ExponentialBackoff(settings, Random().uniform)


class ExponentialBackoff:
    """Waits as `Exponential` says, and draws the jitter from `uniform`."""

    def __init__(self, settings: Exponential, uniform: Uniform) -> None:
        self._settings = settings
        self._uniform = uniform

    def delay(self, failure: Failure) -> float:
        """Return the seconds to the next attempt."""
        wait = self._without_jitter(failure.attempts)
        match self._settings.jitter:
            case "full":
                return self._uniform(0.0, wait)
            case "equal":
                return wait / 2 + self._uniform(0.0, wait / 2)
            case _:
                return wait

    def _without_jitter(self, attempts: int) -> float:
        longest = float(self._settings.max_delay)
        try:
            return min(float(self._settings.base) ** attempts, longest)
        except OverflowError:
            return longest
