"""The database: connections that are lent, lost, and told of without a password."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queuectl.errors import (
    ConfigError,
    StorageBusyError,
    StorageError,
    StorageGoneError,
    StorageRefusedError,
    UsageError,
)
from queuectl.model.attempt import Result, Run
from queuectl.model.job import NewJob
from queuectl.model.lease import Ask, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.testing.contract.steps import patiently
from queuectl_postgres import Postgres
from queuectl_postgres.database import KEPT, Database
from queuectl_postgres.failures import unreachable
from queuectl_postgres.place import parameters
from queuectl_postgres.storage import PostgresStorage
from tests.servers.proxy import Proxy

from .conftest import Open

SECRET = "hunter2"


@pytest.fixture
def proxy(postgres: Postgres) -> Any:
    """Return a proxy before the server."""
    told: Any = psycopg.conninfo.conninfo_to_dict(postgres.dsn)
    proxy = Proxy(told["host"], int(told["port"]))
    yield proxy
    proxy.close()


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgres//ada:{SECRET}@db/jobs",
        f"host=db password={SECRET} nonsense",
        f"postgresql://ada:{SECRET}@db/jobs?nonsense=1",
        f"postgresql://ada:p@{SECRET}@db/jobs",
        f"host=127.0.0.1 port=1 dbname=postgresql://ada:{SECRET}@db/jobs",
        f"postgresql://ada:{SECRET}@db:port/jobs",
        f"postgresql://ada:{SECRET}@127.0.0.1:1/jobs?sslmode=perhaps",
        f"postgresql://ada:{SECRET}@127.0.0.1:1/jobs?connect_timeout=soon",
    ],
)
def test_what_is_no_dsn_is_bad_configuration(dsn: str) -> None:
    """It is said so with code 78, and nothing is repeated of it that may be a password."""
    with pytest.raises((ConfigError, StorageRefusedError)) as caught:
        PostgresStorage(Database(dsn, schema="queuectl", pooled=None, timeout=2.0))
    assert caught.value.exit_code == 78
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"


@pytest.mark.parametrize("name", ["", "pg_mine", 'a"b', "a'b", "a%b", "x" * 64, "a b"])
def test_what_cannot_be_a_schema_is_bad_configuration(name: str) -> None:
    """A name that would have to be quoted twice is none."""
    with pytest.raises(ConfigError, match="cannot be the name"):
        Database("", schema=name, pooled=None, timeout=2.0)


def test_a_server_out_of_reach_is_busy() -> None:
    """The same call may succeed later: 75, with where it was looked for, and no password."""
    with pytest.raises(
        StorageBusyError, match=r"postgresql://127\.0\.0\.1/jobs cannot be reached: .*refused"
    ) as caught:
        PostgresStorage(Database(f"postgresql://ada:{SECRET}@127.0.0.1:1/jobs", schema="q", pooled=None, timeout=2.0))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("change", "told"), [({"dbname": "nowhere"}, "does not exist"), ({"user": "eve"}, "eve")])
def test_a_server_that_says_no_is_refused(postgres: Postgres, change: dict[str, str], told: str) -> None:
    """A database or a user that does not exist is no matter of time: 78."""
    dsn = psycopg.conninfo.make_conninfo(postgres.dsn, **change)
    with pytest.raises(StorageRefusedError, match=told):
        PostgresStorage(Database(dsn, schema=postgres.schema, pooled=None, timeout=8.0))


def test_a_server_that_is_too_old_is_refused(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """With code 78, before anything is asked that it may not know."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", property(lambda _: 120022))
    with pytest.raises(StorageRefusedError, match=r"is PostgreSQL .*, which is too old"):
        PostgresStorage(Database(postgres.dsn, schema=postgres.schema, pooled=None, timeout=8.0))


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ("FATAL:  could not write init file", StorageBusyError),
        ("FATAL:  out of memory", StorageBusyError),
        ("FATAL:  terminating connection due to administrator command", StorageBusyError),
        ("FATAL:  sorry, too many clients already", StorageBusyError),
        ("FATAL:  the database system is starting up", StorageBusyError),
        ('FATAL:  password authentication failed for user "ada"', StorageRefusedError),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", StorageRefusedError),
        ('root certificate file "/nowhere" does not exist', StorageRefusedError),
        ('could not translate host name "db" to address', StorageBusyError),
    ],
)
def test_what_passes_by_itself_is_busy(told: str, error: type[StorageError]) -> None:
    """A server that lacks space, memory or connections has them later; what only a person changes is refused."""
    answer = unreachable(psycopg.OperationalError(f"connection failed: {told}"), "postgresql://db/jobs")
    assert type(answer) is error
    assert told in answer.message


