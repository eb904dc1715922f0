"""Attempts count 1, 2, 3 … without a gap, in the order in which they were settled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from benchmarks.chaos.history import History
from benchmarks.chaos.transition import is_outcome


def breaches(history: History) -> Iterator[str]:
    """Yield jobs whose attempts are not numbered so, or are not as many as the job says."""
    for job in history.final.jobs:
        numbers = [record.number for record in job.records]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{job.id}: its attempts are numbered {numbers}"
        if job.runs != len(numbers):
            yield f"{job.id}: it counts {job.runs} runs, and has {len(numbers)} attempts"
    for id, told in history.told_of.items():
        settled = [line.attempt or 0 for line in told if is_outcome(line)]
        if any(later <= earlier for earlier, later in pairwise(settled)):
            yield f"{id}: its attempts were settled in the order {settled}"
