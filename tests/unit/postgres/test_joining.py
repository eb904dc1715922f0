"""Joining a transaction of a program's own: the jobs are there with its data, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import queuectl
from queuectl import Queue
from queuectl.errors import ConflictError, UsageError
from queuectl.model.job import NewJob
from queuectl.model.lease import Ask
from queuectl_postgres import Postgres
from queuectl_postgres.storage import PostgresStorage

from .conftest import PATIENCE, Open

Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def queue(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Return a queue on the schema of this test."""
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path))
    overrides = ["storage.plugin=postgres", f"storage.dsn={postgres.dsn}", f"storage.schema={postgres.schema}"]
    with queuectl.open(overrides=overrides) as queue:
        yield queue


def test_a_job_is_there_with_the_data(queue: Queue, connect: Connect) -> None:
    """Both are committed, or neither."""
    with connect() as connection:
        connection.execute("CREATE TEMPORARY TABLE orders (id int)")
        connection.commit()
        with connection.transaction():
            connection.execute("INSERT INTO orders VALUES (1)")
            kept = queue.enqueue("true", connection=connection)
            assert queue.list() == []
        with connection.transaction():
            connection.execute("INSERT INTO orders VALUES (2)")
            queue.enqueue_many([{"command": "true"}, {"command": "false"}], connection=connection)
            raise psycopg.Rollback
        assert connection.execute("SELECT id FROM orders").fetchall() == [(1,)]
    assert [job.id for job in queue.list()] == [kept.id]


def test_the_commit_wakes_a_worker(storage: PostgresStorage, open_storage: Open, worker: str, connect: Connect) -> None:
    """The notification is part of the transaction."""
    storage.exchange(worker, [], Ask(limit=1))
    storage.wait(0.0)
    connection = connect()
    open_storage().enqueue([NewJob(id="a", command="true")], connection=connection)
    assert not storage.wait(0.1)
    connection.commit()
    assert storage.wait(PATIENCE)
    assert [each.job.id for each in storage.exchange(worker, [], Ask(limit=1)).claims] == ["a"]


def test_a_conflict_leaves_the_transaction_whole(queue: Queue, connect: Connect) -> None:
    """What was done in it before, and is done after, stays."""
    queue.enqueue("true", id="taken")
    with connect() as connection:
        connection.execute("CREATE TEMPORARY TABLE orders (id int)")
        connection.execute("INSERT INTO orders VALUES (1)")
        with pytest.raises(ConflictError, match="taken"):
            queue.enqueue("true", id="taken", connection=connection)
        assert queue.enqueue_many([{"id": "taken", "command": "true"}], skip_existing=True, connection=connection) == []
        queue.enqueue("true", id="other", connection=connection)
        assert connection.execute("SELECT id FROM orders").fetchall() == [(1,)]
        connection.commit()
    assert [job.id for job in queue.list()] == ["other", "taken"]


def test_what_is_no_transaction_is_refused(queue: Queue, postgres: Postgres) -> None:
    """There each statement would be committed by itself."""
    with (
        psycopg.connect(postgres.dsn, autocommit=True) as connection,
        pytest.raises(UsageError, match="no transaction"),
    ):
        queue.enqueue("true", connection=connection)
    with pytest.raises(UsageError, match=r"psycopg\.Connection"):
        queue.enqueue("true", connection=object())
    assert queue.list() == []


def test_another_database_is_refused(queue: Queue, postgres: Postgres) -> None:
    """Jobs would be lost there."""
    with psycopg.connect(postgres.dsn, dbname="template1") as connection, pytest.raises(UsageError, match="is not on"):
        queue.enqueue("true", connection=connection)
