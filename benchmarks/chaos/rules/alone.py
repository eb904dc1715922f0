"""No two runs of a job overlap, in monotonic time and by what the commands themselves wrote.

A run that wrote no end was killed. That it was dead before the next one began is told by the next: it found nobody
there, by a lock that the whole process tree of a run holds and the kernel drops with the last of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from benchmarks.chaos.history import History


def breaches(history: History) -> Iterator[str]:
    """Yield runs that began beside another of their job."""
    for runs in history.runs_of.values():
        for run in runs:
            if not run.alone:
                yield f"{run} began at {run.begin:.3f} and found another run of its job alive"
        for earlier, later in pairwise(runs):
            if earlier.end is not None and earlier.end > later.begin:
                yield f"{later} began at {later.begin:.3f}, attempt {earlier.attempt} ended at {earlier.end:.3f}"
