"""Bulk: 100,000 jobs from JSON Lines by the command, beside rows that go straight into SQLite."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import apsw

from benchmarks.speed.contest import Budget, Contender, Contest
from benchmarks.speed.programs import QUEUECTL, lacks_module, run

JOBS = 100_000

TABLE = """
    CREATE TABLE job (
        id INTEGER PRIMARY KEY, state INTEGER, priority INTEGER, at REAL, retries INTEGER, command TEXT, cwd TEXT
    ) STRICT;
    CREATE INDEX ready ON job (priority DESC, id) WHERE state = 0;
    CREATE INDEX due ON job (at) WHERE state = 1
"""


def contest() -> Contest:
    """Return the contest."""
    return Contest(
        title="bulk enqueue: 100,000 jobs from JSON Lines, the whole command",
        unit="jobs/s",
        contenders=[
            Contender("queuectl enqueue", _queuectl),
            Contender("SQLite, one row each", _sqlite),
            Contender("litequeue, in one transaction", _litequeue, lacks_module("litequeue")),
        ],
        budget=Budget("SQLite, one row each", 100 / 590),
    )


def _queuectl(folder: Path) -> float:
    path = folder / "jobs.jsonl"
    path.write_text("".join(json.dumps({"command": ["echo", str(number)]}) + "\n" for number in range(JOBS)))
    began = time.perf_counter()
    run(folder, *QUEUECTL, "enqueue", "--quiet", "--file", path)
    return JOBS / (time.perf_counter() - began)


def _sqlite(folder: Path) -> float:
    with closing(apsw.Connection(str(folder / "raw.db"))) as db:
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        db.execute(TABLE).fetchall()
        began = time.perf_counter()
        with db:
            rows = ((0, 0, 0.0, 3, f"echo {number}", "/home/somebody/work") for number in range(JOBS))
            db.executemany(
                "INSERT INTO job (state, priority, at, retries, command, cwd) VALUES (?, ?, ?, ?, ?, ?)", rows
            )
        return JOBS / (time.perf_counter() - began)


def _litequeue(folder: Path) -> float:
    import litequeue

    queue = litequeue.LiteQueue(str(folder / "litequeue.db"))
    began = time.perf_counter()
    with queue.transaction():
        for number in range(JOBS):
            queue.put(f"echo {number}")
    taken = time.perf_counter() - began
    queue.close()
    return JOBS / taken
