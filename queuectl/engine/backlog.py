"""The backlog: since when the job waits that could run and has waited longest."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice

from queuectl.engine.queue import Queue
from queuectl.model.job import Job, State
from queuectl.model.query import Query

LOOKED_AT = 1_000
"""How many of the newest waiting jobs are looked at: storages list the newest first."""

_WAITING = Query(states=frozenset({State.PENDING, State.FAILED}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The job that waits longest, and since when it could run, in Unix seconds; None where none waits.

    When it is not `whole` there are more jobs than were looked at: older ones may wait for longer.
    """

    oldest: Job | None = None
    since: float | None = None
    whole: bool = True


def backlog(queue: Queue) -> Backlog:
    """Look for the job that waits longest; one that is held, or not yet due, does not wait."""
    now = time.time()
    jobs = list(islice(queue.iterate(_WAITING), LOOKED_AT + 1))
    whole = len(jobs) <= LOOKED_AT
    due = [(since, job) for job in jobs[:LOOKED_AT] if not job.held and (since := _due_at(job)) <= now]
    if not due:
        return Backlog(whole=whole)
    since, oldest = min(due, key=lambda pair: pair[0])
    return Backlog(oldest=oldest, since=since, whole=whole)


def _due_at(job: Job) -> float:
    """Return since when a job could run."""
    if job.state is State.FAILED:
        return job.next_retry_at or job.updated_at
    return max(job.created_at, job.run_at or 0.0)
