"""Claiming: which jobs a worker gets, and when there will be more."""

from __future__ import annotations

from collections import Counter

from queuectl.model.job import State
from queuectl.model.lease import Ask, Claim, Lease
from queuectl.model.worker import Worker
from queuectl.testing.memory.store import Entry, Holding, MemoryStore, Transaction

_WAITING = frozenset({State.PENDING, State.FAILED})


def claim(tx: Transaction, worker: str, ask: Ask) -> list[Claim]:
    """Give a worker what it asks for, in claim order: higher priority first, then enqueue order."""
    claimant = tx.store.workers.get(worker)
    if claimant is None or ask.limit <= 0:
        return []
    _wait_anew(tx, ask)
    room = _Room(tx.store)
    due = [entry for entry in _waiting(tx.store, ask) if entry.due_at <= tx.now]
    claims: list[Claim] = []
    for entry in sorted(due, key=lambda entry: (-entry.job.priority, entry.order)):
        if len(claims) == ask.limit:
            break
        if room.take(entry):
            claims.append(_grant(tx, entry, claimant))
    return claims


def next_due(tx: Transaction, ask: Ask) -> float | None:
    """Return in how many seconds the next of the jobs that wait for a time becomes claimable."""
    _wait_anew(tx, ask)
    return min((entry.due_at - tx.now for entry in _waiting(tx.store, ask) if entry.due_at > tx.now), default=None)


def _wait_anew(tx: Transaction, ask: Ask) -> None:
    """Let waits begin now that began later than now: the clock was set back, and none is to last longer for that."""
    for entry in _waiting(tx.store, ask):
        if entry.since is None or entry.since <= tx.now:
            continue
        wait, entry.since = entry.due_at - entry.since, tx.now
        entry.due_at = tx.now + wait
        if entry.job.state is State.FAILED:
            tx.update(entry, next_retry_at=entry.due_at)
        elif wait:
            tx.update(entry, run_at=entry.due_at)


def claim_of(entry: Entry, holding: Holding) -> Claim:
    """Tell the holder of a job all that it needs to run it, or to find out how far a run came."""
    return Claim(
        job=entry.job,
        lease=holding.lease,
        number=entry.job.runs + 1,
        origin=holding.origin,
        recorded=holding.recorded,
        handle=holding.handle,
    )


def _waiting(store: MemoryStore, ask: Ask) -> list[Entry]:
    paused = {queue.name for queue in store.queues.values() if queue.paused}
    return [
        entry
        for entry in store.entries.values()
        if entry.job.state in _WAITING
        and not entry.job.held
        and entry.job.queue not in paused
        and (ask.queues is None or entry.job.queue in ask.queues)
    ]


def _grant(tx: Transaction, entry: Entry, worker: Worker) -> Claim:
    lease = Lease(entry.job.id, tx.next_token(), worker.id)
    entry.holding = Holding(lease=lease, origin=lease, runner=worker, before=entry.job, due_at=entry.due_at)
    tx.update(
        entry,
        state=State.PROCESSING,
        worker=worker.id,
        lease=lease.token,
        next_retry_at=None,
        started_at=None,
        finished_at=None,
    )
    return claim_of(entry, entry.holding)


class _Room:
    """How many more jobs may run in each queue, and for each limit key of a queue."""

    def __init__(self, store: MemoryStore) -> None:
        self._queues = store.queues
        running = [entry.job for entry in store.entries.values() if entry.holding]
        self._running = Counter(job.queue for job in running)
        self._running_keys = Counter((job.queue, job.limit_key) for job in running)

    def take(self, entry: Entry) -> bool:
        """Use the room for one more job, if there is any."""
        job = entry.job
        queue, key = self._queues[job.queue], (job.queue, job.limit_key)
        if queue.limit is not None and self._running[job.queue] >= queue.limit:
            return False
        if queue.key_limit is not None and job.limit_key is not None and self._running_keys[key] >= queue.key_limit:
            return False
        self._running[job.queue] += 1
        self._running_keys[key] += 1
        return True
