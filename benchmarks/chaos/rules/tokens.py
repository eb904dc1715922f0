"""A later run of a job has a higher token: no command begins under a lease when a later one had begun already."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from benchmarks.chaos.history import History


def breaches(history: History) -> Iterator[str]:
    """Yield runs that began under a token that is not higher than the one before."""
    for runs in history.runs_of.values():
        for earlier, later in pairwise(runs):
            if later.token <= earlier.token:
                yield f"{later} began after a run under lease {earlier.token}"
