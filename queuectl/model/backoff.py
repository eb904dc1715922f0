"""The backoff seam: how long to wait after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from queuectl.model.job import Job
from queuectl.model.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed run.

    `attempts` counts charged runs since the last reset, 1 after the first; `previous_delay` is in seconds.
    """

    attempts: int
    job: Job
    outcome: Outcome
    previous_delay: float | None = None


class Backoff(Protocol):
    """Decides how long a failed job waits."""

    def delay(self, failure: Failure) -> float | None:
        """Return the seconds to the next attempt, or None to give up now.

        If this raises or returns nonsense (NaN, a negative number, a string), the exponential backoff with its
        defaults decides, and a warning names the plugin.
        """
        ...
