"""What one writing transaction gathers: counts that moved, events that happened, and whom to wake with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from queuectl import Job
from queuectl_postgres import statements as sql
from queuectl_postgres.arrays import arrays
from queuectl_postgres.codes import ARRIVED, COMPLETED, PROCESSING
from queuectl_postgres.link import Answer, Link
from queuectl_postgres.rows import SEQ, job_of, snapshot


class Wake(IntEnum):
    """Whom a commit concerns."""

    NOBODY = 0
    CLIENTS = 1
    """Something ended: those who wait for news, not for work."""
    ALL = 2
    """Something may be claimable, now or at a new time, or a worker was asked something."""


@dataclass(slots=True)
class Transaction:
    """A transaction that is open: statements go through `link`, and the rest is told by the methods.

    `lock` is the number that the advisory locks of this schema begin with.
    """

    link: Link
    now: float
    wanted: frozenset[str]
    lock: int
    wake: Wake = Wake.NOBODY
    _moved: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    _leased: set[int] = field(default_factory=set)
    _events: list[tuple[str, str | None, int | None, str | None, str | None]] = field(default_factory=list)

    def concerns(self, wake: Wake) -> None:
        """Have at least these woken by the commit."""
        self.wake = max(self.wake, wake)

    def arrived(self, queue: int, state: int, jobs: int = 1) -> None:
        """Count jobs that are now in a state of a queue."""
        self._moved[queue, state] += jobs

    def left(self, queue: int, state: int, jobs: int = 1) -> None:
        """Count jobs that are no longer in a state of a queue."""
        self._moved[queue, state] -= jobs

    def leased(self, queue: int, state: int) -> None:
        """Count a job that is leased now."""
        self.left(queue, state)
        self.arrived(queue, PROCESSING)
        self._leased.add(queue)

    def jobs(self, queue: int, state: int) -> int:
        """Return how many jobs are in a state of a queue, by the kept count and what has moved since."""
        kept: int = self.link.value(sql.COUNT, (queue, state))
        return kept + self._moved.get((queue, state), 0)

    def unpark(self, keys: Collection[tuple[int, str]]) -> None:
        """Let the next job of each limit key be claimable, since one that was ready or running left.

        Under the lock of its queue: so nobody puts a job aside at this moment, for the sake of the one that leaves.
        """
        if not keys:
            return
        self.link.run(sql.ALL_LIMITS)
        for queue, key in sorted(keys):
            if self.link.run(sql.UNPARK, (queue, key)):
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
        """Have an event written, if somebody wants it."""
        if name in self.wanted:
            place = queue if job is None else job.queue
            self._events.append((name, None if job is None else snapshot(job), attempt, worker, place))

    def jobs_at(self, seqs: Sequence[int]) -> dict[int, Job]:
        """Return jobs as they are now in this transaction, by their places."""
        return {row[SEQ]: job_of(row) for row in self.link.rows(sql.JOBS_AT, (list(seqs),))}

    def drained(self, queue: int) -> None:
        """Tell that a queue has no live job left, if that is so, was not told yet, and nobody is just bringing one."""
        if not self.link.value(sql.DRAINING, (self.lock, queue)):
            return
        name = self.link.value(sql.DRAINED, {"queue": queue})
        if name is not None:
            self.concerns(Wake.ALL)  # workers that drain wait for just this
            self.announce("queue.drained", queue=name)

    def write_counts(self) -> None:
        """Write what was counted; to be called when nothing moves any more."""
        come = {queue: jobs for queue, jobs in self._gained().items() if jobs > 0}
        if come:
            self.link.ask(sql.ARRIVING, (self.lock, list(come)))
        moved = sorted((*place, jobs) for place, jobs in self._moved.items() if jobs)
        moved += [(queue, ARRIVED, jobs) for queue, jobs in come.items()]
        if moved:
            self.link.ask(sql.ADD_TO_COUNT, arrays(moved))

    def ask_what_is_left(self) -> Mapping[int, Answer]:
        """Ask, after the counts were written, how many live jobs are left in each queue that lost some.

        Where this very transaction leased one there is at least that.
        """
        lost = sorted(queue for queue, jobs in self._gained().items() if jobs < 0)
        return {queue: self.link.ask(sql.LIVE_IN_QUEUE, (queue,)) for queue in lost if queue not in self._leased}

    def tell_of_the_drained(self, left: Mapping[int, Answer]) -> None:
        """Tell of the queues in which no live job is left."""
        for queue, answer in left.items():
            if not answer.fetchall()[0][0]:
                self.drained(queue)

    def write_events(self) -> None:
        """Write the events; to be called last."""
        if self._events:
            self.link.ask(sql.ADD_EVENTS, (self.now, *map(list, zip(*self._events, strict=True))))

    def _gained(self) -> Mapping[int, int]:
        """Return how many live jobs more each queue has."""
        live: dict[int, int] = defaultdict(int)
        for (queue, state), jobs in self._moved.items():
            if state < COMPLETED:
                live[queue] += jobs
        return live
