"""`storage` tells of the store, and copies it into another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from queuectl_postgres import Postgres

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def test_the_store_is_told(queuectl: Program) -> None:
    """Which plugin, where, what it can do, its schema."""
    queuectl.enqueue("true")
    told = queuectl("storage", "status", "--json", code=0).json
    assert told["plugin"] == "sqlite"
    assert told["store"].endswith("jobs.db")
    assert told["jobs"] == 1
    assert "durable" in told["capabilities"]
    assert told["schema"].startswith("version 1")
    rows = dict(queuectl("storage", "status", code=0).rows)
    assert rows["plugin"] == "sqlite"
    assert rows["capabilities"] == ", ".join(told["capabilities"])


def test_a_current_store_stays_as_it_is(queuectl: Program) -> None:
    """To migrate it is no error."""
    queuectl.enqueue("true")
    assert "version 1" in queuectl("storage", "migrate", code=0).out
    assert queuectl("storage", "migrate", "--quiet", code=0).out == ""
    assert queuectl("storage", "migrate", "--json", code=0).json["jobs"] == 1


def test_it_is_copied(queuectl: Program, postgres: Postgres) -> None:
    """With what to type next; a second time there is nothing to do."""
    storage = {"plugin": "postgres", "dsn": postgres.dsn, "schema": postgres.schema}
    (queuectl.cwd / "postgres.yaml").write_text(json.dumps({"storage": storage}))
    ids = queuectl.enqueue("echo hello", "exit 3")
    queuectl("worker", "start", "--drain", "--set", "backoff.base=0.01", code=0)
    ran = queuectl("storage", "copy", "--to", "postgres.yaml", code=0)
    assert ran.out == "copied 2 jobs\n"
    assert "queuectl --config postgres.yaml worker start" in ran.err
    again = queuectl("storage", "copy", "--to", "postgres.yaml", "--json", code=0)
    assert again.json == {"copied": 0, "there": 2}
    assert queuectl("storage", "copy", "--to", "postgres.yaml", "--quiet", code=0).out == "0\n"
    there = ("--config", "postgres.yaml")
    assert queuectl(*there, "logs", ids[0], code=0).out == "hello\n"
    assert queuectl(*there, "list", "--json", code=0).json == queuectl("list", "--json", code=0).json


def test_where_it_cannot_go_is_told(queuectl: Program) -> None:
    """No file, no other store: one line each, and the right code."""
    assert "nowhere.yaml" in queuectl("storage", "copy", "--to", "nowhere.yaml", code=78).err
    (queuectl.cwd / "same.yaml").write_text(json.dumps({"storage": {"path": str(queuectl.home / "jobs.db")}}))
    queuectl.enqueue("true")
    assert "is the store to be copied itself" in queuectl("storage", "copy", "--to", "same.yaml", code=2).err


def test_it_is_copied_back_into_a_file(queuectl: Program, postgres: Postgres) -> None:
    """Whoever tried the server and wants one machine again loses nothing by it."""
    storage = {"plugin": "postgres", "dsn": postgres.dsn, "schema": postgres.schema}
    (queuectl.cwd / "postgres.yaml").write_text(json.dumps({"storage": storage}))
    (queuectl.cwd / "back.yaml").write_text("storage: {path: back.db}\n")
    ids = queuectl.enqueue("echo hello", "exit 3")
    queuectl("worker", "start", "--drain", "--set", "backoff.base=0.01", code=0)
    queuectl("storage", "copy", "--to", "postgres.yaml", code=0)
    assert queuectl("--config", "postgres.yaml", "storage", "copy", "--to", "back.yaml", "--quiet", code=0).out == "2\n"
    there = ("--config", "back.yaml")
    assert queuectl(*there, "logs", ids[0], code=0).out == "hello\n"
    assert queuectl(*there, "list", "--json", code=0).json == queuectl("list", "--json", code=0).json


def test_nobody_may_work_on_it_meanwhile(queuectl: Program) -> None:
    """A worker would run what is copied: it is told how to stop it."""
    (queuectl.cwd / "other.yaml").write_text("storage: {path: other.db}\n")
    queuectl("worker", "start", "--detach", code=0)
    ran = queuectl("storage", "copy", "--to", "other.yaml", code=4)
    queuectl("worker", "stop", code=0)
    assert "workers run on the store to be copied" in ran.err
    assert "hint: queuectl worker stop, then copy again" in ran.err
