"""Plans: which index serves which statement, and that no work grows with what only waits or is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import apsw
import pytest

from queuectl.model.attempt import Result, Run
from queuectl.model.job import NewJob, State
from queuectl.model.lease import Ask, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action, Query
from queuectl.model.worker import NewWorker
from queuectl_sqlite import schema, statements
from queuectl_sqlite.codes import CODE_OF_STATE
from queuectl_sqlite.selecting import finished_lanes, lanes
from queuectl_sqlite.storage import SqliteStorage

from .conftest import Open, Steps

SCANS = {
    "NEXT_LEASES": "counter",
    "NEXT_SEQS": "counter",
    "COUNTS": "count",
    "COUNTED": "count",
    "QUEUES": "queue",
    "WORKERS": "worker",
    "FORGET_GONE": "worker",
    "GIVE_UP_DELIVERY": "consumer",
    "FORGET_CONSUMERS": "consumer",
}
"""Statements that walk over a whole table, which are small ones all."""

SERVED = {
    "READY_QUEUES": "job_ready",
    "READY_IN_QUEUE": "job_ready",
    "CLAIMABLE": "job_ready",
    "DUE_QUEUES": "job_due",
    "DUE_IN_QUEUE": "job_due",
    "PROMOTE": "job_due",
    "WAITING_AHEAD": "job_waiting",
    "LEASED": "job_leased",
    "LEASES": "job_leased",
    "RECORDABLE": "job_leased",
    "TAKEN": "job_leased",
    "INHERITED": "job_leased",
    "CANCELLING": "job_cancelling",
    "RUNNING_OF_KEY": "job_key_leased",
    "UNPARK": "job_key_parked",
    "UNPARK_QUEUE": "job_key_parked",
    "KEY_TAKEN": "job_unique_key",
}
"""Which index each statement is made for; the schema says the same beside the indexes."""


def named_statements() -> dict[str, str]:
    """Return all statements by name."""
    named = {name: text for name, text in vars(statements).items() if name.isupper() and isinstance(text, str)}
    named.pop("JOB_COLUMNS")
    named.pop("JOB_TABLES")
    return named | {f"DELETE_JOB_{number}": text for number, text in enumerate(statements.DELETE_JOB)}


@pytest.fixture
def db() -> Iterator[apsw.Connection]:
    """Return a connection to an empty database that plans as the storage's do."""
    connection = apsw.Connection(":memory:")
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute(schema.CREATE).fetchall()
    yield connection
    connection.close()


def plan(db: apsw.Connection, statement: str, values: Any = None) -> list[str]:
    """Return the lines of a statement's plan."""
    if values is None:
        names = set(re.findall(r":([a-z]\w*)", statement))
        numbers = max(map(int, re.findall(r"\?(\d+)", statement)), default=0)
        values = dict.fromkeys(names, 1) if names else (1,) * max(numbers, len(re.findall(r"\?(?!\d)", statement)))
    rows: list[Any] = db.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    return [row[3] for row in rows]


class TestStatements:
    """Every named statement."""

    @pytest.mark.parametrize("name", named_statements())
    def test_none_walks_over_a_large_table(self, db: apsw.Connection, name: str) -> None:
        """A statement finds its rows by an index; only small tables are walked over."""
        lines = plan(db, named_statements()[name])
        scanned = {line.split()[1] for line in lines if line.startswith("SCAN")}
        assert scanned - {"ready", "due"} <= {SCANS.get(name, ""), *(["job"] if name == "FORGET_GONE" else [])}

    @pytest.mark.parametrize(("name", "index"), SERVED.items())
    def test_its_index_serves_it(self, db: apsw.Connection, name: str, index: str) -> None:
        """The index that was made for a statement is the one that SQLite takes."""
        assert any(f"INDEX {index}" in line for line in plan(db, named_statements()[name]))

    @pytest.mark.parametrize("name", ["CLAIMABLE", "PROMOTE", "UNPARK", "EVENTS", "ATTEMPTS"])
    def test_order_comes_from_the_index(self, db: apsw.Connection, name: str) -> None:
        """What is wanted first is read first: nothing is sorted."""
        assert not any("TEMP B-TREE" in line for line in plan(db, named_statements()[name]))

    def test_every_index_is_for_something(self, db: apsw.Connection) -> None:
        """No index is kept up for nothing: each serves a statement, or the lanes of a list."""
        indexes = {
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL")
        }
        assert indexes == {*SERVED.values(), "job_listed", "job_held", "job_finished"}


