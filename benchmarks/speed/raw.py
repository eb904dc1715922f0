"""The limit of SQLite: rows of about the size of a job's, written, claimed and done by nothing but the statements."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import apsw

BATCH = 16
"""As many as workers claim at once."""

TABLE = """
    CREATE TABLE job (
        id INTEGER PRIMARY KEY, state INTEGER, priority INTEGER, at REAL, retries INTEGER, command TEXT, cwd TEXT
    ) STRICT;
    CREATE INDEX ready ON job (priority DESC, id) WHERE state = 0;
    CREATE INDEX due ON job (at) WHERE state = 1
"""

INSERT = "INSERT INTO job (state, priority, at, retries, command, cwd) VALUES (?, ?, ?, ?, ?, ?)"

CLAIM = """
    UPDATE job SET state = 2
    WHERE id IN (SELECT id FROM job WHERE state = 0 ORDER BY priority DESC, id LIMIT ?)
    RETURNING id, command, cwd
"""

DONE = "UPDATE job SET state = 3 WHERE id = ?"


def inserted(folder: Path, jobs: int) -> float:
    """Return how many rows a second go into an empty table, in one transaction."""
    with closing(_database(folder)) as db:
        return jobs / _fill(db, jobs)


def worked(folder: Path, jobs: int) -> float:
    """Return how many rows a second are claimed, and marked as done in the transaction of the next claim."""
    with closing(_database(folder)) as db:
        _fill(db, jobs)
        claimed: list[tuple[int, str, str]] = []
        began = time.perf_counter()
        for _ in range(0, jobs + BATCH, BATCH):
            with db:
                db.executemany(DONE, [(id,) for id, _, _ in claimed])
                claimed = list(db.execute(CLAIM, (BATCH,)))
        return jobs / (time.perf_counter() - began)


def _database(folder: Path) -> apsw.Connection:
    db = apsw.Connection(str(folder / "raw.db"))
    db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL").fetchall()
    db.execute(TABLE).fetchall()
    return db


def _fill(db: apsw.Connection, jobs: int) -> float:
    began = time.perf_counter()
    with db:
        rows = ((0, 0, 0.0, 3, f"echo {number}", "/home/somebody/work") for number in range(jobs))
        db.executemany(INSERT, rows)
    return time.perf_counter() - began
