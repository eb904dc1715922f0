"""The backlog of a storage that cannot tell it by itself: which of the jobs that could run has waited longest."""

from __future__ import annotations

import time

from queuectl.engine.queue import Queue
from queuectl.model.job import Job, State
from queuectl.model.query import Backlog, Query

_WAITING = Query(states=frozenset({State.PENDING, State.FAILED}))


def backlog(queue: Queue) -> Backlog | None:
    """Look at all jobs that wait, page by page, for the one that waits longest."""
    now = time.time()
    found: Backlog | None = None
    for job in queue.iterate(
        _WAITING
    ):  # the newest first: of those that wait for as long, the last is the first to run
        since = _due_at(job)
        if not job.held and since <= (now if found is None else found.since):
            found = Backlog(oldest=job, since=since)
    return found


def _due_at(job: Job) -> float:
    """Return since when a job could run."""
    if job.state is State.FAILED:
        return job.next_retry_at or job.updated_at
    return max(job.created_at, job.run_at or 0.0)
