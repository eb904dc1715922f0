"""Checking: whether what is kept in two places agrees."""

from __future__ import annotations

from collections.abc import Iterator

from queuectl import State

from queuectl_example.journal.store import Entry
from queuectl_example.journal.transaction import Transaction


def faults(tx: Transaction) -> list[str]:
    """Return a line for each thing that is wrong."""
    return [fault for entry in tx.store.jobs.values() for fault in _faults_of(tx, entry)]


def _faults_of(tx: Transaction, entry: Entry) -> Iterator[str]:
    job = entry.job
    if (job.state is State.PROCESSING) != (entry.holding is not None):
        yield f"job {job.id!r} is {job.state}, and {'held' if entry.holding else 'held by nobody'}"
    if entry.holding is not None and entry.holding.lease.worker not in tx.store.workers:
        yield f"job {job.id!r} is held by a worker that is not registered"
    if job.queue not in tx.store.queues:
        yield f"job {job.id!r} is in a queue that is not there"
    for number in range(1, job.runs + 1):
        if f"{number} {job.id}" not in tx.store.runs:
            yield f"run {number} of job {job.id!r} is missing"
