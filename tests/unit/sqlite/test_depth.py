"""Depth: what is asked for all day costs the same with few jobs and with very many, counted in steps of SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from queuectl.model.attempt import Result, Run
from queuectl.model.job import NewJob, State
from queuectl.model.lease import Ask, Claim, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Query
from queuectl.model.worker import NewWorker
from queuectl_sqlite.codes import COMPLETED, DEAD, DONE, DUE, FAILED, HELD, LEASED, PENDING, PROCESSING, READY
from queuectl_sqlite.storage import SqliteStorage

from .conftest import Steps

FEW, MANY = 2_000, 60_000
"""Jobs of each kind in the two stores that are compared."""

IN_FLIGHT = 10_000
QUEUES = 4
PRIORITIES = 2

FAR = 4e9
"""When the jobs are due that are scheduled."""

FILL = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :jobs)
    INSERT INTO job (seq, queue, priority, phase, state, at, created_at, updated_at, max_retries, lease, worker)
    SELECT :last + i, 1 + i % :queues, :best - i / :queues % :priorities, :phase, :state, :at, 1.0, 1.0, 3, :last + i,
           iif(:phase = 2, 'busy', NULL)
    FROM n
"""

FINISH = """
    INSERT INTO spec (seq, id, command)
    SELECT seq, printf('job-%09d', seq), 'true' FROM job WHERE seq NOT IN (SELECT seq FROM spec);
    UPDATE job SET finished_at = seq WHERE phase = 4;
    DELETE FROM count;
    INSERT INTO count SELECT queue, state, count(*) FROM job GROUP BY queue, state;
    UPDATE counter SET seq = (SELECT max(seq) FROM job), lease = (SELECT max(seq) FROM job)
"""

