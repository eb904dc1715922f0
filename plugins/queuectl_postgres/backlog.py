"""The backlog: which of the jobs that could run has waited longest.

No index has the jobs that are ready by when they became so: it would be written for every job. But in each lane, that
is a queue and a priority, they are in enqueue order, and none waits for longer than it is stored. So as a rule the
first few of a lane tell; only after a great many were retried together must a lane be walked to its end.
"""

from __future__ import annotations

from collections.abc import Iterator

from queuectl import Backlog
from queuectl_postgres import statements as sql
from queuectl_postgres.link import Link
from queuectl_postgres.rows import job_of

LOOKED_AT = 50
"""How many jobs of a lane are looked at one by one."""

Place = tuple[float, int]
"""Since when a job waits, and its `seq`."""


def backlog(link: Link, now: float) -> Backlog | None:
    """Return the job that could run and has waited longest."""
    best: Place | None = min(((since, seq) for since, seq in link.rows(DUE_OR_PARKED, {"now": now})), default=None)
    for queue, priority in _lanes(link):
        best = _before(link, queue, priority, best)
    if best is None:
        return None
    since, seq = best
    (row,) = link.rows(sql.JOBS_AT, ([seq],))
    return Backlog(oldest=job_of(row), since=since)


def _lanes(link: Link) -> Iterator[tuple[int, int]]:
    lanes = link.rows(HIGHEST)
    while lanes:
        yield from lanes
        queues, priorities = zip(*lanes, strict=True)
        lanes = link.rows(NEXT_LOWER, ([*queues], [*priorities]))


def _before(link: Link, queue: int, priority: int, best: Place | None) -> Place | None:
    """Return the place in a lane that is before the best one so far, else that one."""
    rows = link.rows(READY_IN_LANE, {"queue": queue, "priority": priority, "limit": LOOKED_AT})
    for since, created_at, seq in rows:
        if best is not None and created_at >= best[0]:
            return best
        best = (since, seq) if best is None else min(best, (since, seq))
    if best is None or len(rows) < LOOKED_AT:
        return best
    ((since, seq),) = link.rows(FIRST_IN_LANE, (queue, priority))
    return min(best, (since, seq))


DUE_OR_PARKED = """
    SELECT first.at, first.seq
    FROM queuectl.queue CROSS JOIN LATERAL (
        SELECT at, seq FROM queuectl.job
        WHERE phase = 1 AND job.queue = queue.id AND at <= %(now)s
        ORDER BY at LIMIT 1
    ) AS first
    UNION ALL
    (SELECT greatest(at, created_at) AS since, seq FROM queuectl.job WHERE phase = 5 ORDER BY since, seq LIMIT 1)
"""

HIGHEST = """
    SELECT queue.id, ready.priority
    FROM queuectl.queue CROSS JOIN LATERAL (
        SELECT priority FROM queuectl.job
        WHERE phase = 0 AND job.queue = queue.id
        ORDER BY priority DESC, seq LIMIT 1
    ) AS ready
"""

NEXT_LOWER = """
    SELECT lane.queue, ready.priority
    FROM unnest(%s::int[], %s::bigint[]) AS lane (queue, priority) CROSS JOIN LATERAL (
        SELECT priority FROM queuectl.job
        WHERE phase = 0 AND job.queue = lane.queue AND job.priority < lane.priority
        ORDER BY priority DESC, seq LIMIT 1
    ) AS ready
"""

READY_IN_LANE = """
    SELECT since, created_at, seq FROM (
        SELECT greatest(at, created_at) AS since, created_at, seq, priority FROM queuectl.job
        WHERE phase = 0 AND queue = %(queue)s AND priority <= %(priority)s
        ORDER BY priority DESC, seq LIMIT %(limit)s
    ) AS ready
    WHERE priority = %(priority)s
    ORDER BY seq
"""
"""What has a lower priority is read, and left out again: only so the server reads along the index of ready jobs."""

FIRST_IN_LANE = """
    SELECT greatest(at, created_at) AS since, seq FROM queuectl.job
    WHERE phase = 0 AND queue = %s AND priority = %s ORDER BY since, seq LIMIT 1
"""
