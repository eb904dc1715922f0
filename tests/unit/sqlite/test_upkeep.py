"""Upkeep: what a check finds, and what a backup is."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from queuectl import (
    Ask,
    ConflictError,
    NewJob,
    Output,
    Result,
    Run,
    Settlement,
    StorageError,
    StorageRefusedError,
    Verdict,
)
from queuectl.model.outcome import Outcome
from queuectl_sqlite.storage import SqliteStorage

from .conftest import Open


@pytest.fixture
def busy(storage: SqliteStorage, worker: str, enqueue: Callable[..., None]) -> SqliteStorage:
    """Return a handle on a database with a bit of everything."""
    enqueue("a", "b", "c", tags=("x",))
    claims = storage.exchange(worker, [], Ask(limit=2)).claims
    run = Run(
        number=1,
        result=Result.COMPLETED,
        outcome=Outcome(exit_code=0),
        started_ago=1.0,
        ended_ago=0.0,
        output=Output(tail=b"done\n", size=5),
    )
    storage.exchange(worker, [Settlement(lease=claims[0].lease, verdict=Verdict.COMPLETED, run=run)], None)
    assert storage.check() == []
    return storage


class TestChecking:
    """A check finds what no transaction of ours could have left."""

    @pytest.mark.parametrize(
        ("damage", "fault"),
        [
            ("UPDATE count SET jobs = 7 WHERE state = 3", "queue 'default', state 3: 7 jobs are counted, 1 are there"),
            ("DELETE FROM count WHERE state = 3", "queue 'default', state 3: 0 jobs are counted, 1 are there"),
            ("DELETE FROM spec WHERE id = 'a'", "1 jobs without their command"),
            ("DELETE FROM attempt", "1 outputs without their attempt"),
            ("DELETE FROM worker", "1 leases of workers that are not registered"),
            ("UPDATE counter SET lease = 0", "2 lease tokens above their counter"),
            ("UPDATE job SET phase = 0 WHERE state = 1", "1 jobs whose phase and state do not fit"),
            ("DELETE FROM job WHERE state = 0", "1 commands without their job"),
            ("DELETE FROM job WHERE state = 3", "1 attempts without their job"),
            ("DELETE FROM job WHERE state = 0", "1 tags without their job"),
            ("UPDATE spec SET env = '{' WHERE id = 'b'", "1 jobs of which some JSON cannot be read"),
            ("UPDATE job SET state = 99, phase = 4 WHERE state = 0", "1 jobs in a state or phase that does not exist"),
            ("UPDATE job SET queue = 99", "3 jobs of no queue"),
            ("DELETE FROM counter", "1 missing row of the counter"),
            ("UPDATE worker SET role = 'cook'", "1 workers whose role, orders or queues cannot be read"),
            ("UPDATE worker SET stop = 'sometime'", "1 workers whose role, orders or queues cannot be read"),
            ("UPDATE worker SET queues = '['", "1 workers whose role, orders or queues cannot be read"),
            ("UPDATE attempt SET result = 'well'", "1 attempts with an unknown result"),
        ],
    )
    def test_it_finds(self, busy: SqliteStorage, damage: str, fault: str) -> None:
        """Each kind of damage is named, with how often it was found."""
        busy._main.apsw.execute(damage).fetchall()
        assert fault in busy.check()

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE spec SET command = CAST(x'FF' AS TEXT) WHERE id = 'b'",
            "UPDATE job SET error = CAST(x'61FF' AS TEXT) WHERE state = 0",
            "UPDATE tag SET tag = CAST(x'FF' AS TEXT)",
            "UPDATE attempt SET host = CAST(x'C3' AS TEXT)",
            "UPDATE worker SET host = CAST(x'C3' AS TEXT)",
            "UPDATE queue SET name = CAST(x'C3' AS TEXT)",
            "INSERT INTO consumer (name, cursor, since, until) VALUES (CAST(x'C3' AS TEXT), 0, 0.0, 0.0)",
            "INSERT INTO firing VALUES (CAST(x'C3' AS TEXT), 0.0)",
            "INSERT INTO event (name, at, job) VALUES ('job.dead', 0.0, '{')",
            "INSERT INTO event (name, at, job) VALUES ('job.dead', 0.0, '{\"id\": \"a\"}')",
            "INSERT INTO event (name, at) VALUES (CAST(x'C3' AS TEXT), 0.0)",
        ],
    )
    def test_it_reads_all_text(self, busy: SqliteStorage, damage: str) -> None:
        """SQLite sees nothing wrong with a text in which a bit was turned; whoever reads it does."""
        busy._main.apsw.execute(damage).fetchall()
        assert len(busy.check()) == 1

    def test_it_finds_an_index_that_is_out_of_order(self, busy: SqliteStorage, path: Path, open_storage: Open) -> None:
        """Its entries are as many as they should be, but statements that go by it pass jobs over."""
        db = busy._main.apsw
        db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        db.execute("PRAGMA writable_schema = ON").fetchall()
        turned = "replace(sql, '(queue, state)', '(state, queue)')"
        db.execute(f"UPDATE sqlite_schema SET sql = {turned} WHERE name = 'job_listed'").fetchall()
        busy.close()
        assert "database: row 1 missing from index job_listed" in open_storage().check()

    def test_it_finds_a_schema_that_was_altered(self, busy: SqliteStorage, open_storage: Open) -> None:
        """A column has another name, of which SQLite sees nothing wrong; who asks for it hears of damage."""
        db = busy._main.apsw
        db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        db.execute("PRAGMA writable_schema = ON").fetchall()
        turned = "replace(sql, 'max_jobs ', 'max_jobz ')"
        db.execute(f"UPDATE sqlite_schema SET sql = {turned} WHERE name = 'queue'").fetchall()
        busy.close()
        storage = open_storage()
        assert storage.check() == ["schema: queue is not as it was made"]
        with pytest.raises(StorageRefusedError, match="is damaged: schema: queue is not as it was made"):
            storage.queues()

    def test_it_finds_a_broken_index(self, busy: SqliteStorage, path: Path, open_storage: Open) -> None:
        """What SQLite itself finds is told too."""
        db = busy._main.apsw
        (page,) = [
            number for name, number in db.execute("SELECT name, rootpage FROM sqlite_schema") if name == "job_ready"
        ]
        busy.close()
        data = bytearray(path.read_bytes())
        data[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
        path.write_bytes(data)
        faults = open_storage().check()
        assert faults
        assert all(fault.startswith("database: ") for fault in faults)


class TestBackup:
    """A copy that is consistent, and nobody else's business."""

    def test_it_is_a_database_like_the_first(self, busy: SqliteStorage, tmp_path: Path) -> None:
        """A backup opens as a store, with the same jobs."""
        busy.backup(tmp_path / "copy.db")
        with closing(SqliteStorage(tmp_path / "copy.db")) as copy:
            assert copy.check() == []
            assert [copy.get(id) for id in "abc"] == [busy.get(id) for id in "abc"]
            assert copy.output("a", 1) == Output(tail=b"done\n", size=5)

    def test_it_is_one_private_file(self, busy: SqliteStorage, tmp_path: Path) -> None:
        """A backup is a single file that only its owner may read."""
        directory = tmp_path / "backups"
        directory.mkdir()
        busy.backup(directory / "copy.db")
        assert [entry.name for entry in directory.iterdir()] == ["copy.db"]
        assert stat.S_IMODE((directory / "copy.db").stat().st_mode) == 0o600

    def test_it_overwrites_nothing(self, busy: SqliteStorage, tmp_path: Path) -> None:
        """A file that is there is left alone, and so is what a link leads to."""
        (tmp_path / "file").write_text("precious")
        (tmp_path / "link").symlink_to(tmp_path / "target")
        for name in ("file", "link"):
            with pytest.raises(ConflictError, match="exists already"):
                busy.backup(tmp_path / name)
        assert (tmp_path / "file").read_text() == "precious"
        assert not (tmp_path / "target").exists()

    def test_a_place_that_cannot_be_written(self, busy: SqliteStorage, tmp_path: Path) -> None:
        """A directory that is not there is told in one line."""
        with pytest.raises(StorageError, match="cannot be created"):
            busy.backup(tmp_path / "nothing" / "copy.db")

    def test_writers_go_on_meanwhile(self, busy: SqliteStorage, tmp_path: Path, open_storage: Open) -> None:
        """Others write during a backup, which has what was committed before it, and part of nothing."""
        other = open_storage()
        stop = threading.Event()
        written: list[str] = []

        def write() -> None:
            while not stop.is_set():
                names = [f"{len(written)}-{number}" for number in range(10)]
                other.enqueue([NewJob(id=name, command="true") for name in names])
                written.extend(names)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            while len(written) < 100:
                stop.wait(0.001)
            before = list(written)
            busy.backup(tmp_path / "copy.db")
        finally:
            stop.set()
            writer.join()
        with closing(SqliteStorage(tmp_path / "copy.db")) as copy:
            assert copy.check() == []
            assert all(copy.get(name) for name in before)
            assert sum(map(sum, (states.values() for states in copy.counts().values()))) % 10 == 3
