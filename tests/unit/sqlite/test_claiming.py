"""Claiming: large amounts in portions, and no look at what is not wanted."""

from __future__ import annotations

import apsw
import pytest

from queuectl import Ask, NewJob, Settlement, Verdict
from queuectl.testing import FakeClock
from queuectl_sqlite import claiming, codes
from queuectl_sqlite import statements as sql
from queuectl_sqlite.storage import SqliteStorage


def claimed(storage: SqliteStorage, worker: str, limit: int = 10) -> tuple[list[str], float | None]:
    """Claim, and return the ids, and in how many seconds there may be more."""
    exchange = storage.exchange(worker, [], Ask(limit=limit))
    return [claim.job.id for claim in exchange.claims], exchange.next_due


def test_what_comes_due_at_once_is_promoted_in_portions(
    storage: SqliteStorage, worker: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many due jobs each exchange promotes a portion, the longest due first, and says that there is more."""
    monkeypatch.setattr(claiming, "PROMOTED_AT_ONCE", 2)
    storage.enqueue([NewJob(id=f"job-{number}", command="true", delay=10.0 - number) for number in range(5)])
    clock.advance(20.0)
    assert claimed(storage, worker) == (["job-3", "job-4"], 0.0)
    assert claimed(storage, worker) == (["job-1", "job-2"], 0.0)
    assert claimed(storage, worker) == (["job-0"], None)


def test_waits_begin_anew_in_portions_when_the_clock_was_set_back(
    storage: SqliteStorage, worker: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many jobs that wait, each exchange sees to a portion, and says that there is more."""
    monkeypatch.setattr(claiming, "PROMOTED_AT_ONCE", 2)
    storage.enqueue([NewJob(id=f"job-{number}", command="true", delay=10.0) for number in range(3)])
    clock.advance(-86400.0)
    assert claimed(storage, worker) == ([], 0.0)
    assert claimed(storage, worker) == ([], 0.0)
    assert claimed(storage, worker)[1] == pytest.approx(10.0)


def test_what_its_key_keeps_back_is_put_aside_in_portions(
    storage: SqliteStorage, worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many jobs whose limit key is used up, each exchange passes over a portion, and says that there may be more."""
    monkeypatch.setattr(claiming, "PARKED_AT_ONCE", 2)
    storage.set_queue("default", key_limit=1)
    storage.enqueue([NewJob(id=f"x-{number}", command="true", limit_key="x") for number in range(4)])
    storage.enqueue([NewJob(id="y", command="true", limit_key="y")])
    assert claimed(storage, worker) == (["x-0"], 0.0)
    assert claimed(storage, worker) == (["y"], None)


def test_each_job_of_a_key_makes_room_for_the_next(storage: SqliteStorage, worker: str) -> None:
    """Jobs that were put aside come one by one, the best first, as those before them end."""
    storage.set_queue("default", key_limit=1)
    storage.enqueue([NewJob(id=id, command="true", limit_key="x", priority=id == "best") for id in ("a", "b", "c")])
    storage.enqueue([NewJob(id="best", command="true", limit_key="x", priority=1)])
    order = []
    claims = storage.exchange(worker, [], Ask(limit=10)).claims
    while claims:
        (claim,) = claims
        order.append(claim.job.id)
        done = Settlement(lease=claim.lease, verdict=Verdict.COMPLETED)
        claims = storage.exchange(worker, [done], Ask(limit=10)).claims
    assert order == ["best", "a", "b", "c"]


def test_only_the_queues_that_win_are_read(storage: SqliteStorage, worker: str) -> None:
    """Of many queues with ready jobs, only those are read whose jobs are claimed."""
    storage.enqueue([NewJob(id=f"job-{number}", command="true", queue=f"q-{number}") for number in range(20)])
    storage.enqueue([NewJob(id="best", command="true", queue="q-7", priority=1)])
    read = []

    def trace(cursor: apsw.Cursor, statement: str, bindings: object) -> bool:
        read.extend([statement] if statement == sql.CLAIMABLE.strip() or statement == sql.CLAIMABLE else [])
        return True

    storage._main.apsw.exec_trace = trace
    assert claimed(storage, worker, limit=2) == (["best", "job-0"], None)
    storage._main.apsw.exec_trace = None
    assert len(read) == 2


def test_numbers_in_the_database_mean_what_they_meant() -> None:
    """States and phases are stored as numbers, so these are never given out anew."""
    assert [state.value for state in codes.STATES] == [
        "pending",
        "processing",
        "failed",
        "completed",
        "dead",
        "cancelled",
    ]
    assert (codes.READY, codes.DUE, codes.LEASED, codes.HELD, codes.DONE, codes.PARKED) == (0, 1, 2, 3, 4, 5)
