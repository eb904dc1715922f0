"""What is promised of a copy that is killed, again and again: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

import queuectl
from queuectl import Queue
from queuectl.model.attempt import Output
from queuectl.model.lease import Settlement, Verdict
from queuectl.testing.contract.steps import claim, enqueue, ran, register
from queuectl_postgres import Postgres
from tests.waiting import until

JOBS = 1000

KILLS = 6

Store = Mapping[str, Any]


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> Iterator[dict[str, Store]]:
    """Return stores to copy from and to."""
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path / "home"))
    schemas = {name: f"{postgres.schema}_{name}" for name in ("old", "new")}
    yield {
        "sqlite old": {"plugin": "sqlite", "path": str(tmp_path / "old.db")},
        "sqlite new": {"plugin": "sqlite", "path": str(tmp_path / "new.db")},
        **{
            f"postgres {name}": {"plugin": "postgres", "dsn": postgres.dsn, "schema": schema}
            for name, schema in schemas.items()
        },
    }
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        for schema in schemas.values():
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def configured(folder: Path, name: str, store: Store) -> Path:
    """Write a configuration that names a store."""
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"storage": store}))
    return path


def fill(queue: Queue) -> None:
    """Store jobs of which half have run, each with its output."""
    storage = queue.storage
    worker = register(storage, "worker-1")
    enqueue(storage, *(f"done-{number:04}" for number in range(JOBS // 2)))
    while claims := claim(storage, worker, 100):
        settlements = [
            Settlement(
                lease=each.lease,
                verdict=Verdict.COMPLETED,
                run=ran(each, output=Output(tail=each.job.id.encode(), size=len(each.job.id))),
            )
            for each in claims
        ]
        storage.exchange(worker, settlements, None)
    storage.retire(worker)
    enqueue(storage, *(f"waits-{number:04}" for number in range(JOBS // 2)), tags=("a", "b"))


def read(queue: Queue) -> list[Any]:
    """Return all jobs in order with their attempts and outputs."""
    storage = queue.storage
    return [(job.id, job.state, list(storage.attempts(job.id)), storage.output(job.id, 1)) for job in queue.iterate()]


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.parametrize("of", ["sqlite", "postgres"])
def test_a_copy_that_is_killed_goes_on(tmp_path: Path, stores: dict[str, Store], of: str, to: str) -> None:
    """Typed again after each SIGKILL it ends where it would have ended at once."""
    old = configured(tmp_path, "old", stores[f"{of} old"])
    new = configured(tmp_path, "new", stores[f"{to} new"])
    with closing(queuectl.open(old)) as source, closing(queuectl.open(new)) as target:
        fill(source)
        kills = 0
        while True:
            before = sum(target.totals().values())
            process = subprocess.Popen(
                [sys.executable, "-m", "queuectl", "--config", str(old), "storage", "copy", "--to", str(new)],
                stdout=subprocess.DEVNULL,
                env=os.environ,
            )
            if kills == KILLS:
                assert process.wait(180) == 0
                break
            until(lambda: sum(target.totals().values()) > before or process.poll() is not None)  # noqa: B023
            process.send_signal(signal.SIGKILL)
            kills += process.wait(180) == -signal.SIGKILL
            if sum(target.totals().values()) == JOBS:
                break
        assert kills > 1
        assert read(target) == read(source)
        assert len(target.list()) == JOBS
        assert list(target.storage.check()) == []