class TestLanes:
    """The statements that lists are made of."""

    @pytest.mark.parametrize("state", [state for state in State if state is not State.PROCESSING])
    def test_a_state_of_a_queue_is_read_in_order(self, storage: SqliteStorage, state: State) -> None:
        """A list by state, or by queue, reads the index that has just those jobs, in order."""
        storage.enqueue([NewJob(id="a", command="true")])
        db = storage._main.apsw
        db.execute("UPDATE count SET state = ?", (CODE_OF_STATE[state],)).fetchall()
        (lane,) = lanes(db, Query(states=frozenset({state})), 0.0)
        lines = plan(db, f"SELECT 1 FROM {lane.tables} WHERE {lane.where} ORDER BY {lane.order} DESC", lane.values)
        assert lines[0] == "SEARCH job USING INDEX job_listed (queue=? AND state=?)"
        assert not any("TEMP B-TREE" in line for line in lines)

    def test_what_is_processing_is_read_from_the_leases(self, storage: SqliteStorage, worker: str) -> None:
        """Jobs that are processing are the leased ones, which are few."""
        storage.enqueue([NewJob(id="a", command="true")])
        storage.exchange(worker, [], Ask(limit=1))
        db = storage._main.apsw
        (lane,) = lanes(db, Query(states=frozenset({State.PROCESSING})), 0.0)
        lines = plan(db, f"SELECT 1 FROM {lane.tables} WHERE {lane.where} ORDER BY {lane.order}", lane.values)
        assert lines[0] == "SCAN job USING COVERING INDEX job_leased"

    def test_the_first_to_finish_are_read_in_order(self, db: apsw.Connection) -> None:
        """Retention reads what finished first, and no more."""
        query = Query(states=frozenset({State.COMPLETED}), finished_before=60.0)
        (lane,) = finished_lanes(db, query, 100.0)
        lines = plan(db, f"SELECT 1 FROM {lane.tables} WHERE {lane.where} ORDER BY {lane.order}", lane.values)
        assert lines[0] == "SEARCH job USING INDEX job_finished (state=? AND finished_at<?)"
        assert not any("TEMP B-TREE" in line for line in lines)

    def test_held_jobs_are_read_from_their_own_index(self, storage: SqliteStorage) -> None:
        """A release of all that is held does not walk over all that waits."""
        storage.enqueue([NewJob(id="a", command="true")])
        db = storage._main.apsw
        (lane,) = lanes(db, Query(states=frozenset({State.PENDING})), 0.0, only={0: "job.phase = 3"})
        lines = plan(db, f"SELECT 1 FROM {lane.tables} WHERE {lane.where} ORDER BY {lane.order}", lane.values)
        assert "job_held" in lines[0]


class TestSteps:
    """How many steps SQLite's machine takes: exact, where times are not."""

    FEW, MANY = 300, 30_000

    @pytest.mark.parametrize("fill", ["waiting", "scheduled", "done", "held", "dead"])
    def test_a_batch_costs_the_same_beside_many(self, open_storage: Open, fill: str, tmp_path: Any) -> None:
        """To claim and settle takes as many steps beside 30,000 jobs that wait, sleep or are done as beside 300."""
        few, many = (
            _steps_of_batches(_filled(open_storage(tmp_path / str(number) / "jobs.db"), fill, number))
            for number in (self.FEW, self.MANY)
        )
        assert many <= few * 1.1

    @pytest.mark.parametrize("fill", ["waiting", "scheduled", "done", "held"])
    def test_an_idle_look_costs_the_same_beside_many(self, open_storage: Open, fill: str, tmp_path: Any) -> None:
        """To find nothing in another queue takes as many steps whatever this one holds; so does a rare state's page."""
        few, many = (
            _steps_of_looks(_filled(open_storage(tmp_path / str(number) / "jobs.db"), fill, number))
            for number in (self.FEW, self.MANY)
        )
        assert many <= few * 1.1


def _filled(storage: SqliteStorage, fill: str, number: int) -> SqliteStorage:
    storage.register(NewWorker(id="worker-1", host="host", pid=1))
    delay = 3600.0 if fill == "scheduled" else None
    storage.enqueue([NewJob(id=f"{fill}-{index:06}", command="true", delay=delay) for index in range(number)])
    if fill == "held":
        while storage.change(Action.HOLD, Query(), limit=10_000).remaining:
            pass
    elif fill in {"done", "dead"}:
        # Not by claiming each of them, which is what most of the test's time would go into.
        state = CODE_OF_STATE[State.COMPLETED if fill == "done" else State.DEAD]
        db = storage._main.apsw
        db.execute("UPDATE job SET phase = 4, state = ?, finished_at = at", (state,)).fetchall()
        db.execute("UPDATE count SET state = ?", (state,)).fetchall()
    storage.enqueue([NewJob(id=f"work-{index}", command="true", priority=1) for index in range(64)])
    storage.enqueue([NewJob(id="rare", command="true", queue="other")])
    storage.exchange("worker-1", [], Ask(limit=1, queues=("other",)))
    return storage


def _steps_of_batches(storage: SqliteStorage) -> int:
    with_steps = Steps(storage)
    settlements: list[Settlement] = []
    for _ in range(4):
        claims = storage.exchange("worker-1", settlements, Ask(limit=16, queues=None)).claims
        assert [claim.job.priority for claim in claims] == [1] * 16
        settlements = [
            Settlement(
                lease=claim.lease,
                verdict=Verdict.COMPLETED,
                charge=True,
                run=Run(
                    number=claim.number,
                    result=Result.COMPLETED,
                    outcome=Outcome(exit_code=0),
                    started_ago=1.0,
                    ended_ago=0.0,
                ),
            )
            for claim in claims
        ]
    storage.exchange("worker-1", settlements, None)
    return with_steps.taken()


def _steps_of_looks(storage: SqliteStorage) -> int:
    storage.get("rare")  # opens the connection that reads
    with_steps = Steps(storage)
    assert storage.exchange("worker-1", [], Ask(limit=1, queues=("other",))).claims == ()
    assert [job.id for job in storage.list(Query(queue="other"), None, 50).jobs] == ["rare"]
    assert len(storage.list(Query(states=frozenset({State.PROCESSING})), None, 50).jobs) == 1
    storage.beat("worker-1")
    storage.counts()
    storage.backlog()
    return with_steps.taken()
