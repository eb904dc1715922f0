"""The schema: made once by whoever comes first, and brought forward from older versions."""

from __future__ import annotations

import re
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import apsw
import pytest

from queuectl.errors import StorageRefusedError
from queuectl.model.job import NewJob
from queuectl_sqlite import schema
from queuectl_sqlite.storage import SqliteStorage

from .conftest import Open, Start


class TestMigrating:
    """A database that an older queuectl made."""

    @pytest.fixture
    def older(self, path: Path) -> Path:
        """Return a database of this version, with a job."""
        with closing(SqliteStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true")])
        return path

    @pytest.fixture
    def newer_code(self, monkeypatch: pytest.MonkeyPatch) -> int:
        """Make the code that of two versions later, and return that version."""
        scripts = (
            *schema.MIGRATIONS,
            "ALTER TABLE job ADD COLUMN first INTEGER; UPDATE job SET first = 7;",
            "ALTER TABLE job ADD COLUMN second TEXT;",
        )
        monkeypatch.setattr(schema, "MIGRATIONS", scripts)
        monkeypatch.setattr(schema, "VERSION", 1 + len(scripts))
        return schema.VERSION

    def test_opening_brings_it_forward(self, older: Path, newer_code: int, open_storage: Open) -> None:
        """Every step that is missing is taken, in order, and the jobs are still there."""
        storage = open_storage()
        assert storage.get("a") is not None
        assert version(older) == newer_code
        assert storage._main.apsw.execute("SELECT first, second FROM job").get == (7, None)

    def test_it_is_brought_forward_once(self, older: Path, newer_code: int) -> None:
        """The steps are not taken again by the next to open it."""
        for _ in range(3):
            SqliteStorage(older).close()
        assert version(older) == newer_code

    def test_an_open_handle_can_do_it_too(self, storage: SqliteStorage, newer_code: int, path: Path) -> None:
        """`migrate` does what opening does."""
        storage.migrate()
        assert version(path) == newer_code

    def test_a_step_that_fails_leaves_it_as_it_was(
        self, older: Path, newer_code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All steps are one transaction: an older queuectl can still use the database when one fails."""
        monkeypatch.setattr(schema, "MIGRATIONS", ("ALTER TABLE job ADD COLUMN first INTEGER;", "no sql"))
        with pytest.raises(Exception, match="syntax error"):
            SqliteStorage(older)
        monkeypatch.undo()
        assert version(older) == schema.VERSION
        with closing(SqliteStorage(older)) as storage:
            assert storage.get("a") is not None

    def test_older_code_refuses_what_is_newer(
        self, older: Path, newer_code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once it was brought forward, the older queuectl leaves it alone."""
        SqliteStorage(older).close()
        monkeypatch.undo()
        with pytest.raises(StorageRefusedError, match="newer queuectl"):
            SqliteStorage(older)


class TestTables:
    """What the tables themselves hold to."""

    def test_every_table_is_strict(self, storage: SqliteStorage) -> None:
        """Columns hold what they say."""
        tables = storage._main.apsw.execute("PRAGMA table_list").fetchall()
        assert {name for _, name, kind, _, _, strict in tables if kind == "table" and not strict} <= {
            "sqlite_schema",
            "sqlite_temp_schema",
            "sqlite_sequence",
        }

    def test_each_index_names_its_statement(self) -> None:
        """Each index stands under a comment that says what it is for."""
        lines = schema.CREATE.splitlines()
        indexes = [number for number, line in enumerate(lines) if re.match(r"CREATE (UNIQUE )?INDEX", line)]
        assert indexes
        assert [lines[number] for number in indexes if not lines[number - 1].startswith("--")] == []


def test_any_number_of_processes_may_be_the_first(start: Start, path: Path) -> None:
    """Processes that open a database that is not there yet, all at once, find one database afterwards."""
    children = [start(open_first) for _ in range(6)]
    for child in children:
        assert child.receive() == "ready"
    for number, child in enumerate(children):
        child.pipe.send(f"job-{number}")
    assert [child.receive() for child in children] == ["stored"] * len(children)
    with closing(SqliteStorage(path)) as storage:
        assert all(storage.get(f"job-{number}") for number in range(len(children)))
        assert storage.check() == []


def open_first(path: Path, pipe: Pipe) -> None:
    """Open the database when told to, and store a job."""
    pipe.send("ready")
    id = pipe.recv()
    with closing(SqliteStorage(path)) as storage:
        storage.enqueue([NewJob(id=id, command="true")])
    pipe.send("stored")


def version(path: Path) -> int:
    """Return the version that a database has."""
    with closing(apsw.Connection(str(path))) as connection:
        found: int = connection.execute("PRAGMA user_version").get
        return found
