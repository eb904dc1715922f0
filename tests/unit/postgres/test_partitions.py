"""Partitions: what was forgotten goes by dropping tables, and nothing that is there goes with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from queuectl.model.attempt import Output, Result, Run
from queuectl.model.job import NewJob, State
from queuectl.model.lease import Ask, Claim, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action, Query
from queuectl.model.worker import NewWorker
from queuectl_postgres import Postgres, migrating, partitions, schema
from queuectl_postgres.database import Database
from queuectl_postgres.link import Link
from queuectl_postgres.storage import PostgresStorage
from queuectl_postgres.transaction import Transaction

from .conftest import Open, until

SIZE = 10

DONE = Query(states=frozenset({State.COMPLETED}))


def claim(storage: PostgresStorage, ids: list[str], worker: str = "worker-1") -> tuple[Claim, ...]:
    """Enqueue jobs and claim them."""
    storage.enqueue([NewJob(id=id, command="true") for id in ids])
    claims = storage.exchange(worker, [], Ask(limit=len(ids))).claims
    assert len(claims) == len(ids)
    return claims


def settlement(claim: Claim, verdict: Verdict = Verdict.COMPLETED) -> Settlement:
    """Return how a run of a claim ends that wrote its id."""
    result = Result.COMPLETED if verdict is Verdict.COMPLETED else Result.FAILED
    tail = claim.job.id.encode()
    run = Run(
        number=claim.number, result=result, outcome=Outcome(exit_code=0), started_ago=1.0, ended_ago=0.0,
        output=Output(tail=tail, size=len(tail)),
    )  # fmt: skip
    return Settlement(lease=claim.lease, verdict=verdict, run=run)


def work(storage: PostgresStorage, ids: list[str], verdict: Verdict = Verdict.COMPLETED) -> None:
    """Enqueue jobs and let each have an attempt."""
    claims = claim(storage, ids)
    storage.exchange("worker-1", [settlement(each, verdict) for each in claims], None)


def names(begin: str, number: int) -> list[str]:
    """Return ids."""
    return [f"{begin}-{each:04}" for each in range(number)]


def query(storage: PostgresStorage, statement: str) -> Any:
    """Return the first column of the first row."""
    with storage._database.lent() as link:
        return link.value(statement)


def ranges(storage: PostgresStorage) -> list[tuple[int, int]]:
    """Return the ranges that there are; of each its tables exist, and no others."""
    with storage._database.lent() as link:
        found = link.rows("SELECT first, until FROM queuectl.part ORDER BY first")
        tables = {
            name
            for (name,) in link.rows(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
                " WHERE inhparent IN ('queuectl.attempt'::regclass, 'queuectl.output'::regclass) AND relkind = 'r'"
            )
        }
    assert tables == {f"{table}_{end}" for table in partitions.TABLES for end in ("rest", *(each for each, _ in found))}
    return found


def rows(storage: PostgresStorage) -> tuple[int, int]:
    """Return how many attempts and outputs lie in the database, whether anybody finds them or not."""
    counts = (query(storage, f"SELECT count(*) FROM queuectl.{table}") for table in partitions.TABLES)
    attempts, outputs = counts
    return attempts, outputs


def forget(storage: PostgresStorage, query: Query = DONE) -> None:
    """Prune, again and again as housekeeping does."""
    for _ in range(10):
        storage.prune(query, 25)
    assert list(storage.check()) == []


@pytest.fixture
def storage(open_storage: Open, monkeypatch: pytest.MonkeyPatch) -> PostgresStorage:
    """A handle on a store of small ranges, with a worker, past its first range."""
    monkeypatch.setattr(partitions, "SMALLEST", SIZE)
    monkeypatch.setattr(partitions, "SHARE", 10**9)
    monkeypatch.setattr(partitions, "FEW", 2)
    storage = open_storage()
    query(storage, "SELECT setval('queuectl.job_seq', (SELECT until FROM queuectl.part))")
    for _ in range(3):
        storage.register(NewWorker(id="worker-1", host="host", pid=1))
    assert len(ranges(storage)) == 1
    return storage


@pytest.fixture
def as_guest(postgres: Postgres, open_storage: Open) -> Iterator[Callable[[], PostgresStorage]]:
    """Return what opens a handle as a user that may read and write all that there is by now, and owns none of it."""
    role = f'"{postgres.schema}"'

    def as_guest() -> PostgresStorage:
        with psycopg.connect(postgres.dsn, autocommit=True) as connection:
            connection.execute(f"GRANT USAGE ON SCHEMA {role} TO {role}")
            for kind in ("TABLES", "SEQUENCES"):
                connection.execute(f"GRANT ALL ON ALL {kind} IN SCHEMA {role} TO {role}")
        return open_storage(dsn=psycopg.conninfo.make_conninfo(postgres.dsn, user=postgres.schema))

    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        try:
            yield as_guest
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_ranges_are_made_ahead(storage: PostgresStorage) -> None:
    """What is enqueued has a range before it has an attempt, and nothing lies in the rest."""
    for batch in range(6):
        work(storage, names(f"job{batch}", SIZE))
        storage.prune(Query(queue="none"), 1)
    assert query(storage, "SELECT count(*) FROM queuectl.attempt_rest") == 0
    assert rows(storage) == (6 * SIZE, 6 * SIZE)


def test_a_range_that_is_forgotten_is_dropped(storage: PostgresStorage) -> None:
    """With all attempts and outputs in it: none is deleted by itself before, though nobody finds them any more."""
    old, new = names("old", 2 * SIZE), names("new", SIZE)
    work(storage, old)
    storage.prune(Query(queue="none"), 1)
    (begin, end) = ranges(storage)[0]
    work(storage, new)
    first = storage.prune(DONE, SIZE)
    assert [storage.attempts(job.id) for job in first.jobs] == [[]] * SIZE
    assert rows(storage) == (3 * SIZE, 3 * SIZE)
    assert list(storage.check()) == []
    storage.prune(DONE, SIZE - 1)
    assert (begin, end) not in ranges(storage)
    assert rows(storage) == (SIZE + 1, SIZE + 1)
    assert [len(storage.attempts(id)) for id in (old[-1], *new)] == [1] * (SIZE + 1)
    assert list(storage.check()) == []


@pytest.mark.parametrize("left", [State.PENDING, State.DEAD])
def test_what_is_left_of_a_range_outlives_it(storage: PostgresStorage, left: State) -> None:
    """A few jobs that are not forgotten keep their attempts, outputs and ids; they can be retried as ever."""
    work(storage, ["left"], Verdict.DEAD)
    work(storage, names("old", 3 * SIZE))
    if left is State.PENDING:
        storage.change(Action.RETRY, ["left"])
    before = storage.get("left"), storage.attempts("left"), storage.output("left", 1)
    first = ranges(storage)[0]
    forget(storage)
    assert first not in ranges(storage)
    assert (storage.get("left"), storage.attempts("left"), storage.output("left", 1)) == before
    if left is State.DEAD:
        storage.change(Action.RETRY, ["left"])
    (again,) = storage.exchange("worker-1", [], Ask(limit=1)).claims
    storage.exchange("worker-1", [settlement(again)], None)
    assert [each.number for each in storage.attempts("left")] == [1, 2]
    forget(storage)
    assert storage.attempts("left") == []


def test_a_range_of_which_more_is_left_is_swept(storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once nothing more of it is forgotten: what lies there for nobody goes row by row, in steps."""
    work(storage, dead := names("dead", 5), Verdict.DEAD)
    work(storage, names("old", 4))
    work(storage, names("new", 3 * SIZE), Verdict.DEAD)
    forget(storage)
    assert rows(storage) == (39, 39)
    monkeypatch.setattr(partitions, "UNTOUCHED", -1.0)
    monkeypatch.setattr(partitions, "SWEPT_AT_ONCE", 3)
    until(lambda: [storage.prune(Query(queue="none"), 1), rows(storage) == (35, 35)][1])
    assert [len(storage.attempts(id)) for id in dead] == [1] * 5
    assert list(storage.check()) == []


