"""The whole program on PostgreSQL: what people type, and what they are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl_postgres import Postgres

if TYPE_CHECKING:
    from tests.cli.conftest import Program

SECRET = "hunter2"


@pytest.fixture
def there(queuectl: Program, postgres: Postgres) -> Program:
    """Return a program whose jobs are in PostgreSQL, by a DSN with a password that nobody asks for."""
    dsn = psycopg.conninfo.conninfo_to_dict(postgres.dsn)
    url = f"postgresql://{dsn['user']}:{SECRET}@{dsn['host']}:{dsn['port']}/{dsn['dbname']}"
    (queuectl.cwd / "queuectl.yaml").write_text(
        json.dumps(
            {"storage": {"plugin": "postgres", "dsn": url, "schema": postgres.schema}, "backoff": {"base": 0.01}}
        )
    )
    return queuectl


def test_jobs_are_run_and_looked_after(there: Program) -> None:
    """From enqueue to the dead letter queue and back, with logs, counts, a prune and a doctor to whom all is well."""
    ids = there.enqueue("echo hello", {"command": "echo no >&2; exit 3", "max_retries": 1})
    there("worker", "start", "--drain", "--count", "2", code=0)
    assert there("logs", ids[0], code=0).out == "hello\n"
    assert [row[0] for row in there("dlq", "list", code=0).rows] == [ids[1]]
    shown = there("show", ids[1], "--json", code=0).json
    assert [each["exit_code"] for each in shown["attempts_log"]] == [3, 3]
    there("dlq", "retry", ids[1], code=0)
    there("worker", "start", "--drain", code=0)
    assert there("status", "--json", code=0).json["jobs"]["dead"] == 1
    assert there("list", "--state", "dead", "--json", code=0).json[0]["attempts"] == 2
    assert "pruned 1 job" in there("prune", "--older-than", "0s", "--yes", code=0).out
    # The server of the tests is as quick as one can be that nobody relies upon.
    assert [row[1] for row in there("doctor").rows if row[0] == "error"] in ([], ["durability"])


def test_workers_are_stopped_through_the_store(
    there: Program, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """From any terminal; a job that runs ends before."""
    (id,) = there.enqueue("touch begun; until test -e go; do sleep 0.02; done")
    process = there.start("worker", "start")
    eventually((there.cwd / "begun").exists)
    stopping = there.start("worker", "stop")
    (there.cwd / "go").touch()
    assert stopping.wait(120) == 0
    assert process.wait(120) == 0
    assert there("show", id, "--json", code=0).json["state"] == "completed"
    assert there("worker", "list", "--json", code=0).json == []


def test_a_drain_ends_when_its_database_is_gone(
    queuectl: Program, postgres: Postgres, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """Whoever dropped it will not bring it back; what is said is which, and why."""
    name = f"queuectl_{postgres.schema}"
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        dsn = psycopg.conninfo.make_conninfo(postgres.dsn, dbname=name)
        (queuectl.cwd / "queuectl.yaml").write_text(json.dumps({"storage": {"plugin": "postgres", "dsn": dsn}}))
        queuectl.enqueue("touch begun; until test -e go; do sleep 0.02; done")
        process = queuectl.start("worker", "start", "--drain")
        eventually((queuectl.cwd / "begun").exists)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        (queuectl.cwd / "go").touch()
        _, told = process.communicate(timeout=180)
    assert process.returncode == 75
    refused = [line for line in told.decode().splitlines() if "refuses the connection that it took before" in line]
    assert refused and all(name in line and "does not exist" in line for line in refused)


def test_without_the_extra_one_line_says_what_to_install(there: Program) -> None:
    """Exit code 78; what is installed without the library that it needs helps nobody either."""
    (there.cwd / "psycopg.py").write_text("raise ImportError('no pq wrapper available.\\nAttempts made: …')\n")
    there.env["PYTHONPATH"] = str(there.cwd)
    ran = there("list", code=78)
    assert ran.err.splitlines() == [
        "error: the storage postgres needs psycopg: no pq wrapper available.",
        "hint: python -m pip install 'queuectl[postgres]'",
    ]


def test_the_password_is_told_nowhere(there: Program) -> None:
    """Not by what shows the configuration or the store, by no error, and by no worker's log."""
    there.enqueue("true")
    said = [
        there(*arguments)
        for arguments in (
            *(["config", "list"], ["config", "get", "storage"], ["config", "explain", "storage.dsn"]),
            *(["status"], ["status", "--json"], ["storage", "status"], ["doctor"], ["plugins", "show", "postgres"]),
            *(["worker", "start", "--drain", "--debug"], ["backup", "copy.db"], ["list", "--debug"]),
            ["--set", f"storage.dsn=postgresql://ada:{SECRET}@127.0.0.1:1/jobs", "list", "--debug"],
            ["--set", f"storage.dsn=postgresql:/ada:{SECRET}@127.0.0.1:1/jobs", "list", "--debug"],
        )
    ]
    assert [ran.arguments for ran in said if SECRET in ran.out + ran.err] == []


def test_where_it_is_may_come_from_the_environment(queuectl: Program, postgres: Postgres) -> None:
    """So a file that everybody may read needs to tell nothing; a job's own environment has no trace of it."""
    env = {
        "QUEUECTL_STORAGE__PLUGIN": "postgres",
        "QUEUECTL_STORAGE__DSN": postgres.dsn,
        "QUEUECTL_STORAGE__SCHEMA": postgres.schema,
    }
    id = queuectl("enqueue", "-q", "env", env=env, code=0).out.strip()
    queuectl("worker", "start", "--drain", env=env, code=0)
    assert "QUEUECTL_STORAGE__" not in queuectl("logs", id, env=env, code=0).out


def test_a_server_out_of_reach_is_one_line(queuectl: Program) -> None:
    """75, as for any store that may be back in a moment; 78 for what nobody can connect to."""
    away = ("--set", "storage.plugin=postgres", "--set", "storage.dsn=postgresql://ada@127.0.0.1:1/jobs")
    for verb in (["enqueue", "true"], ["status"], ["worker", "start"]):
        ran = queuectl(*away, *verb, code=75)
        assert ran.err.startswith("error: postgresql://127.0.0.1/jobs cannot be reached: ")
        assert ran.out == ""
    wrong = queuectl("--set", "storage.plugin=postgres", "--set", "storage.dsn=jobs", "status", code=78)
    assert wrong.err.splitlines()[0] == "error: storage.dsn is not a connection string that PostgreSQL understands"


def test_a_copy_is_another_programs_business(there: Program) -> None:
    """The line names it."""
    there.enqueue("true")
    ran = there("backup", "copy.db", code=1)
    assert "pg_dump --format=custom" in ran.err
    assert not (there.cwd / "copy.db").exists()
