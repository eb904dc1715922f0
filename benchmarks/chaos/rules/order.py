"""Where one worker ran undisturbed, one job at a time, it ran by priority, and then in the order of the enqueues."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chaos.history import History

ORDERLY = "orderly"
"""The queue whose jobs are all there before one worker, which nobody disturbs, runs them one by one."""


def breaches(history: History) -> Iterator[str]:
    """Yield where the order begins to differ."""
    jobs = [job for job in history.final.jobs if job.queue == ORDERLY]
    expected = [job.id for job in sorted(jobs, key=lambda job: -job.priority)]
    orderly = frozenset(expected)
    began = [run.job for run in history.runs if run.job in orderly]
    for place, (should, did) in enumerate(zip(expected, began, strict=False), 1):
        if should != did:
            yield f"{did}: it ran as number {place}, where {should} should have"
            return
    if len(began) != len(expected):
        yield f"{len(began)} runs of {len(expected)} orderly jobs"
