"""What one writing transaction gathers: counts that moved, events that happened, and whom to wake after it."""

from __future__ import annotations

from collections import defaultdict
from enum import IntEnum

import apsw

from queuectl import Job
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import COMPLETED
from queuectl_sqlite.rows import job_of, snapshot


class Wake(IntEnum):
    """Whom a commit concerns."""

    NOBODY = 0
    CLIENTS = 1
    """Something ended: those who wait for news, not for work."""
    ALL = 2
    """Something may be claimable, now or at a new time, or a worker was asked something."""


class Transaction:
    """A transaction that is open: statements go through `db`, and the rest is told by the methods."""

    __slots__ = ("_moved", "db", "now", "wake", "wanted")

    def __init__(self, db: apsw.Connection, now: float, wanted: frozenset[str]) -> None:
        self.db = db
        self.now = now
        self.wanted = wanted
        self.wake = Wake.NOBODY
        self._moved: dict[tuple[int, int], int] = defaultdict(int)

    def concerns(self, wake: Wake) -> None:
        """Have at least these woken after the commit."""
        self.wake = max(self.wake, wake)

    def arrived(self, queue: int, state: int, jobs: int = 1) -> None:
        """Count jobs that are now in a state of a queue."""
        self._moved[queue, state] += jobs

    def left(self, queue: int, state: int, jobs: int = 1) -> None:
        """Count jobs that are no longer in a state of a queue."""
        self._moved[queue, state] -= jobs

    def jobs(self, queue: int, state: int) -> int:
        """Return how many jobs are in a state of a queue, by the kept count and what has moved since."""
        return (self.db.execute(sql.COUNT, (queue, state)).get or 0) + self._moved.get((queue, state), 0)

    def unpark(self, queue: int, limit_key: str | None) -> None:
        """Let the next job of a limit key be claimable, since one that was ready or running left."""
        if limit_key is not None:
            self.db.execute(sql.UNPARK, (queue, limit_key))
            if self.db.changes():
                self.wake = Wake.ALL

    def announce(
        self,
        name: str,
        job: Job | None = None,
        *,
        attempt: int | None = None,
        worker: str | None = None,
        queue: str | None = None,
    ) -> None:
        """Write an event, if somebody wants it."""
        if name in self.wanted:
            text = None if job is None else snapshot(job)
            place = queue if job is None else job.queue
            self.db.execute(sql.ADD_EVENT, (name, self.now, text, attempt, worker, place))

    def job(self, seq: int) -> Job:
        """Return a job as it is now in this transaction."""
        row = self.db.execute(sql.JOB_AT, (seq,)).get
        if row is None:
            raise apsw.CorruptError(f"a part of job number {seq} is missing")
        return job_of(row)

    def finish(self) -> None:
        """Write the counts; to be called last."""
        moved = [(queue, state, jobs) for (queue, state), jobs in self._moved.items() if jobs]
        if not moved:
            return
        self.db.executemany(sql.ADD_TO_COUNT, moved)
        live: dict[int, int] = defaultdict(int)
        for queue, state, jobs in moved:
            if state < COMPLETED:
                live[queue] += jobs
        for queue, jobs in live.items():
            if jobs < 0 and not self.db.execute(sql.LIVE_IN_QUEUE, (queue,)).get:
                self._drained(queue)

    def _drained(self, queue: int) -> None:
        self.concerns(Wake.ALL)  # workers that drain wait for just this
        if "queue.drained" in self.wanted:
            self.announce("queue.drained", queue=self.db.execute(sql.QUEUE_NAME, (queue,)).get)
