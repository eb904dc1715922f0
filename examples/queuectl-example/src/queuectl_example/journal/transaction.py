"""A transaction: the store, at one moment of its clock, for somebody who holds the lock.

The contract asks that a transaction is done whole or not at all. Here that costs nothing: what it changes in memory is
written as one line when it ends, and when it raises the memory is thrown away, and read again from the file.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from queuectl import FINAL, LIVE, Event, Job, QueueState

from queuectl_example.journal.store import Entry, Holding, KeptRun, Store


class Transaction:
    """Reads and changes a store. `now` is the same for all that it does."""

    def __init__(self, store: Store, now: float, wanted: frozenset[str]) -> None:
        self.store = store
        self.now = now
        self._wanted = wanted
        self._emptied: dict[str, None] = {}

    def add(self, job: Job, due_at: float, since: float | None) -> None:
        """Store a new job, last in enqueue order."""
        self.store.jobs[job.id] = Entry(self.store.next("jobs"), job, due_at, since)
        if job.queue not in self.store.queues:
            self.store.queues[job.queue] = QueueState(name=job.queue)

    def update(self, entry: Entry, changes: dict[str, Any], **beside: Any) -> Job:
        """Give a job new values, and what is kept beside it; return the job."""
        job = replace(entry.job, updated_at=self.now, **changes)
        self.store.jobs[job.id] = msgspec.structs.replace(entry, job=job, **beside)
        if entry.job.state in LIVE and job.state in FINAL:
            self._emptied[job.queue] = None
        return job

    def remove(self, entry: Entry) -> list[str]:
        """Delete a job with its runs; return the paths of kept output that nobody refers to any more."""
        outputs = [run.output for run in self.runs_of(entry.job)]
        for number in range(1, entry.job.runs + 1):
            del self.store.runs[f"{number} {entry.job.id}"]
        del self.store.jobs[entry.job.id]
        return [path for output in outputs for path in (output.path, output.error_path) if path is not None]

    def runs_of(self, job: Job) -> list[KeptRun]:
        """Return the runs of a job that were settled: their numbers are 1, 2, 3 … without a gap."""
        return [self.store.runs[f"{number} {job.id}"] for number in range(1, job.runs + 1)]

    def held_by(self, worker: str) -> list[tuple[Entry, Holding]]:
        """Return what a worker holds, in the order of its leases."""
        held = [(entry, entry.holding) for entry in self.store.jobs.values() if entry.holding]
        return sorted(((e, h) for e, h in held if h.lease.worker == worker), key=lambda pair: pair[1].lease.token)

    def prove_alive(self, id: str) -> None:
        """Note that a worker is alive, unless it proved it within a sixth of its lease: what is idle does not write."""
        worker = self.store.workers.get(id)
        if worker is not None and abs(self.now - worker.beat_at) > worker.lease / 6:
            self.store.workers[id] = replace(worker, beat_at=self.now)

    def emit(self, name: str, **fields: Any) -> None:
        """Write an event, if anybody wants it: into the same line as the transition that it tells of."""
        if name in self._wanted:
            id = self.store.next("events")
            self.store.events[id] = Event(id=id, name=name, at=self.now, **fields)

    def tell_drained(self) -> None:
        """Tell of the queues that have no live job any more, last of all."""
        for queue in self._emptied:
            jobs = (entry.job for entry in self.store.jobs.values())
            if not any(job.queue == queue and job.state in LIVE for job in jobs):
                self.emit("queue.drained", queue=queue)
