"""Connections: transactions that are whole, wait their turn, and are on the disk when they say so."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import apsw
import pytest

from queuectl.errors import (
    QueuectlError,
    StorageBusyError,
    StorageError,
    StorageGoneError,
    StorageRefusedError,
    UsageError,
)
from queuectl.model.job import NewJob
from queuectl.model.lease import Ask
from queuectl.model.query import Action, Query
from queuectl.model.worker import NewWorker, StopMode
from queuectl_sqlite import patience
from queuectl_sqlite.connection import Connection
from queuectl_sqlite.storage import SqliteStorage

from .conftest import Open, Start

FULL, NORMAL = 2, 1


def new(id: str) -> NewJob:
    """Return a job to store."""
    return NewJob(id=id, command="true")


class TestDurability:
    """What is on the disk when a call returns."""

    def test_what_people_typed_is_synced(self, storage: SqliteStorage) -> None:
        """An enqueue, a change and a setting are on the disk when they return."""
        calls: list[Callable[[], object]] = [
            lambda: storage.enqueue([new("a")]),
            lambda: storage.change(Action.CANCEL, ["a"]),
            lambda: storage.set_queue("default", paused=True),
            lambda: storage.prune(Query(), 10),
        ]
        for call in calls:
            storage.register(NewWorker(id=os.urandom(4).hex(), host="h", pid=1))
            assert synchronous(storage) == NORMAL
            call()
            assert synchronous(storage) == FULL

    def test_what_workers_do_rides_on_the_next_sync(self, storage: SqliteStorage, worker: str) -> None:
        """Claims and results are not synced one by one."""
        for call in (
            lambda: storage.exchange(worker, [], Ask(limit=1)),
            lambda: storage.take_over([worker], "nobody"),
            lambda: storage.request_stop([worker], StopMode.FINISH),
            lambda: storage.retire(worker),
        ):
            storage.enqueue([new(os.urandom(4).hex())])
            call()
            assert synchronous(storage) == NORMAL

    def test_full_syncs_everything(self, open_storage: Open) -> None:
        """With `durability: full` claims and results are on the disk too."""
        storage = open_storage(always_sync=True)
        storage.register(NewWorker(id="worker-1", host="host-1", pid=1))
        assert synchronous(storage) == FULL

    def test_the_database_is_not_trusted(self, storage: SqliteStorage) -> None:
        """Nothing in the file may call functions that a schema should not, or change the schema as text."""
        db = storage._main.apsw
        assert db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1) == 0
        assert db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1


def synchronous(storage: SqliteStorage) -> int:
    """Return how the connection that writes syncs."""
    level: int = storage._main.apsw.execute("PRAGMA synchronous").get
    return level


class TestWaitingForTheLock:
    """Another process writes."""

    def test_a_short_lock_is_waited_out(self, storage: SqliteStorage, path: Path) -> None:
        """A write waits until the other has ended."""
        with closing(apsw.Connection(str(path))) as other:
            other.execute("BEGIN IMMEDIATE")
            writer = threading.Thread(target=storage.enqueue, args=([new("a")],))
            writer.start()
            other.execute("COMMIT")
            writer.join(60.0)
        assert storage.get("a") is not None

    def test_readers_do_not_wait(self, storage: SqliteStorage, path: Path) -> None:
        """A reader sees the last commit while another process writes."""
        storage.enqueue([new("a")])
        with closing(apsw.Connection(str(path))) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM spec").fetchall()
            assert storage.get("a") is not None
            other.execute("ROLLBACK")

    def test_a_lock_that_lasts_is_busy(self, open_storage: Open, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After its patience a write gives up with code 75, and nothing is written."""
        monkeypatch.setattr(patience, "LONG", 0.05)
        storage = open_storage()
        with closing(apsw.Connection(str(path))) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageBusyError) as caught:
                storage.enqueue([new("a")])
            other.execute("ROLLBACK")
        assert caught.value.exit_code == 75
        assert storage.get("a") is None
        storage.enqueue([new("a")])

    def test_no_writer_starves(self, storage: SqliteStorage, start: Start) -> None:
        """Of four processes that write as fast as they can, each gets its share."""
        children = [start(write_until_enough) for _ in range(4)]
        for child in children:
            assert child.receive() == "ready"
        for number, child in enumerate(children):
            child.pipe.send(f"writer-{number}")
        shares = [child.receive() for child in children]
        assert sum(shares) >= ENOUGH
        assert min(shares) >= ENOUGH / len(shares) / 5


