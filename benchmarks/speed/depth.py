"""Depth: claims, settlements and what people look at, with few jobs in the store and with very many."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from benchmarks.speed import raw
from benchmarks.speed.contest import Budget, Contender, Contest
from queuectl import Ask, Claim, NewJob, NewWorker, Outcome, Query, Result, Run, Settlement, State, Verdict
from queuectl_sqlite.storage import SqliteStorage

BATCH = raw.BATCH
TAKEN = 800
TURNS = 10
PART = 10_000
FAR = 1_000_000.0
"""Seconds until the jobs that are scheduled are due."""

QUEUES, PRIORITIES = 8, 5
HIGHER = 100
"""The priority of the jobs that are scheduled: before all that wait, once they are due."""

IN_FLIGHT = 10_000
"""The most jobs that another worker runs meanwhile: a hundredth of what waits."""

LOOKS = 20
PAGE = 50


class Store:
    """A store with so many jobs that wait, so many that are scheduled, and so many that have ended, half of them well.

    They are of several queues and priorities, those that are scheduled of a higher one.
    """

    def __init__(self, path: Path, jobs: int) -> None:
        self._path = path
        self._jobs = jobs
        self._stored = itertools.count()

    @cached_property
    def storage(self) -> SqliteStorage:
        """The storage, which is filled when it is first asked for."""
        storage = SqliteStorage(self._path)
        for worker in ("worker-1", "worker-2"):
            storage.register(NewWorker(id=worker, host="host", pid=1, concurrency=IN_FLIGHT))
        self._enqueue(storage, self._jobs)
        for verdict in (Verdict.COMPLETED, Verdict.DEAD):
            self._work(storage, self._jobs // 2, batch=500, verdict=verdict)
        self._enqueue(storage, self._jobs, delay=FAR, priority=HIGHER)
        self._enqueue(storage, self._jobs)
        storage.exchange("worker-2", [], Ask(limit=min(IN_FLIGHT, self._jobs // 100)))
        return storage

    def work(self, _: Path) -> float:
        """Return how many jobs a second are claimed and settled, in batches, as many as are enqueued anew."""
        storage = self.storage
        taken = 0.0
        for _turn in range(TURNS):
            began = time.perf_counter()
            self._work(storage, TAKEN)
            taken += time.perf_counter() - began
            self._enqueue(storage, TAKEN)
        return TURNS * TAKEN / taken

    def timed(self, look: Callable[[SqliteStorage], object]) -> Callable[[Path], float]:
        """Return what tells how many milliseconds a look takes."""

        def measure(_: Path) -> float:
            storage = self.storage
            began = time.perf_counter()
            for _look in range(LOOKS):
                look(storage)
            return (time.perf_counter() - began) * 1000 / LOOKS

        return measure

    def close(self) -> None:
        """Close the storage, if it was ever open."""
        if "storage" in self.__dict__:
            self.storage.close()

    def _enqueue(self, storage: SqliteStorage, jobs: int, delay: float | None = None, priority: int = 0) -> None:
        for first in range(0, jobs, PART):
            numbers = list(itertools.islice(self._stored, min(PART, jobs - first)))
            storage.enqueue([_job(number, delay, priority) for number in numbers])

    def _work(
        self, storage: SqliteStorage, jobs: int, *, batch: int = BATCH, verdict: Verdict = Verdict.COMPLETED
    ) -> None:
        claims: Sequence[Claim] = ()
        for first in range(0, jobs, batch):
            settled = [settlement(claim, verdict) for claim in claims]
            claims = storage.exchange("worker-1", settled, Ask(limit=min(batch, jobs - first))).claims
        storage.exchange("worker-1", [settlement(claim, verdict) for claim in claims], None)


def contests(few: Store, many: Store, jobs: int) -> list[Contest]:
    """Return the contests: work, and three that only look."""
    deep, shallow = f"{jobs:,} each", "1,000 each"
    work = Contest(
        title=f"claim and settle in batches of {BATCH}, by how many wait, are scheduled and have ended",
        unit="jobs/s",
        contenders=[
            Contender(deep, many.work),
            Contender(shallow, few.work),
            Contender("SQLite alone, 1,000 each", lambda folder: raw.worked(folder, TURNS * TAKEN)),
        ],
        budget=Budget(shallow, 1 / 1.25),
    )
    looks = [
        Contest(
            title=f"{name}, by how many wait, are scheduled and have ended",
            unit="ms",
            contenders=[Contender(deep, many.timed(look)), Contender(shallow, few.timed(look))],
            budget=Budget(shallow, 3.0, at_most=True),
            more_is_better=False,
        )
        for name, look in LOOKED_AT.items()
    ]
    return [work, *looks]


def _page(*states: State) -> Callable[[SqliteStorage], object]:
    """Return what shows two pages, the newest jobs and older ones."""
    query = Query(states=frozenset(states) or None)

    def show(storage: SqliteStorage) -> object:
        page = storage.list(query, None, PAGE)
        return storage.list(query, page.next_cursor, PAGE)

    return show


LOOKED_AT: dict[str, Callable[[SqliteStorage], object]] = {
    f"list: two pages of {PAGE}": _page(),
    f"list --state pending: two pages of {PAGE}": _page(State.PENDING),
    f"dlq list: two pages of {PAGE}": _page(State.DEAD),
    "status: the counts": lambda storage: storage.counts(),
}


def _job(number: int, delay: float | None, priority: int) -> NewJob:
    return NewJob(
        id=f"job-{number}",
        command=("true",),
        delay=delay,
        queue=f"queue-{number % QUEUES}",
        priority=priority + number // QUEUES % PRIORITIES,
    )


def settlement(claim: Claim, verdict: Verdict = Verdict.COMPLETED) -> Settlement:
    """Return how a run of a claimed job ended, as a worker would settle it."""
    completed = verdict is Verdict.COMPLETED
    run = Run(
        number=claim.number,
        result=Result.COMPLETED if completed else Result.FAILED,
        outcome=Outcome(exit_code=0 if completed else 1),
        started_ago=0.001,
        ended_ago=0.0,
    )
    return Settlement(lease=claim.lease, verdict=verdict, run=run, charge=True)
