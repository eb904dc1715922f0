"""Depth: claims and settlements, with few jobs in the store and with very many."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from benchmarks.speed.contest import Budget, Contender, Contest
from queuectl import Ask, Claim, NewJob, NewWorker, Outcome, Result, Run, Settlement, Verdict
from queuectl_sqlite.storage import SqliteStorage

BATCH = 16
TAKEN = 800
TURNS = 10
PART = 10_000
FAR = 1_000_000.0
"""Seconds until the jobs that are scheduled are due."""


class Store:
    """A store with so many jobs that wait, so many that are scheduled, and so many that are done."""

    def __init__(self, path: Path, jobs: int) -> None:
        self._path = path
        self._jobs = jobs
        self._stored = 0

    @cached_property
    def storage(self) -> SqliteStorage:
        """The storage, which is filled when it is first asked for."""
        storage = SqliteStorage(self._path)
        storage.register(NewWorker(id="worker-1", host="host", pid=1))
        self._enqueue(storage, self._jobs)
        self._work(storage, self._jobs)
        self._enqueue(storage, self._jobs, delay=FAR)
        self._enqueue(storage, self._jobs)
        return storage

    def measure(self, _: Path) -> float:
        """Return how many jobs a second are claimed and settled, in batches, as many as are enqueued anew."""
        storage = self.storage
        taken = 0.0
        for _turn in range(TURNS):
            began = time.perf_counter()
            self._work(storage, TAKEN)
            taken += time.perf_counter() - began
            self._enqueue(storage, TAKEN)
        return TURNS * TAKEN / taken

    def close(self) -> None:
        """Close the storage, if it was ever open."""
        if "storage" in self.__dict__:
            self.storage.close()

    def _enqueue(self, storage: SqliteStorage, jobs: int, delay: float | None = None) -> None:
        for first in range(0, jobs, PART):
            numbers = range(self._stored, self._stored + min(PART, jobs - first))
            storage.enqueue([NewJob(id=f"job-{number}", command=("true",), delay=delay) for number in numbers])
            self._stored += len(numbers)

    def _work(self, storage: SqliteStorage, jobs: int) -> None:
        claims: Sequence[Claim] = ()
        for _ in range(0, jobs, BATCH):
            claims = storage.exchange("worker-1", [_settlement(claim) for claim in claims], Ask(limit=BATCH)).claims
        storage.exchange("worker-1", [_settlement(claim) for claim in claims], None)


def contest(few: Store, many: Store, jobs: int) -> Contest:
    """Return the contest."""
    return Contest(
        title=f"claim and settle in batches of {BATCH}, by how many wait, are scheduled and are done",
        unit="jobs/s",
        contenders=[Contender(f"{jobs:,} each", many.measure), Contender("1,000 each", few.measure)],
        budget=Budget("1,000 each", 1 / 1.25),
    )


def _settlement(claim: Claim) -> Settlement:
    run = Run(
        number=claim.number,
        result=Result.COMPLETED,
        outcome=Outcome(exit_code=0),
        started_ago=0.001,
        ended_ago=0.0,
    )
    return Settlement(lease=claim.lease, verdict=Verdict.COMPLETED, run=run, charge=True)
