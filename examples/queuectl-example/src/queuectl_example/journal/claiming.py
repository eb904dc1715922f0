"""Claiming: which jobs a worker gets, and when there will be more."""

from __future__ import annotations

from collections import Counter

from queuectl import Ask, Claim, Lease, State, Worker

from queuectl_example.journal.store import Entry, Holding, Store
from queuectl_example.journal.transaction import Transaction

_WAITING = frozenset({State.PENDING, State.FAILED})


def claim(tx: Transaction, worker: str, ask: Ask) -> list[Claim]:
    """Give a worker what it asks for: higher priority first, then enqueue order. Nothing to one that is unknown."""
    claimant = tx.store.workers.get(worker)
    if claimant is None:
        return []
    _wait_anew(tx, ask)
    room = _Room(tx.store)
    due = [entry for entry in _waiting(tx.store, ask) if entry.due_at <= tx.now]
    claims: list[Claim] = []
    for entry in sorted(due, key=lambda entry: (-entry.job.priority, entry.order)):
        if len(claims) >= ask.limit:
            break
        if room.take(entry):
            claims.append(_grant(tx, entry, claimant))
    return claims


def next_due(tx: Transaction, ask: Ask) -> float | None:
    """Return in how many seconds the next of the jobs that wait for a time becomes claimable."""
    _wait_anew(tx, ask)
    return min((entry.due_at - tx.now for entry in _waiting(tx.store, ask) if entry.due_at > tx.now), default=None)


def _wait_anew(tx: Transaction, ask: Ask) -> None:
    """Let waits begin now that began later than now: the clock was set back, and nobody is to sleep for a day."""
    for entry in _waiting(tx.store, ask):
        if entry.since is not None and entry.since > tx.now:
            due_at = entry.due_at - entry.since + tx.now
            shown = "next_retry_at" if entry.job.state is State.FAILED else "run_at"
            changes = {shown: due_at} if due_at > tx.now else {}
            tx.update(entry, changes, due_at=due_at, since=tx.now)


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


def _waiting(store: Store, ask: Ask) -> list[Entry]:
    paused = {queue.name for queue in store.queues.values() if queue.paused}
    return [
        entry
        for entry in store.jobs.values()
        if entry.job.state in _WAITING
        and not entry.job.held
        and entry.job.queue not in paused
        and (ask.queues is None or entry.job.queue in ask.queues)
    ]


def _grant(tx: Transaction, entry: Entry, worker: Worker) -> Claim:
    """Give a job to a worker, under a token that no lease ever had."""
    lease = Lease(entry.job.id, tx.store.next("leases"), worker.id)
    holding = Holding(lease=lease, origin=lease, runner=worker, before=entry.job, due_at=entry.due_at)
    changes = {"state": State.PROCESSING, "worker": worker.id, "lease": lease.token}
    cleared = dict.fromkeys(("next_retry_at", "started_at", "finished_at"))
    tx.update(entry, changes | cleared, holding=holding)
    return claim_of(tx.store.jobs[entry.job.id], holding)


class _Room:
    """How many more jobs may run in each queue, and for each limit key of a queue."""

    def __init__(self, store: Store) -> None:
        self._queues = store.queues
        running = [entry.job for entry in store.jobs.values() if entry.holding]
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
