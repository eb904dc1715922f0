"""Copying: from one store to another nothing is lost, doubled or run twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

import queuectl
from queuectl import Queue
from queuectl.engine import copying
from queuectl.engine.copying import Copied, copy
from queuectl.errors import ConflictError, StorageBusyError, UsageError
from queuectl.model.attempt import Output
from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action
from queuectl.model.transfer import Moved
from queuectl.model.worker import NewWorker
from queuectl.testing import MemoryStorage
from queuectl.testing.contract.steps import claim, claim_one, enqueue, ran, register, settle
from queuectl_postgres import Postgres


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close what was opened."""
    with ExitStack() as stack:
        yield stack


SQLITE, POSTGRES = "sqlite", "postgres"

WAYS = [(SQLITE, POSTGRES), (POSTGRES, SQLITE), (SQLITE, SQLITE), (POSTGRES, POSTGRES)]


@pytest.fixture(params=WAYS, ids=" to ".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Return from what to what is copied: every test is one of all ways."""
    way: tuple[str, str] = request.param
    return way


Opening = Callable[[str, str], Queue]


@pytest.fixture
def open_queue(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Opening:
    """Return what opens a queue of its own in a storage."""
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path))

    def open_queue(plugin: str, name: str) -> Queue:
        overrides = [f"storage.path={tmp_path / name}.db"]
        if plugin == POSTGRES:
            postgres: Postgres = request.getfixturevalue("postgres")
            schema = f"{postgres.schema}_{name}"
            stack.callback(drop, postgres.dsn, schema)
            overrides = ["storage.plugin=postgres", f"storage.dsn={postgres.dsn}", f"storage.schema={schema}"]
        return stack.enter_context(queuectl.open(overrides=overrides))

    return open_queue


def drop(dsn: str, schema: str) -> None:
    """Leave nothing on the server."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.fixture
def source(open_queue: Opening, way: tuple[str, str]) -> Queue:
    """Return a queue to copy."""
    return open_queue(way[0], "old")


@pytest.fixture
def target(open_queue: Opening, source: Queue, way: tuple[str, str]) -> Queue:
    """Return an empty queue in another store."""
    return open_queue(way[1], "new")


@pytest.fixture
def used(source: Queue) -> Queue:
    """Return the source with a job in each state that it may have, and with all that may be said of one."""
    storage = source.storage
    worker = register(storage, "worker-1")
    for verdict in (Verdict.COMPLETED, Verdict.FAILED, Verdict.DEAD, Verdict.CANCELLED):
        enqueue(storage, verdict.value, env={"A": "b"}, tags=("x", "y"), unique_key=f"key-{verdict}", limit_key="k")
        claim = claim_one(storage, worker)
        output = Output(tail=b"\0\xff", size=9, path="/logs/1", error_tail=b"e", error_size=1, error_path="/logs/2")
        settle(storage, claim, verdict, charge=True, delay=3600.0, run=ran(claim, exit_code=3, output=output))
    enqueue(storage, "again", command=("a", "b c"))
    settle(storage, claim_one(storage, worker), Verdict.LOST)
    storage.retire(worker)
    enqueue(storage, "later", delay=3600.0, queue="mail", schedule="daily", fire_at=7.0)
    enqueue(storage, "held", priority=3, options={"deep": {"er": [1]}}, timeout=2.5, cwd="/", max_retries=9)
    storage.change(Action.HOLD, ["held"])
    source.set_queue("mail", paused=True, limit=3)
    return source


def as_they_are(queue: Queue) -> Sequence[Any]:
    """Return all jobs in order, with attempts and output, but for leases."""
    storage = queue.storage
    return [
        (
            replace(job, lease=0),
            list(storage.attempts(job.id)),
            [storage.output(job.id, each.number) for each in storage.attempts(job.id)],
        )
        for job in queue.iterate()
    ]


def test_all_is_as_it_was(used: Queue, target: Queue) -> None:
    """Jobs in their order, in their states, with ids, attempts and output; and the settings of queues."""
    assert copy(used, target) == Copied(7, 0)
    assert as_they_are(target) == as_they_are(used)
    assert {job.state for job in target.list()} == set(State) - {State.PROCESSING}
    assert list(target.queues()) == list(used.queues())
    assert list(target.storage.check()) == []
    assert list(target.storage.events(0, 10)) == []


def test_what_waits_is_claimable(used: Queue, target: Queue) -> None:
    """The best first, and only what may be."""
    copy(used, target)
    assert [each.job.id for each in claim(target.storage, register(target.storage, "worker-1"))] == ["again"]
    target.set_queue("mail", paused=False)
    target.retry("failed")
    assert [each.number for each in claim(target.storage, "worker-1")] == [2]


def test_it_goes_on_where_it_was_interrupted(used: Queue, target: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the answer was lost and the jobs were stored all the same."""
    monkeypatch.setattr(copying, "AT_ONCE", 2)
    adopt, calls = target.storage.adopt, iter("12x")  # type: ignore[attr-defined]

    def interrupted(moved: Sequence[Moved]) -> int:
        stored: int = adopt(moved)
        if next(calls) == "x":
            raise StorageBusyError("the answer was lost")
        return stored

    monkeypatch.setattr(target.storage, "adopt", interrupted)
    with pytest.raises(StorageBusyError):
        copy(used, target)
    monkeypatch.setattr(target.storage, "adopt", adopt)
    assert copy(used, target) == Copied(1, 6)
    assert as_they_are(target) == as_they_are(used)
    assert list(target.storage.check()) == []


def test_what_came_since_is_added(used: Queue, target: Queue) -> None:
    """A second copy brings what is new, and leaves alone what has changed there."""
    copy(used, target)
    target.cancel("again")
    used.enqueue("true", id="new")
    assert copy(used, target) == Copied(1, 7)
    assert target.get("again").state is State.CANCELLED
    assert target.list(limit=1)[0].id == "new"


def test_nobody_may_work_on_it(used: Queue, target: Queue) -> None:
    """A worker would run what is copied."""
    used.storage.register(NewWorker(id="elsewhere", host="elsewhere", pid=os.getpid()))
    with pytest.raises(ConflictError, match="workers run"):
        copy(used, target)
    assert target.list() == []


def test_what_a_dead_worker_held_is_taken_over_first(source: Queue, target: Queue, tmp_path: Path) -> None:
    """Nobody knows whether it runs."""
    enqueue(source.storage, "a")
    claim_one(source.storage, register(source.storage, "dead"))
    source.config.data.joinpath("run").mkdir(exist_ok=True)
    source.config.data.joinpath("run", "dead").touch()  # a ledger that nobody holds
    with pytest.raises(ConflictError, match="still processing"):
        copy(source, target)
    assert target.list() == []


def test_a_key_that_is_held_there_is_told(used: Queue, target: Queue) -> None:
    """Two live jobs with one unique key are one too many."""
    enqueue(target.storage, "theirs", unique_key="key-failed")
    with pytest.raises(ConflictError, match="'failed': the unique key 'key-failed'"):
        copy(used, target)


def test_a_store_is_not_copied_into_itself(source: Queue, target: Queue) -> None:
    """All of it would be there already."""
    with pytest.raises(UsageError, match="itself"):
        copy(target, target)


@pytest.mark.parametrize("way", WAYS[:1], indirect=True, ids=" to ".join)
def test_a_storage_that_takes_no_jobs_is_told(used: Queue, target: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one of a third party."""
    monkeypatch.setattr(target, "_storage", MemoryStorage())
    with pytest.raises(UsageError, match="takes over no jobs"):
        copy(used, target)
