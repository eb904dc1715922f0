"""A job is as its last transition left it, was enqueued first and once, and leaves a final state only by a retry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from benchmarks.chaos.history import History
from benchmarks.chaos.lines import Told
from benchmarks.chaos.transition import FINAL_STATES


def breaches(history: History) -> Iterator[str]:
    """Yield jobs in another state than the last that was told, and jobs that rose again by themselves."""
    for job in history.final.jobs:
        told = history.told_of.get(job.id, ())
        if not told or told[0].name != "job.enqueued":
            yield f"{job.id}: it is {job.state}, and its enqueue was not told"
        elif told[-1].state != job.state:
            yield f"{job.id}: it is {job.state}, and {told[-1].name} left it {told[-1].state}"
        if any(line.name == "job.enqueued" for line in told[1:]):
            yield f"{job.id}: it was enqueued again"
        yield from _risen(told)


def _risen(told: Sequence[Told]) -> Iterator[str]:
    for before, after in pairwise(told):
        if before.state in FINAL_STATES and after.name != "job.requeued":
            yield f"{after.job}: it was {before.state}, and {after.name} came next"
