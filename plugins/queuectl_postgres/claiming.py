"""Claiming: the best of what is claimable now, over several queues, within their limits."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from queuectl import Ask, Claim, Lease
from queuectl_postgres import statements as sql
from queuectl_postgres.codes import PROCESSING
from queuectl_postgres.link import Answer, Link
from queuectl_postgres.rows import (
    BEFORE,
    ID,
    LEASE,
    LIMIT_KEY,
    PRIORITY,
    QUEUE,
    RUNS,
    SEQ,
    STATE,
    UPDATED_AT,
    WORKER,
    job_of,
)
from queuectl_postgres.transaction import Transaction, Wake

PROMOTED_AT_ONCE = 2000
"""How many due jobs of a queue become ready in one transaction; the next one goes on."""

PARKED_AT_ONCE = 1000
"""How many jobs of a queue are put aside in one transaction because their limit key is used up."""

LOOKED_AHEAD = 100
"""How many more jobs than needed are read where a limit key may be used up."""


class Head(NamedTuple):
    """What HEADS tells of a queue: its best ready job, and what waits there for its time."""

    queue: int
    max_jobs: int | None
    max_key: int | None
    priority: int | None
    seq: int | None
    due_at: float | None
    later_at: float | None
    is_ahead: bool

    @property
    def is_due(self) -> bool:
        """Whether something became due, or began to wait later than now."""
        return self.due_at is not None or self.is_ahead


class AtOnce(NamedTuple):
    """What CLAIM_AT_ONCE tells: what time it is, whether the worker is registered, and what was found and leased.

    Where there is no queue at all the first two are not told.
    """

    at: float
    is_known: bool
    heads: list[Head]
    claims: list[Claim]


_FIRST = 2
_JOB = _FIRST + len(Head._fields)
"""Where the columns of a head and of a job begin in its rows."""


def ask_heads(link: Link, ask: Ask, now: float | None) -> Answer:
    """Ask for the queues of an `ask` that are not paused, at `now` or by the server's clock."""
    names = None if ask.queues is None else list(ask.queues)
    return link.ask(sql.HEADS, {"now": now, "queues": names})


def heads_in(answer: Answer) -> list[Head]:
    """Return what was asked for."""
    return [Head._make(row) for row in answer.fetchall()]


def ask_at_once(link: Link, worker: str, ask: Ask, now: float | None) -> Answer:
    """Ask for the same, and for all of a claim where nothing is to be decided: in one queue without limits."""
    names = None if ask.queues is None else list(ask.queues)
    return link.ask(sql.CLAIM_AT_ONCE, {"now": now, "queues": names, "limit": ask.limit, "worker": worker})


def at_once_in(answer: Answer, worker: str) -> AtOnce:
    """Return what was asked for; in its rows each head stands beside each job that was leased in its queue."""
    rows = answer.fetchall()
    heads = [Head._make(row) for row in dict.fromkeys(row[_FIRST:_JOB] for row in rows)]
    claims = [_leased(row[_JOB:], worker) for row in rows if row[_JOB] is not None]
    at, is_known = rows[0][:_FIRST] if rows else (0.0, False)
    return AtOnce(at, is_known, heads, claims)


def heads(link: Link, ask: Ask, now: float) -> list[Head]:
    """Return the asked queues that are not paused."""
    return heads_in(ask_heads(link, ask, now))


def next_due(found: Sequence[Head], now: float) -> float | None:
    """Return in how many seconds more becomes due; at once, where what waits must first begin anew."""
    if any(head.is_ahead for head in found):
        return 0.0
    return min((head.later_at - now for head in found if head.later_at is not None), default=None)


def is_anything_claimable(link: Link, found: Sequence[Head]) -> bool:
    """Return whether something became due, or is ready in a queue that has room for one more."""
    return any(head.is_due for head in found) or any(
        head.max_jobs is None or head.max_jobs > link.value(sql.COUNT, (head.queue, PROCESSING))
        for head in found
        if head.seq is not None
    )


