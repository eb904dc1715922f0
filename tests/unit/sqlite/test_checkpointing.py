"""Checkpoints: the log does not grow without bound."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from queuectl import NewJob
from queuectl_sqlite import checkpointing
from queuectl_sqlite.storage import SqliteStorage

PAGE = 4096


@pytest.fixture(autouse=True)
def small_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what happens at megabytes happen at kilobytes."""
    monkeypatch.setattr(checkpointing, "PAGES", 40)
    monkeypatch.setattr(checkpointing, "TOO_MANY_PAGES", 200)


def write(storage: SqliteStorage, pages: int) -> None:
    """Enqueue jobs until about so many pages were written to the log."""
    for _ in range(pages // 10):
        storage.enqueue([NewJob(id=os.urandom(8).hex(), command="x" * PAGE * 4)])


def log_size(path: Path) -> int:
    """Return how long the log is, in pages."""
    return os.path.getsize(f"{path}-wal") // PAGE


def test_the_log_is_moved_into_the_file(storage: SqliteStorage, path: Path) -> None:
    """However much is written, the log stays short."""
    write(storage, 2000)
    assert log_size(path) < 100
    assert path.stat().st_size > 100 * PAGE


def test_a_long_log_starts_anew_between_readers(storage: SqliteStorage, path: Path) -> None:
    """A reader that stays makes the log grow; when it is gone, the log starts anew, though another one has come."""
    with closing(apsw.Connection(str(path))) as first, closing(apsw.Connection(str(path))) as second:
        first.execute("BEGIN; SELECT count(*) FROM job").fetchall()
        write(storage, 150)
        assert log_size(path) > 100
        second.execute("BEGIN; SELECT count(*) FROM job").fetchall()
        first.execute("COMMIT")
        second.execute("COMMIT")
        write(storage, 1500)
        assert log_size(path) < 400


def test_a_reader_that_stays_fails_no_commit(storage: SqliteStorage, path: Path) -> None:
    """A log that cannot be moved just grows: what was committed stands."""
    with closing(apsw.Connection(str(path))) as reader:
        reader.execute("BEGIN; SELECT count(*) FROM job").fetchall()
        write(storage, 300)
        assert log_size(path) > 250
        reader.execute("COMMIT")
    assert sum(sum(states.values()) for states in storage.counts().values()) == 30
    assert storage.check() == []


def test_a_large_log_is_shortened(storage: SqliteStorage) -> None:
    """SQLite keeps no more than 16 MiB of a log that a large transaction made long."""
    assert storage._main.apsw.execute("PRAGMA journal_size_limit").get == 16 * 2**20
