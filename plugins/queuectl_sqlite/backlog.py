"""The backlog: which of the jobs that could run has waited longest.

No index has the jobs that are ready by when they became so: it would be written for every job. But in each lane, that
is a queue and a priority, they are in enqueue order, and none waits for longer than it is stored. So as a rule the
first few of a lane tell; only after a great many were retried together must a lane be walked to its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from queuectl import Backlog
from queuectl_sqlite import statements as sql
from queuectl_sqlite.rows import job_of

LOOKED_AT = 200
"""How many jobs of a lane are looked at one by one."""

Place = tuple[float, int]
"""Since when a job waits, and its `seq`."""


def backlog(db: apsw.Connection, now: float) -> Backlog | None:
    """Return the job that could run and has waited longest."""
    rows: list[Any] = db.execute(QUEUES).fetchall()
    queues = [queue for (queue,) in rows]
    found: list[Any] = db.execute(FIRST_PARKED).fetchall()
    for queue in queues:
        found += db.execute(FIRST_DUE, {"queue": queue, "now": now}).fetchall()
    best: Place | None = min(found, default=None)
    for queue, priority in _lanes(db, queues):
        best = _before(db, queue, priority, best)
    if best is None:
        return None
    since, seq = best
    return Backlog(oldest=job_of(db.execute(sql.JOB_AT, (seq,)).get), since=since)


def _lanes(db: apsw.Connection, queues: Sequence[int]) -> Iterator[tuple[int, int]]:
    for queue in queues:
        priority = db.execute(HIGHEST, (queue,)).get
        while priority is not None:
            yield queue, priority
            priority = db.execute(NEXT_LOWER, (queue, priority)).get


def _before(db: apsw.Connection, queue: int, priority: int, best: Place | None) -> Place | None:
    """Return the place in a lane that is before the best one so far, else that one."""
    rows: list[Any] = db.execute(READY_IN_LANE, (queue, priority, LOOKED_AT)).fetchall()
    for since, created_at, seq in rows:
        if best is not None and created_at >= best[0]:
            return best
        best = (since, seq) if best is None else min(best, (since, seq))
    if best is None or len(rows) < LOOKED_AT:
        return best
    least: Place = db.execute(FIRST_IN_LANE, (queue, priority)).get
    return min(best, least)


QUEUES = "SELECT id FROM queue"

FIRST_DUE = "SELECT at, seq FROM job WHERE phase = 1 AND queue = :queue AND at <= :now ORDER BY at, seq LIMIT 1"

FIRST_PARKED = """
    SELECT max(at, created_at) AS since, seq FROM job WHERE phase = 5 ORDER BY since, seq LIMIT 1
"""

HIGHEST = "SELECT max(priority) FROM job WHERE phase = 0 AND queue = ?"

NEXT_LOWER = "SELECT max(priority) FROM job WHERE phase = 0 AND queue = ? AND priority < ?"

READY_IN_LANE = """
    SELECT max(at, created_at), created_at, seq FROM job
    WHERE phase = 0 AND queue = ? AND priority = ? ORDER BY seq LIMIT ?
"""

FIRST_IN_LANE = """
    SELECT max(at, created_at) AS since, seq FROM job
    WHERE phase = 0 AND queue = ? AND priority = ? ORDER BY since, seq LIMIT 1
"""