def claim(tx: Transaction, worker: str, ask: Ask, found: Sequence[Head]) -> tuple[list[Claim], float | None]:
    """Lease the best claimable jobs to a worker; also return in how many seconds there may be more.

    The worker must be registered, and its row locked; `found` are the heads as they are now.
    """
    due = next_due(found, tx.now)
    if any(head.is_due for head in found):
        there_is_more = _promote(tx, found)
        found = heads(tx.link, ask, tx.now)
        # Anew: what was due a moment later than this transaction began was none that is due later.
        due = 0.0 if there_is_more else next_due(found, tx.now)
    ready = [head for head in found if head.seq is not None]
    claims, has_more = (_of_one if _is_simple(ready) else _of_several)(tx, worker, ready, ask.limit)
    return claims, 0.0 if has_more and len(claims) < ask.limit else due


def _is_simple(ready: Sequence[Head]) -> bool:
    return len(ready) == 1 and ready[0].max_jobs is None and ready[0].max_key is None


def _of_one(tx: Transaction, worker: str, ready: Sequence[Head], limit: int) -> tuple[list[Claim], bool]:
    """Lease the best of a queue without limits; also return whether there may be more that was not reached."""
    (head,) = ready
    place = {"queue": head.queue, "limit": limit, "worker": worker, "now": tx.now}
    rows = tx.link.rows(sql.CLAIM_BEST, place)
    for row in rows:
        tx.leased(row[QUEUE], row[BEFORE])
    return [_leased(row, worker) for row in rows], all(row[SEQ] != head.seq for row in rows)


def _of_several(tx: Transaction, worker: str, ready: Sequence[Head], limit: int) -> tuple[list[Claim], bool]:
    """Do the same over several queues, or within limits."""
    lanes = _lanes(tx, ready, limit)
    rows = _best(lanes, limit)
    return _lease(tx, worker, rows), any(lane.has_more for lane in lanes)


def _promote(tx: Transaction, found: Sequence[Head]) -> bool:
    """Make ready what became due; return whether there may be more."""
    more = False
    for head in found:
        place = {"queue": head.queue, "now": tx.now, "limit": PROMOTED_AT_ONCE}
        if head.is_ahead and wait_anew(tx, head.queue):
            more = True
        if head.is_due and tx.link.run(sql.PROMOTE, place) == PROMOTED_AT_ONCE:
            more = True
    return more


def wait_anew(tx: Transaction, queue: int) -> bool:
    """Let waits begin now that began later than now: the clock was set back, and none is to last longer for that."""
    began = tx.link.value(sql.WAIT_ANEW, {"queue": queue, "now": tx.now, "limit": PROMOTED_AT_ONCE})
    if began:
        tx.concerns(Wake.ALL)
    return bool(began)


def _lanes(tx: Transaction, ready: Sequence[Head], limit: int) -> list[_Lane]:
    """Return a lane for each queue, after locking those that have limits: nobody else may use their room meanwhile."""
    limited = [head.queue for head in ready if head.max_jobs is not None or head.max_key is not None]
    limits = {row[0]: row[1:] for row in tx.link.rows(sql.LIMITS, (limited,))} if limited else {}
    return [_Lane(tx, head, limit, *limits.get(head.queue, (None, None))) for head in ready]


def _best(lanes: Sequence[_Lane], limit: int) -> list[tuple[Any, ...]]:
    """Take the best jobs of all lanes; of a lane that has none of them, no job is read."""
    heap = [(lane.rank, number) for number, lane in enumerate(lanes)]
    heapq.heapify(heap)
    taken: list[tuple[Any, ...]] = []
    while heap and len(taken) < limit:
        rank, number = heap[0]
        lane = lanes[number]
        if lane.first is None:
            lane.first = next(lane.rows, None)
        if lane.first is None:
            heapq.heappop(heap)
        elif (real := _rank(lane.first)) != rank:  # another job of its lane has been taken, or had to be passed over
            heapq.heapreplace(heap, (real, number))
        else:
            taken.append(lane.first)
            lane.first = None
    return taken