def test_a_password_comes_from_the_file_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the DSN leaves out libpq finds where it always does; we pass on nothing that would stand over it."""
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    told = Database("postgresql://ada@db/jobs", schema="q", pooled=None, timeout=2.0)._parameters()
    assert "password" not in told
    assert "passfile" not in told
    assert parameters("host=db application_name=mine")["application_name"] == "mine"


def test_where_it_leads_is_told_without_the_password(postgres: Postgres) -> None:
    """People see user, host, port and database; the schema where it is another than usual."""
    dsn = psycopg.conninfo.make_conninfo(postgres.dsn, password=SECRET)
    database = Database(dsn, schema=postgres.schema, pooled=None, timeout=8.0)
    with database.lent():
        pass
    database.close()
    assert database.path.startswith("postgresql://")
    assert database.path.endswith(f"/postgres?schema={postgres.schema}")
    assert SECRET not in database.path


def test_a_server_that_says_nothing_is_given_up(open_storage: Open, proxy: Proxy, postgres: Postgres) -> None:
    """No call of a worker waits for ever for an answer; once the way is open again the next one succeeds."""
    dsn = psycopg.conninfo.make_conninfo(postgres.dsn, host="127.0.0.1", port=proxy.port)
    storage = open_storage(dsn=dsn, timeout=2.0)
    proxy.become("silent")
    with pytest.raises(StorageBusyError, match="does not answer"):
        storage.beat("worker-1")
    proxy.become("open")
    assert not patiently(lambda: storage.beat("worker-1")).alive


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"user": "eve"}, StorageGoneError, r"refuses the connection that it took before: .*eve"),
        ({"port": "1"}, StorageBusyError, r"cannot be reached"),
        ({"sslmode": "require"}, StorageBusyError, r"cannot be reached: .*SSL"),
    ],
    ids=["withdrawn", "away", "changed"],
)
def test_a_server_that_has_let_us_in_is_waited_for(
    open_storage: Open, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], error: type[StorageError], told: str
) -> None:
    """Whatever it says while it stops, or somebody changes who may come in: no worker leaves for good that is to stay.

    Where it is certain that it will not by itself, who drains is told so.
    """
    storage = open_storage(timeout=10.0)
    storage._database.close()
    storage._database._closed = False
    for name, value in change.items():
        monkeypatch.setitem(storage._database._told, name, value)
    with pytest.raises(error, match=told):
        storage.beat("worker-1")
    monkeypatch.undo()
    assert not storage.beat("worker-1").alive


def test_a_kept_connection_that_was_closed_is_replaced(storage: PostgresStorage, open_storage: Open) -> None:
    """Nobody notices that the server closed it while nobody used it, as when it was restarted."""
    storage.enqueue([NewJob(id="a", command="true")])
    with storage._database.lent() as link:
        pid = link.connection.info.backend_pid
    with open_storage()._database.lent() as other:
        other.run("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert storage.get("a") is not None


def test_few_connections_are_kept(storage: PostgresStorage) -> None:
    """However many threads call at the same time: afterwards only a few stay open."""
    together = threading.Barrier(5)

    def call() -> None:
        with storage._database.lent():
            together.wait(120)

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(storage._database._idle) == KEPT


def test_a_pooler_is_noticed(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells its clients of a process that is none of the server's; then nothing is prepared."""
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda _: 1))
    database = Database(postgres.dsn, schema=postgres.schema, pooled=None, timeout=8.0)
    with database.lent() as link:
        assert link.connection.prepare_threshold is None
    assert database.pooled
    database.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_handle_cannot_be_used_after_a_fork(storage: PostgresStorage) -> None:
    """Two processes that speak on one connection would tear it apart."""
    storage._database._process = -1
    with pytest.raises(StorageError, match="fork"):
        storage.get("a")


def test_null_characters(storage: PostgresStorage, worker: str) -> None:
    """PostgreSQL keeps none: a job that has one is refused, what an executor says of a run is kept without it."""
    for fields in ({"command": "a\0b"}, {"command": "true", "tags": ("a\0b",)}):
        with pytest.raises(UsageError, match="null character"):
            storage.enqueue([NewJob(id="a", **fields)])
    storage.enqueue([NewJob(id="a", command="true")])
    (claim,) = storage.exchange(worker, [], Ask(limit=1)).claims
    assert storage.record(claim.lease, "pid\0" + "7")
    outcome = Outcome(error="no\0way")
    run = Run(number=1, result=Result.FAILED, outcome=outcome, started_ago=1.0, ended_ago=0.0)
    assert storage.exchange(worker, [Settlement(lease=claim.lease, verdict=Verdict.DEAD, run=run)], None).accepted
    job = storage.get("a")
    assert job is not None
    assert job.error == r"no\0way"
    assert storage.attempts("a")[0].outcome.error == r"no\0way"