ENOUGH = 400


def write_until_enough(path: Path, pipe: Pipe) -> None:
    """Enqueue jobs one by one until all processes together have enqueued enough, and tell how many were our own."""
    with closing(SqliteStorage(path)) as storage:
        pipe.send("ready")
        name = pipe.recv()
        written = 0
        while sum(sum(states.values()) for states in storage.counts().values()) < ENOUGH:
            storage.enqueue([new(f"{name}-{written}")])
            written += 1
        pipe.send(written)


class TestMeanings:
    """What goes wrong is told in words, with the right code."""

    def test_text_that_is_no_unicode(self, storage: SqliteStorage) -> None:
        """A lone surrogate, as it stands for a byte that is no UTF-8, can be neither stored nor looked up."""
        with pytest.raises(UsageError, match="Unicode"):
            storage.enqueue([NewJob(id="a", command="echo \udcff")])
        with pytest.raises(UsageError, match="Unicode"):
            storage.get("\udcff")
        assert storage.counts() == {}

    def test_a_number_that_is_too_large(self, storage: SqliteStorage) -> None:
        """Integers have 64 bits."""
        with pytest.raises(UsageError, match="too large"):
            storage.enqueue([NewJob(id="a", command="true", priority=2**63)])
        assert storage.get("a") is None

    def test_damage_that_is_met_later(self, open_storage: Open, path: Path) -> None:
        """A page that is spoilt where opening does not look is told as damage when it is read."""
        with closing(SqliteStorage(path)) as storage:
            storage.enqueue([new(f"job-{number}") for number in range(2000)])
        data = bytearray(path.read_bytes())
        data[4096 * 40 :] = os.urandom(len(data) - 4096 * 40)
        path.write_bytes(data)
        storage = open_storage()
        with pytest.raises(StorageRefusedError, match="damaged"):
            storage.list(Query(), None, 10_000)

    @pytest.mark.parametrize(
        "spoil",
        [
            "UPDATE spec SET env = '{'",
            "UPDATE spec SET command = CAST(X'FF' AS TEXT)",
            "UPDATE spec SET argv = CAST(X'5BFF5D' AS TEXT)",
        ],
    )
    def test_damage_that_sqlite_does_not_see(self, storage: SqliteStorage, worker: str, spoil: str) -> None:
        """A text that cannot be read as what was written is damage too, whoever reads it."""
        storage.enqueue([new("a")])
        storage._main.apsw.execute(spoil).fetchall()
        for call in (
            lambda: storage.get("a"),
            lambda: storage.list(Query(), None, 10),
            lambda: storage.change(Action.HOLD, ["a"]),
            lambda: storage.exchange(worker, [], Ask(limit=1)),
        ):
            with pytest.raises(StorageRefusedError, match="damaged"):
                call()

    def test_a_closed_handle(self, storage: SqliteStorage) -> None:
        """A closed handle says so."""
        storage.close()
        for call in (lambda: storage.enqueue([new("a")]), lambda: storage.get("a"), lambda: storage.beat("worker")):
            with pytest.raises(StorageError, match="closed"):
                call()

    def test_who_was_interrupted_on_the_way_in_can_close(self, storage: SqliteStorage) -> None:
        """An interrupt may come when a transaction has begun, and nobody is there yet to end it."""
        storage.get("a")
        entering = storage._main.writing(durable=True)
        entering.__enter__()
        storage.close()
        del entering

    def test_a_file_that_was_removed(self, storage: SqliteStorage, path: Path) -> None:
        """A database that was removed while it was open is not written to: nobody would ever see it."""
        storage.get("a")
        path.rename(path.with_suffix(".old"))
        for call in (lambda: storage.enqueue([new("a")]), lambda: storage.get("a")):
            with pytest.raises(StorageGoneError, match="was removed"):
                call()
        path.touch()
        with pytest.raises(StorageGoneError, match="was replaced"):
            storage.get("a")
        path.with_suffix(".old").rename(path)
        storage.enqueue([new("a")])
        assert storage.get("a") is not None

    @pytest.mark.parametrize("suffix", ["-wal", "-shm"])
    def test_a_log_that_was_removed(self, storage: SqliteStorage, path: Path, suffix: str) -> None:
        """Nothing is written that others would never see, or that would spoil what they see; closing saves all."""
        storage.enqueue([new("a")])
        storage.get("a")
        Path(f"{path}{suffix}").unlink()
        for call in (lambda: storage.enqueue([new("b")]), lambda: storage.get("a"), lambda: storage.beat("worker")):
            with pytest.raises(StorageRefusedError, match=f"{suffix} was removed while it was open"):
                call()
        storage.close()
        with closing(SqliteStorage(path)) as anew:
            assert (anew.get("a") is not None, anew.check()) == (True, [])

    def test_a_new_database_is_held_from_the_start(self, path: Path) -> None:
        """Whoever closes it meanwhile is not the last to have it open, and leaves the log in its place."""
        with closing(Connection(path)):
            other = (
                "import apsw, sys; db = apsw.Connection(sys.argv[1]); db.execute('SELECT * FROM job').get; db.close()"
            )
            subprocess.run([sys.executable, "-c", other, path], check=True)
            assert Path(f"{path}-wal").exists()

    def test_a_log_in_whose_place_is_another(self, storage: SqliteStorage, path: Path) -> None:
        """What others stored since stays, even if they were killed at once, and the store is sound."""
        storage.enqueue([new("a")])
        storage.get("a")
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").rename(f"{path}{suffix}.old")
        script = """
import os, sys
from pathlib import Path
from queuectl import NewJob
from queuectl_sqlite.storage import SqliteStorage
SqliteStorage(Path(sys.argv[1])).enqueue([NewJob(id="b", command="true")])
os.kill(os.getpid(), 9)
"""
        killed = subprocess.run([sys.executable, "-c", script, path], check=False)
        assert killed.returncode == -9
        with pytest.raises(StorageRefusedError, match="-wal was removed"):
            storage.get("a")
        storage.close()
        storage.close()
        with closing(SqliteStorage(path)) as anew:
            assert (anew.get("b") is not None, anew.check()) == (True, [])

    def test_after_a_fork(self, storage: SqliteStorage) -> None:
        """A handle does not work on the other side of a fork, where SQLite's locks do not hold."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                storage.enqueue([new("a")])
            except QueuectlError as error:
                os.write(writer, error.message.encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.waitpid(child, 0)
        with open(reader, "rb") as told:
            assert b"fork" in told.read()


class TestWhatNobodyForesaw:
    """Errors of the code that reads rows."""

    @pytest.mark.parametrize(
        ("damage", "call", "fault"),
        [
            ("UPDATE job SET state = 77", lambda storage: storage.get("a"), "phase and state do not fit"),
            ("UPDATE worker SET role = 'cook'", lambda storage: storage.workers(), "role, orders or queues"),
            ("DELETE FROM counter", lambda storage: storage.exchange("worker", [], Ask(limit=1)), "of the counter"),
        ],
    )
    def test_they_are_due_to_damage_where_there_is_some(
        self, storage: SqliteStorage, damage: str, call: Callable[[SqliteStorage], object], fault: str
    ) -> None:
        """It is told as such, and what it is."""
        storage.register(NewWorker(id="worker", host="here", pid=1))
        storage.enqueue([new("a")])
        storage._main.apsw.execute(damage).fetchall()
        with pytest.raises(StorageRefusedError, match=fault):
            call(storage)

    def test_on_a_sound_database_they_are_what_they_are(
        self, storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A fault of the program is not blamed on the disk."""
        monkeypatch.setattr("queuectl_sqlite.storage.job_of", lambda _: int("x"))
        storage.enqueue([new("a")])
        with pytest.raises(ValueError, match="invalid literal"):
            storage.get("a")


class TestRollingBack:
    """A transaction is done whole or not at all."""

    def test_an_error_inside_leaves_nothing(self, storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever is raised inside a transaction undoes it, and the next one works."""
        monkeypatch.setattr("queuectl_sqlite.transaction.Transaction.finish", _fail)
        with pytest.raises(KeyboardInterrupt):
            storage.enqueue([new("a")])
        monkeypatch.undo()
        assert storage.get("a") is None
        storage.enqueue([new("a")])
        assert storage.check() == []


def _fail(_: object) -> None:
    raise KeyboardInterrupt