Operation = Callable[[SqliteStorage], object]
Stores = tuple[SqliteStorage, SqliteStorage]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Return a store with few jobs of each kind, and one with many; both are changed by the tests."""
    folder = tmp_path_factory.mktemp("depth")
    with closing(_filled(folder / "few.db", FEW)) as few, closing(_filled(folder / "many.db", MANY)) as many:
        yield few, many


def _filled(path: Path, jobs: int) -> SqliteStorage:
    """Fill a store: mixed queues and priorities, scheduled jobs of higher priority, jobs in flight, and all that ends.

    By SQL: to enqueue and to run them all is what most of the test's time would go into.
    """
    storage = SqliteStorage(path)
    for worker in ("worker-1", "busy"):
        storage.register(NewWorker(id=worker, host="host", pid=1, concurrency=IN_FLIGHT))
    storage.enqueue([NewJob(id=f"first-{number}", command="true", queue=f"queue-{number}") for number in range(QUEUES)])
    db = storage._main.apsw
    with db:
        _fill(db, jobs, READY, PENDING)
        _fill(db, jobs, DUE, PENDING, at=FAR, best=100)
        _fill(db, jobs, DUE, FAILED, at=FAR, best=100)
        _fill(db, jobs, HELD, PENDING, best=100)
        _fill(db, jobs, DONE, COMPLETED)
        _fill(db, jobs, DONE, DEAD)
        _fill(db, jobs * IN_FLIGHT // MANY, LEASED, PROCESSING)
        db.execute(FINISH).fetchall()
    storage.enqueue([NewJob(id="rare", command="true", queue="rare", tags=("rare",))])
    storage.counts()  # opens the connection that reads
    return storage


def _fill(db: apsw.Connection, jobs: int, phase: int, state: int, *, at: float = 1.0, best: int = 4) -> None:
    last = db.execute("SELECT max(seq) FROM job").get
    values = {
        "jobs": jobs,
        "queues": QUEUES,
        "priorities": PRIORITIES,
        "best": best,
        "phase": phase,
        "state": state,
        "at": at,
        "last": last,
    }
    db.execute(FILL, values).fetchall()


def _work(storage: SqliteStorage, queues: tuple[str, ...] | None = None) -> None:
    claims: Sequence[Claim] = ()
    for _ in range(4):
        claims = storage.exchange("worker-1", _settled(claims), Ask(limit=16, queues=queues)).claims
        assert [claim.job.priority for claim in claims] == [4] * 16
    storage.exchange("worker-1", _settled(claims), None)


def _settled(claims: Sequence[Claim]) -> list[Settlement]:
    outcome = Outcome(exit_code=0)
    return [
        Settlement(
            lease=claim.lease,
            verdict=Verdict.COMPLETED,
            charge=True,
            run=Run(number=claim.number, result=Result.COMPLETED, outcome=outcome, started_ago=1.0, ended_ago=0.0),
        )
        for claim in claims
    ]


def _page(*states: State, queue: str | None = None, tag: str | None = None, deep: bool = False) -> Operation:
    """Return what shows the first page of such jobs, or one in the middle of all."""
    query = Query(states=frozenset(states) or None, queue=queue, tag=tag)

    def show(storage: SqliteStorage) -> object:
        last = storage._main.apsw.execute("SELECT max(seq) FROM job").get
        return storage.list(query, str(last // 2) if deep else None, 50)

    return show


def _enqueue(storage: SqliteStorage) -> object:
    last = storage._main.apsw.execute("SELECT max(seq) FROM job").get
    return storage.enqueue([NewJob(id=f"new-{last}-{number}", command="true", queue="queue-1") for number in range(16)])


OPERATIONS: dict[str, Operation] = {
    "claim and settle in four batches, over all queues": _work,
    "claim and settle in four batches, of one queue": lambda storage: _work(storage, ("queue-3",)),
    "find nothing to claim": lambda storage: storage.exchange("worker-1", [], Ask(limit=1, queues=("none",))),
    "enqueue": _enqueue,
    "beat": lambda storage: storage.beat("worker-1"),
    "status: the counts": lambda storage: storage.counts(),
    "queues": lambda storage: storage.queues(),
    "the oldest that waits": lambda storage: storage.backlog(),
    "statistics": lambda storage: storage.stats(3600.0, 60.0),
    "show": lambda storage: storage.get("rare"),
    "complete an id": lambda storage: storage.resolve("job-00", 10),
    "list": _page(),
    "list, in the middle": _page(deep=True),
    "list --state pending": _page(State.PENDING),
    "list --state pending, in the middle": _page(State.PENDING, deep=True),
    "list --state failed": _page(State.FAILED),
    "list --state completed": _page(State.COMPLETED),
    "list --state completed, in the middle": _page(State.COMPLETED, deep=True),
    "list --state dead --state failed": _page(State.DEAD, State.FAILED),
    "list --state cancelled": _page(State.CANCELLED),
    "list --queue of few": _page(queue="rare"),
    "list --queue --state": _page(State.COMPLETED, queue="queue-3"),
    "list --tag": _page(tag="rare"),
    "dlq list": _page(State.DEAD),
    "dlq list, in the middle": _page(State.DEAD, deep=True),
    "dlq list --queue": _page(State.DEAD, queue="queue-3"),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_it_costs_the_same_beside_very_many(stores: Stores, operation: Operation) -> None:
    """It takes as many steps in a store with thirty times as many jobs of each kind."""
    few, many = (_steps(storage, operation) for storage in stores)
    assert 0 < many <= few * 1.1


@pytest.mark.parametrize(
    ("operation", "most"),
    {
        "list --state processing": (_page(State.PROCESSING), 15),
        "list --queue": (_page(queue="queue-3"), 15),
        "worker list": (lambda storage: storage.workers(), 15),
    }.values(),
    ids=["list --state processing", "list --queue", "worker list"],
)
def test_of_what_is_in_flight_only_the_place_is_read(stores: Stores, operation: Operation, most: int) -> None:
    """No index has the jobs that are leased in order, and none is read whole that is not shown."""
    few, many = (_steps(storage, operation) for storage in stores)
    assert many - few <= most * IN_FLIGHT


def _steps(storage: SqliteStorage, operation: Operation) -> int:
    steps = Steps(storage)
    operation(storage)
    return steps.taken()