@dataclass(slots=True)
class _Lane:
    """The claimable jobs of one queue, read and locked when the first of them is wanted."""

    tx: Transaction
    head: Head
    limit: int
    max_jobs: int | None
    max_key: int | None
    first: tuple[Any, ...] | None = None
    has_more: bool = False
    """Whether there may be claimable jobs that were not reached: somebody else is just claiming, or many were put
    aside."""
    rows: Iterator[tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = self._claimable()

    @property
    def rank(self) -> tuple[int, int]:
        """Where its best job stands, as far as is known."""
        assert self.head.priority is not None
        assert self.head.seq is not None
        return -self.head.priority, self.head.seq

    def _claimable(self) -> Iterator[tuple[Any, ...]]:
        """Yield what may be claimed, best first."""
        room = self.limit
        if self.max_jobs is not None:
            room = min(room, self.max_jobs - self.tx.jobs(self.head.queue, PROCESSING))
        if room <= 0:
            return
        if self.max_key is not None:
            yield from self._within_keys(room, self.max_key)
            return
        rows = self._read(room, [])
        # The head was there a moment ago: where somebody else has it, there may be more behind what that one takes.
        self.has_more = all(row[SEQ] != self.head.seq for row in rows)
        yield from rows

    def _read(self, limit: int, passed: list[int]) -> list[tuple[Any, ...]]:
        return self.tx.link.rows(sql.CLAIMABLE, {"queue": self.head.queue, "limit": limit, "passed": passed})

    def _within_keys(self, room: int, max_key: int) -> Iterator[tuple[Any, ...]]:
        """Yield what may be claimed within the limit for each key, and put aside what stands before it but may not."""
        running: dict[str, int] = {}
        seen: list[int] = []
        parked = 0
        while room > 0 and parked < PARKED_AT_ONCE:
            rows = self._read(room + LOOKED_AHEAD, seen)
            if not rows:
                return
            self._count_running(running, rows)
            within, over = _divided(rows, running, max_key, room)
            seen += [row[SEQ] for row in within]
            room -= len(within)
            if over:
                self.tx.link.run(sql.PARK, (over,))
                parked += len(over)
            yield from within
        self.has_more = parked >= PARKED_AT_ONCE

    def _count_running(self, running: dict[str, int], rows: Sequence[tuple[Any, ...]]) -> None:
        unknown = {row[LIMIT_KEY] for row in rows} - running.keys() - {None}
        if unknown:
            running |= dict.fromkeys(unknown, 0)
            running |= dict(self.tx.link.rows(sql.RUNNING_OF_KEYS, (self.head.queue, sorted(unknown))))


def _divided(
    rows: Sequence[tuple[Any, ...]], running: dict[str, int], max_key: int, room: int
) -> tuple[list[tuple[Any, ...]], list[int]]:
    """Return the jobs that may be claimed, at most `room`, and the places of those before them whose key is used up."""
    within: list[tuple[Any, ...]] = []
    over: list[int] = []
    for row in rows:
        key = row[LIMIT_KEY]
        if key is not None and running[key] >= max_key:
            over.append(row[SEQ])
            continue
        if len(within) == room:
            break
        if key is not None:
            running[key] += 1
        within.append(row)
    return within, over


def _rank(row: tuple[Any, ...]) -> tuple[int, int]:
    return -row[PRIORITY], row[SEQ]


def _lease(tx: Transaction, worker: str, rows: Sequence[tuple[Any, ...]]) -> list[Claim]:
    if not rows:
        return []
    place = {"worker": worker, "now": tx.now, "seqs": [row[SEQ] for row in rows]}
    tokens = dict(tx.link.rows(sql.CLAIM, place))
    claims = []
    for row in rows:
        tx.leased(row[QUEUE], row[STATE])
        lease = Lease(row[ID], tokens[row[SEQ]], worker)
        after = list(row)
        after[STATE], after[UPDATED_AT], after[WORKER], after[LEASE] = PROCESSING, tx.now, worker, lease.token
        claims.append(_claim(after, lease))
    return claims


def _leased(row: Sequence[Any], worker: str) -> Claim:
    """Return the claim to a job whose row says so already."""
    return _claim(row, Lease(row[ID], row[LEASE], worker))


def _claim(row: Sequence[Any], lease: Lease) -> Claim:
    return Claim(job=job_of(row), lease=lease, number=row[RUNS] + 1, origin=lease)
