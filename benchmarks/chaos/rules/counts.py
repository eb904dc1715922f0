"""The kept counts say how many jobs there are in each state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks.chaos.history import History


def breaches(history: History) -> Iterator[str]:
    """Yield states whose kept count is not the number of jobs that are listed."""
    listed = Counter(job.state for job in history.final.jobs)
    for state in sorted(listed.keys() | history.final.counts.keys()):
        kept = history.final.counts.get(state, 0)
        if kept != listed[state]:
            yield f"{state}: {kept} are counted, {listed[state]} are listed"