def test_what_has_no_range_is_deleted_with_its_jobs(storage: PostgresStorage) -> None:
    """More jobs at once than anybody had made ranges for; the next range begins behind them."""
    many = names("many", 12 * SIZE)
    work(storage, many)
    assert query(storage, "SELECT count(*) FROM queuectl.attempt_rest") > 0
    forget(storage)
    assert query(storage, "SELECT count(*) FROM queuectl.attempt_rest") == 0
    work(storage, names("more", SIZE))
    assert query(storage, "SELECT count(*) FROM queuectl.attempt_rest") == 0


def test_what_comes_while_a_range_is_made_is_in_nobodys_way(
    storage: PostgresStorage, open_storage: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than there was a range for, and more yet at the very moment: it is all stored, and a range is made."""
    add, threads, other = partitions._add, [], open_storage()

    def add_slowly(link: Link, first: int, until_: int) -> None:
        try:
            add(link, first, until_)
        except psycopg.errors.CheckViolation:
            thread = threading.Thread(target=work, args=(other, names("late", 30)))
            thread.start()
            threads.append(thread)
            until(lambda: not thread.is_alive() or query(other, WAITS))
            raise

    work(storage, names("many", 12 * SIZE))
    monkeypatch.setattr(partitions, "_add", add_slowly)
    before = len(ranges(storage))
    monkeypatch.setattr(partitions, "QUICK", "SET LOCAL lock_timeout = '20s'")
    with storage._database.lent() as link:
        link.run("BEGIN")
        partitions.look_after(Transaction(link, 0.0, frozenset(), storage._lock_number))
        link.run("COMMIT")
    (thread,) = threads
    thread.join()
    assert len(ranges(storage)) == before + 1
    assert rows(storage) == (12 * SIZE + 30, 12 * SIZE + 30)


WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'queuectl.attempt_rest'::regclass)"


def test_nobody_fails_for_want_of_a_range(storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given that the ranges cannot be looked after, then workers register, and what is pruned is told all the same."""

    def fail(_: object) -> None:
        raise psycopg.errors.CheckViolation

    work(storage, ["a"])
    monkeypatch.setattr(partitions, "look_after", fail)
    storage.register(NewWorker(id="worker-2", host="host", pid=2))
    assert [job.id for job in storage.prune(DONE, 5).jobs] == ["a"]


def test_deleting_by_hand_leaves_nothing(storage: PostgresStorage) -> None:
    """A person who deletes a job wants its output gone from the disk."""
    work(storage, ["a", "b"], Verdict.DEAD)
    storage.change(Action.DELETE, ["a"])
    assert rows(storage) == (1, 1)


def test_who_reads_for_long_keeps_nobody_waiting(storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump, say, keeps the tables from being dropped: it is not tried again at once, since all wait behind a try."""
    work(storage, names("old", 4 * SIZE))
    with storage._database.lent() as link:
        link.run("BEGIN")
        link.run("SELECT FROM queuectl.attempt LIMIT 1")
        before = ranges(storage)
        forget(storage)
        work(storage, ["meanwhile"])
        assert ranges(storage)[: len(before)] == before
        link.run("ROLLBACK")
    forget(storage, Query(queue="none"))
    assert ranges(storage)[0] == before[0]
    monkeypatch.setattr(partitions, "TRIES_EVERY", -1.0)
    forget(storage, Query(queue="none"))
    assert ranges(storage)[0] != before[0]


def test_who_does_not_own_the_tables_deletes_what_is_in_them(
    storage: PostgresStorage, as_guest: Callable[[], PostgresStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker under a user that may only read and write: nothing is made or dropped, and all else is as ever."""
    guest = as_guest()
    before = ranges(storage)
    work(guest, names("old", 3 * SIZE))
    forget(guest)
    monkeypatch.setattr(partitions, "UNTOUCHED", -1.0)
    forget(guest)
    assert rows(storage) == (0, 0)
    assert ranges(storage) == before


class TestMigrating:
    """A store of the version before is partitioned while its workers work."""

    @pytest.fixture
    def old(self, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Callable[[], PostgresStorage]:
        """Return what opens handles of that version: it knows no partitions."""
        ready = migrating.ready

        def open_old() -> PostgresStorage:
            with monkeypatch.context() as patch:
                patch.setattr(migrating, "ready", lambda link: ready(link, migrations=()))
                database = Database(postgres.dsn, schema=postgres.schema, pooled=None, timeout=8.0)
                storage = PostgresStorage(database)
            storage._look_after_partitions = lambda: None  # type: ignore[method-assign]
            return storage

        return open_old

    def test_nobody_notices(self, old: Callable[[], PostgresStorage], open_storage: Open) -> None:
        """They settle, read and delete before, while and after; each attempt is there once, with its output."""
        storages = [old(), old()]
        done: list[list[str]] = [[], []]
        errors: list[BaseException] = []
        enough = threading.Event()

        def keep_working(number: int) -> None:
            storage, mine = storages[number], done[number]
            worker = f"worker-{number}"
            try:
                storage.register(NewWorker(id=worker, host="host", pid=1, queues=(worker,)))
                while not enough.is_set():
                    ids = names(f"{worker}-{len(mine)}", 5)
                    storage.enqueue([NewJob(id=id, command="true", queue=worker) for id in ids])
                    claims = storage.exchange(worker, [], Ask(limit=5, queues=(worker,))).claims
                    storage.exchange(worker, [settlement(each) for each in claims], None)
                    assert storage.output(ids[0], 1) == Output(tail=ids[0].encode(), size=len(ids[0]))
                    storage.change(Action.DELETE, [ids[-1]])
                    mine.extend(ids[:-1])
            except BaseException as error:  # told by the test
                errors.append(error)

        threads = [threading.Thread(target=keep_working, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: errors or all(len(each) > 40 for each in done))
        new = open_storage()
        seen = [len(each) for each in done]
        until(lambda: errors or all(len(each) > before + 40 for each, before in zip(done, seen, strict=True)))
        enough.set()
        for thread in threads:
            thread.join()
        for storage in storages:
            storage.close()
        assert errors == []
        with new._database.lent() as link:
            assert migrating.version_of(link) == (schema.VERSION, 1)
        for id in (id for each in done for id in each):
            assert [each.number for each in new.attempts(id)] == [1]
            assert new.output(id, 1) == Output(tail=id.encode(), size=len(id))
        assert list(new.check()) == []

    def test_what_there_is_becomes_the_first_range(
        self, old: Callable[[], PostgresStorage], open_storage: Open
    ) -> None:
        """Nothing is copied: the tables stay, and are dropped like any other when all in them is forgotten."""
        before = old()
        before.register(NewWorker(id="worker-1", host="host", pid=1))
        work(before, names("old", 9))
        place = query(before, "SELECT pg_relation_filenode('queuectl.output'::regclass)")
        before.close()
        new = open_storage()
        assert query(new, "SELECT pg_relation_filenode('queuectl.output_0'::regclass)") == place
        assert rows(new) == (9, 9)

    def test_nobody_loses_a_right(
        self,
        old: Callable[[], PostgresStorage],
        as_guest: Callable[[], PostgresStorage],
        open_storage: Open,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Given workers of a user that owns none of the tables, then they settle, read and prune as before."""
        old().close()
        ready = migrating.ready
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "ready", lambda link: ready(link, migrations=()))
            guest = as_guest()
        open_storage().close()
        guest.register(NewWorker(id="worker-1", host="host", pid=1))
        work(guest, ["a"])
        assert guest.output("a", 1) == Output(tail=b"a", size=1)
        assert [job.id for job in guest.prune(DONE, 5).jobs] == ["a"]
        guest.close()
