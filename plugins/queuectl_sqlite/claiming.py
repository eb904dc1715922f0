"""Claiming: the best of what is claimable now, over several queues, within their limits."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import apsw

from queuectl import Ask, Claim, Lease
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import PROCESSING
from queuectl_sqlite.rows import LEASE, LIMIT_KEY, PRIORITY, QUEUE, RUNS, SEQ, STATE, UPDATED_AT, WORKER, job_of
from queuectl_sqlite.transaction import Transaction, Wake

PROMOTED_AT_ONCE = 2000
"""How many due jobs of a queue become ready in one transaction; the next one goes on."""

PARKED_AT_ONCE = 1000
"""How many jobs of a queue are put aside in one transaction because their limit key is used up."""


def ready_queues(db: apsw.Connection, ask: Ask) -> list[Any]:
    """Return (number, limit, limit per key, priority, seq) of each asked queue that may run its best ready job."""
    if ask.queues is None:
        return _rows(db, sql.READY_QUEUES, ())
    return [row for name in dict.fromkeys(ask.queues) for row in _rows(db, sql.READY_IN_QUEUE, (name,))]


def is_anything_ready(db: apsw.Connection, ask: Ask) -> bool:
    """Return whether an asked queue has ready jobs and room for one more."""
    return any(
        max_jobs is None or max_jobs > (db.execute(sql.COUNT, (queue, PROCESSING)).get or 0)
        for queue, max_jobs, *_ in ready_queues(db, ask)
    )


def due_queues(db: apsw.Connection, ask: Ask, now: float) -> tuple[list[int], float | None]:
    """Return the asked queues in which something became due, and in how many seconds more will.

    Also those in which something began to wait later than now, with 0 seconds: it is to `wait_anew`.
    """
    if ask.queues is None:
        found = _rows(db, sql.DUE_QUEUES, (now,))
    else:
        found = [row for name in dict.fromkeys(ask.queues) for row in _rows(db, sql.DUE_IN_QUEUE, (now, name))]
    due = [queue for queue, first, _, ahead in found if first is not None or ahead]
    if any(ahead for *_, ahead in found):
        return due, 0.0
    return due, min((later - now for _, _, later, _ in found if later is not None), default=None)


def claim(tx: Transaction, worker: str, ask: Ask) -> tuple[list[Claim], float | None]:
    """Lease the best claimable jobs to a worker; also return in how many seconds there may be more."""
    due, next_due = due_queues(tx.db, ask, tx.now)
    if ask.limit <= 0 or not tx.db.execute(sql.WORKER, (worker,)).get:
        return [], next_due
    for queue in due:
        wait_anew(tx, queue)
        tx.db.execute(sql.PROMOTE, {"queue": queue, "now": tx.now, "limit": PROMOTED_AT_ONCE})
        if tx.db.changes() == PROMOTED_AT_ONCE:
            next_due = 0.0
    lanes = [_Lane(tx, *row) for row in ready_queues(tx.db, ask)]
    rows = _best(lanes, ask.limit)
    for lane in lanes:
        lane.finish()
        if lane.crowded:
            next_due = 0.0
    return _lease(tx, worker, rows), next_due


def wait_anew(tx: Transaction, queue: int) -> None:
    """Let waits begin now that began later than now: the clock was set back, and none is to last longer for that."""
    place = {"queue": queue, "now": tx.now, "limit": PROMOTED_AT_ONCE}
    waiting: list[Any] = tx.db.execute(sql.WAITING_AHEAD, place).fetchall()
    if waiting:
        tx.db.executemany(sql.WAIT_ANEW, [{"now": tx.now, "seq": seq} for (seq,) in waiting])
        tx.db.executemany(sql.RUN_AT_ANEW, waiting)
        tx.concerns(Wake.ALL)


def _best(lanes: list[_Lane], limit: int) -> list[Any]:
    """Take the best jobs of all lanes; of a lane that has none of them, no job is read."""
    if len(lanes) == 1:
        return list(islice(lanes[0].rows, limit))
    heap = [((-lane.priority, lane.seq), lane) for lane in lanes]
    heapq.heapify(heap)
    taken: list[Any] = []
    while heap and len(taken) < limit:
        rank, lane = heap[0]
        if lane.first is None:
            lane.first = next(lane.rows, None)
        if lane.first is None:
            heapq.heappop(heap)
        elif (real := _rank(lane.first)) != rank:  # another job of its lane has been taken, or had to be passed over
            heapq.heapreplace(heap, (real, lane))
        else:
            taken.append(lane.first)
            lane.first = None
    return taken


@dataclass(slots=True)
class _Lane:
    """The claimable jobs of one queue; `priority` and `seq` are those of the best that is ready."""

    tx: Transaction
    queue: int
    max_jobs: int | None
    max_key: int | None
    priority: int
    seq: int
    first: Any = None
    rows: Iterator[Any] = field(init=False)
    parked: list[tuple[int]] = field(default_factory=list)
    cursor: apsw.Cursor | None = None

    def __post_init__(self) -> None:
        self.rows = self._claimable()

    @property
    def crowded(self) -> bool:
        """Whether so many jobs had to be put aside that there may be claimable ones behind them."""
        return len(self.parked) >= PARKED_AT_ONCE

    def _claimable(self) -> Iterator[Any]:
        """Yield what may be claimed, best first."""
        self.cursor = self.tx.db.execute(sql.CLAIMABLE, (self.queue,))
        within_keys = self.cursor if self.max_key is None else self._within_keys(self.cursor, self.max_key)
        room = None if self.max_jobs is None else max(0, self.max_jobs - self.tx.jobs(self.queue, PROCESSING))
        yield from islice(within_keys, room)

    def finish(self) -> None:
        """Stop reading, and put aside what had to be passed over."""
        if self.cursor is not None:
            self.cursor.close()
        self.tx.db.executemany(sql.PARK, self.parked)

    def _within_keys(self, rows: Iterator[Any], max_key: int) -> Iterator[Any]:
        running: dict[str, int] = {}
        for row in rows:
            key = row[LIMIT_KEY]
            if key is None:
                yield row
                continue
            if key not in running:
                running[key] = self.tx.db.execute(sql.RUNNING_OF_KEY, (self.queue, key)).get
            if running[key] < max_key:
                yield row
                running[key] += 1  # only now: a row that was looked at but not taken does not count
            else:
                self.parked.append((row[SEQ],))
                if self.crowded:
                    return


def _rank(row: Any) -> tuple[int, int]:
    return -row[PRIORITY], row[SEQ]


def _rows(db: apsw.Connection, statement: str, values: tuple[object, ...]) -> list[Any]:
    found: list[Any] = db.execute(statement, values).fetchall()
    return found


def _lease(tx: Transaction, worker: str, rows: list[Any]) -> list[Claim]:
    if not rows:
        return []
    last = tx.db.execute(sql.NEXT_LEASES, {"wanted": len(rows)}).get
    tokens = range(last - len(rows) + 1, last + 1)
    now = tx.now
    tx.db.executemany(sql.CLAIM, [(token, worker, now, row[SEQ]) for token, row in zip(tokens, rows, strict=True)])
    for row in rows:
        tx.left(row[QUEUE], row[STATE])
        tx.arrived(row[QUEUE], PROCESSING)
    return [_claim(row, Lease(row[0], token, worker), now) for token, row in zip(tokens, rows, strict=True)]


def _claim(row: Any, lease: Lease, now: float) -> Claim:
    after = list(row)
    after[STATE], after[UPDATED_AT], after[WORKER], after[LEASE] = PROCESSING, now, lease.worker, lease.token
    return Claim(job=job_of(after), lease=lease, number=row[RUNS] + 1, origin=lease)
