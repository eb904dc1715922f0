"""Plans: what the server reads does not grow with what only waits or is done."""

from __future__ import annotations

import re
from typing import Any

import pytest

from queuectl.model.attempt import Result, Run
from queuectl.model.job import NewJob, State
from queuectl.model.lease import Ask, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Query
from queuectl.model.worker import NewWorker
from queuectl_postgres import Postgres, schema, statements, tenure
from queuectl_postgres.codes import CODE_OF_STATE
from queuectl_postgres.storage import PostgresStorage

from .conftest import Open

FEW, MANY = 200, 10_000


@pytest.mark.parametrize("known", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fill", ["waiting", "scheduled", "done"])
def test_a_batch_reads_the_same_beside_many(open_storage: Open, postgres: Postgres, fill: str, known: bool) -> None:
    """To claim and settle reads as much beside 10,000 jobs as beside 200, also before the server has counted them."""
    few, many = (_batch(_filled(open_storage(), fill, number, known=known)) for number in (FEW, MANY))
    assert many <= few * 1.5


@pytest.mark.parametrize("fill", ["waiting", "scheduled", "done"])
def test_an_idle_look_reads_the_same_beside_many(open_storage: Open, fill: str) -> None:
    """To find nothing in another queue reads the same whatever this one holds; so does a beat."""
    few, many = (_look(_filled(open_storage(), fill, number, known=False)) for number in (FEW, MANY))
    assert many <= few * 1.5


def test_a_rare_state_is_listed_from_its_own_rows(open_storage: Open) -> None:
    """The first page of a state with one job, once the server has counted, beside many of another."""
    few, many = (_page(_filled(open_storage(), "done", number, known=True)) for number in (FEW, MANY))
    assert many <= few * 1.5


@pytest.mark.parametrize("fill", ["waiting", "scheduled"])
def test_the_backlog_is_told_from_few_rows(open_storage: Open, fill: str) -> None:
    """Who waits longest is known after as many looks beside 10,000 jobs as beside 200."""
    few, many = (_oldest(_filled(open_storage(), fill, number, known=True)) for number in (FEW, MANY))
    assert many <= few * 1.5


def test_what_is_held_for_a_long_transaction_is_no_burden_for_enqueues(open_storage: Open) -> None:
    """Jobs come in whatever else is written to their queue and not committed: nobody waits for anybody."""
    storage = open_storage()
    storage.enqueue([NewJob(id="first", command="true")])
    with storage._database.lent() as link:
        link.run("BEGIN")
        storage.enqueue([NewJob(id="theirs", command="true")], connection=link.connection)
        storage.enqueue([NewJob(id="ours", command="true")])
        storage.register(NewWorker(id="worker-1", host="host", pid=1))
        assert [each.job.id for each in storage.exchange("worker-1", [], Ask(limit=9)).claims] == ["first", "ours"]
        link.run("ROLLBACK")


def test_every_index_says_whom_it_serves() -> None:
    """Beside each index stands the statement that it is for, and there is one of that name."""
    told = re.findall(r"-- ([A-Z_, ]+): .*\n(?:-- .*\n)*CREATE (?:UNIQUE )?INDEX (\w+)", schema.CREATE)
    assert {index for _, index in told} >= {"job_ready", "job_due", "job_waiting", "job_leased", "job_key_parked"}
    names = {name for served, _ in told for name in served.split(", ")}
    modules = statements, tenure
    assert [name for name in sorted(names) if not any(hasattr(module, name) for module in modules)] == []


def _filled(storage: PostgresStorage, fill: str, number: int, *, known: bool) -> PostgresStorage:
    with storage._database.lent() as link:
        for table in ("job", "spec", "count", "worker", "attempt_0"):  # what it reads would be counted as ours
            link.run(f"ALTER TABLE queuectl.{table} SET (autovacuum_enabled = off)")
        link.run("TRUNCATE queuectl.job, queuectl.spec, queuectl.count, queuectl.worker, queuectl.attempt")
    storage.register(NewWorker(id="worker-1", host="host", pid=1))
    delay = 3600.0 if fill == "scheduled" else None
    storage.enqueue([NewJob(id=f"{fill}-{index:06}", command="true", delay=delay) for index in range(number)])
    with storage._database.lent() as link:
        if fill == "done":  # not by claiming each of them, which is what most of the test's time would go into
            code = CODE_OF_STATE[State.COMPLETED]
            link.run("UPDATE queuectl.job SET phase = 4, state = %s, finished_at = at", (code,))
            link.run("UPDATE queuectl.count SET state = %s WHERE state < 6", (code,))
            link.run("VACUUM queuectl.job")
        if known:
            link.run("ANALYZE queuectl.job")
    storage.enqueue([NewJob(id=f"work-{index}", command="true", priority=1) for index in range(64)])
    storage.enqueue([NewJob(id="rare", command="true", queue="other")])
    storage.exchange("worker-1", [], Ask(limit=1, queues=("other",)))
    return storage


def _batch(storage: PostgresStorage) -> int:
    before = _blocks(storage)
    settlements: list[Settlement] = []
    for _ in range(4):
        claims = storage.exchange("worker-1", settlements, Ask(limit=16)).claims
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
    return _blocks(storage) - before


def _look(storage: PostgresStorage) -> int:
    before = _blocks(storage)
    for _ in range(10):
        assert storage.exchange("worker-1", [], Ask(limit=1, queues=("other",))).claims == ()
        storage.beat("worker-1")
    return _blocks(storage) - before


def _oldest(storage: PostgresStorage) -> int:
    before = _blocks(storage)
    for _ in range(10):
        assert storage.backlog() is not None
    return _blocks(storage) - before


def _page(storage: PostgresStorage) -> int:
    before = _blocks(storage)
    for _ in range(10):
        (job,) = storage.list(Query(states=frozenset({State.PROCESSING})), None, 50).jobs
        assert job.id == "rare"
        assert len(storage.list(Query(states=frozenset({State.PENDING})), None, 50).jobs) == 50
    return _blocks(storage) - before


_READ = """
    SELECT sum(heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit, 0) + coalesce(idx_blks_read, 0))::bigint
    FROM pg_catalog.pg_statio_all_tables WHERE schemaname = %s
"""


def _blocks(storage: PostgresStorage) -> int:
    """Return how many blocks of the schema's tables were looked at so far, by whomever."""
    with storage._database.lent() as link:
        link.run("SELECT pg_stat_force_next_flush()")
        blocks: Any = link.value(_READ, (link.schema,))
    return int(blocks)
