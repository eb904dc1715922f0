"""Bulk: 100,000 jobs from JSON Lines by the command, beside rows that go straight into SQLite."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.speed import raw
from benchmarks.speed.contest import Budget, Contender, Contest
from benchmarks.speed.programs import QUEUECTL, lacks_module, run

JOBS = 100_000
FEW = 3000
"""As many for who writes each through to the disk."""


def contest() -> Contest:
    """Return the contest."""
    return Contest(
        title="bulk enqueue: 100,000 jobs from JSON Lines, the whole command",
        unit="jobs/s",
        contenders=[
            Contender("queuectl enqueue", _queuectl),
            Contender("SQLite, one row each", lambda folder: raw.inserted(folder, JOBS)),
            Contender("litequeue, in one transaction", _litequeue, lacks_module("litequeue")),
            Contender("honker, in one transaction", _honker, lacks_module("honker")),
            Contender("huey, one by one", _huey, lacks_module("huey")),
        ],
        budget=Budget("SQLite, one row each", 100 / 590),
    )


def _queuectl(folder: Path) -> float:
    path = folder / "jobs.jsonl"
    path.write_text("".join(json.dumps({"command": ["echo", str(number)]}) + "\n" for number in range(JOBS)))
    began = time.perf_counter()
    run(folder, *QUEUECTL, "enqueue", "--quiet", "--file", path)
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


def _honker(folder: Path) -> float:
    import honker

    database: Any = honker.open(str(folder / "honker.db"))
    queue = database.queue("jobs")
    began = time.perf_counter()
    with database.transaction() as transaction:
        for number in range(JOBS):
            queue.enqueue(f"echo {number}", tx=transaction)
    taken = time.perf_counter() - began
    database.close()
    return JOBS / taken


def _huey(folder: Path) -> float:
    import huey

    queue: Any = huey.SqliteHuey(filename=str(folder / "huey.db"))
    task = queue.task()(print)
    began = time.perf_counter()
    for number in range(FEW):
        task(f"echo {number}")
    return FEW / (time.perf_counter() - began)
