"""Figures: percentiles of how long jobs wait and run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from queuectl import Attempt, Job

PERCENTS = (50, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds that jobs waited and ran, by percentile, empty where none tells; `since` the first of them ended."""

    jobs: int
    since: float | None
    wait: dict[int, float]
    run: dict[int, float]


def times_of(jobs: Sequence[Job]) -> Times:
    """Return the percentiles over completed jobs. What was wanted later than it was enqueued waits from then on."""
    timed = [(job, job.started_at, job.finished_at) for job in jobs]
    waits = [start - max(job.created_at, job.run_at or 0.0) for job, start, _ in timed if start is not None]
    runs = [end - start for _, start, end in timed if start is not None and end is not None]
    ends = [end for _, _, end in timed if end is not None]
    return Times(jobs=len(jobs), since=min(ends, default=None), wait=percentiles(waits), run=percentiles(runs))


def waits_of(job: Job, attempts: Sequence[Attempt]) -> list[float]:
    """Return how long the job waited for each attempt: since the one before had ended, or it was to run."""
    due, before, waits = job.run_at or 0.0, job.created_at, []
    for attempt in attempts:
        since = max(before, due) if due <= attempt.started_at else before
        waits.append(max(attempt.started_at - since, 0.0))
        before = attempt.finished_at
    return waits


def percentiles(values: Sequence[float]) -> dict[int, float]:
    """Return, for each of PERCENTS, the least value that so many in a hundred do not exceed (nearest rank)."""
    ranked = sorted(max(value, 0.0) for value in values)
    if not ranked:
        return {}
    return {percent: ranked[math.ceil(len(ranked) * percent / 100) - 1] for percent in PERCENTS}
