"""What the memory holds, and the one way to change it: a transaction."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from queuectl.model.attempt import Attempt, Output
from queuectl.model.job import FINAL, LIVE, Job, State
from queuectl.model.lease import Lease
from queuectl.model.query import QueueState
from queuectl.model.worker import Worker
from queuectl.testing.memory.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Who may run a job now, and who was meant to run it before any take-over.

    `before` is the job as it was before the claim, `due_at` since when it could have been claimed.
    """

    lease: Lease
    origin: Lease
    runner: Worker
    before: Job
    due_at: float
    recorded: bool = False
    handle: str | None = None


@dataclass(slots=True)
class Entry:
    """A stored job with what people do not see of it. `holding` is set exactly while the job is processing.

    `since` is when its wait until `due_at` began, None where that moment was named.
    """

    order: int
    job: Job
    due_at: float
    since: float | None
    holding: Holding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """A run that was settled. `waited` is for how many seconds its job had been due when it started."""

    attempt: Attempt
    output: Output
    waited: float


@dataclass(slots=True)
class MemoryStore:
    """All that handles on the same memory share. `changed` is its lock, and wakes those who wait for a commit."""

    entries: dict[str, Entry] = field(default_factory=dict)
    runs: defaultdict[str, list[KeptRun]] = field(default_factory=lambda: defaultdict(list))
    queues: dict[str, QueueState] = field(default_factory=dict)
    counts: defaultdict[str, Counter[State]] = field(default_factory=lambda: defaultdict(Counter))
    workers: dict[str, Worker] = field(default_factory=dict)
    fires: set[tuple[str | None, float | None]] = field(default_factory=set)
    outbox: Outbox = field(default_factory=Outbox)
    last_order: int = 0
    last_token: int = 0
    commits: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def held_by(self, worker: str) -> list[tuple[Entry, Holding]]:
        """Return what a worker holds, in the order in which it was claimed."""
        held = [(entry, entry.holding) for entry in self.entries.values() if entry.holding]
        return sorted(((e, h) for e, h in held if h.lease.worker == worker), key=lambda pair: pair[1].lease.token)

    def holder_of_key(self, key: str) -> str | None:
        """Return the id of the live job that holds a unique key."""
        live = (entry.job for entry in self.entries.values() if entry.job.state in LIVE)
        return next((job.id for job in live if job.unique_key == key), None)

    def faults(self) -> list[str]:
        """Return where what is kept twice differs."""
        recount: defaultdict[str, Counter[State]] = defaultdict(Counter)
        for entry in self.entries.values():
            recount[entry.job.queue][entry.job.state] += 1
        queues = self.counts.keys() | recount.keys()
        return [
            f"queue {queue!r}: {dict(self.counts[queue])} kept, {dict(recount[queue])} counted"
            for queue in sorted(queues)
            if +self.counts[queue] != +recount[queue]
        ]


class Transaction:
    """Changes the store at one moment of its clock, and writes the events that somebody wants.

    The caller holds the store's lock, and checks all that could be refused before it changes anything: that is what
    makes a transaction whole or not at all.
    """

    def __init__(self, store: MemoryStore, now: float, wanted: frozenset[str]) -> None:
        self.store = store
        self.now = now
        self.wrote = False
        self._wanted = wanted
        self._emptied: dict[str, None] = {}

    def add(self, job: Job, due_at: float, since: float | None) -> None:
        """Store a new job, last in enqueue order."""
        self.wrote = True
        self.store.last_order += 1
        self.store.entries[job.id] = Entry(self.store.last_order, job, due_at, since)
        self.store.queues.setdefault(job.queue, QueueState(name=job.queue))
        self.store.counts[job.queue][job.state] += 1

    def update(self, entry: Entry, **changes: Any) -> Job:
        """Give a job new values, and return it."""
        self.wrote = True
        old, entry.job = entry.job, replace(entry.job, updated_at=self.now, **changes)
        counts = self.store.counts[old.queue]
        counts[old.state] -= 1
        counts[entry.job.state] += 1
        if old.state in LIVE and entry.job.state in FINAL:
            self._emptied[old.queue] = None
        return entry.job

    def remove(self, entry: Entry) -> list[str]:
        """Delete a job with its attempts, and return the paths of output that nobody refers to any more."""
        self.wrote = True
        del self.store.entries[entry.job.id]
        self.store.counts[entry.job.queue][entry.job.state] -= 1
        outputs = [run.output for run in self.store.runs.pop(entry.job.id, [])]
        return [path for output in outputs for path in (output.path, output.error_path) if path is not None]

    def next_token(self) -> int:
        """Return a lease token that no lease ever had."""
        self.wrote = True
        self.store.last_token += 1
        return self.store.last_token

    def keep_worker(self, worker: Worker) -> None:
        """Store a worker, new or changed."""
        self.wrote = True
        self.store.workers[worker.id] = worker

    def prove_alive(self, id: str) -> None:
        """Note that a worker is alive, unless it proved it within a sixth of its lease."""
        worker = self.store.workers.get(id)
        if worker is not None and abs(self.now - worker.beat_at) > worker.lease / 6:
            self.keep_worker(replace(worker, beat_at=self.now))

    def emit(self, name: str, **fields: Any) -> None:
        """Write an event, if anybody wants it."""
        if name in self._wanted:
            self.wrote = True
            self.store.outbox.append(name, at=self.now, **fields)

    def finish(self) -> None:
        """Tell of the queues that this transaction drained, then let the others see what it did."""
        for queue in self._emptied:
            if not any(self.store.counts[queue][state] for state in LIVE):
                self.emit("queue.drained", queue=queue)
        if self.wrote:
            self.store.commits += 1
            self.store.changed.notify_all()
