"""Waking: who waits is rung after a commit, in whatever way the other ends, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import apsw
import pytest

from queuectl.model.job import NewJob
from queuectl.model.lease import Ask, Settlement, Verdict
from queuectl.model.worker import NewWorker
from queuectl_sqlite import doorbell, waking
from queuectl_sqlite.storage import SqliteStorage
from queuectl_sqlite.waking import Waker

from .conftest import PATIENCE, Open, Start

LONG = 2 * PATIENCE


def bells(path: Path) -> list[Path]:
    """Return the doorbells beside a database."""
    directory = path.with_name(path.name + "-wake")
    return sorted(directory.iterdir()) if directory.exists() else []


def new(id: str) -> NewJob:
    """Return a job to store."""
    return NewJob(id=id, command="true")


class TestBells:
    """The files by which processes ring each other."""

    def test_nobody_has_one_before_waiting(self, storage: SqliteStorage, path: Path) -> None:
        """A handle that never waits makes no file."""
        storage.enqueue([new("a")])
        assert bells(path) == []

    def test_it_goes_with_its_handle(self, storage: SqliteStorage, path: Path) -> None:
        """Closing a handle takes its bell away, and the last one the directory."""
        storage.wait(0.0)
        assert len(bells(path)) == 1
        storage.close()
        assert bells(path) == []
        assert not path.with_name("jobs.db-wake").exists()

    def test_that_of_a_killed_process_is_removed(self, storage: SqliteStorage, path: Path, start: Start) -> None:
        """The next to ring finds that nobody listens, and removes it."""
        child = start(wait_for_ever)
        assert child.receive() == "waiting"
        child.kill()
        assert len(bells(path)) == 1
        storage.enqueue([new("a")])
        assert bells(path) == []

    def test_that_of_one_killed_while_making_it_is_removed(
        self, storage: SqliteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A FIFO that never got its name is removed once it is old, and only then."""
        directory = path.with_name("jobs.db-wake")
        directory.mkdir()
        os.mkfifo(directory / ".123-abc")
        Waker(directory).wait(0.0, lambda: False)
        assert directory / ".123-abc" in bells(path)
        monkeypatch.setattr(doorbell, "ABANDONED_AFTER", -1.0)
        with closing(Waker(directory)) as waker:
            waker.wait(0.0, lambda: False)
            assert directory / ".123-abc" not in bells(path)

    def test_no_descriptor_is_left(self, storage: SqliteStorage, path: Path) -> None:
        """Handles that open, wait, read, write and close leave no descriptor."""

        def come_and_go(times: int) -> int:
            for _ in range(times):
                with closing(SqliteStorage(path)) as other:
                    other.wait(0.0)
                    other.enqueue([new(os.urandom(4).hex())])
                    other.get("a")
            return len(os.listdir("/proc/self/fd"))

        # SQLite keeps a few descriptors of a file that other handles of the process have locked, and uses them again.
        assert come_and_go(5) >= come_and_go(20)

    def test_the_directory_may_vanish(self, path: Path) -> None:
        """Somebody who leaves last may remove the directory at any moment; the next just makes it anew."""
        directory = path.with_name("jobs.db-wake")
        path.parent.mkdir()
        stop = threading.Event()

        def come_and_go() -> None:
            while not stop.is_set():
                with closing(Waker(directory)) as waker:
                    waker.wait(0.0, lambda: False)

        other = threading.Thread(target=come_and_go)
        other.start()
        try:
            for _ in range(200):
                with closing(Waker(directory)) as waker:
                    waker.wait(0.0, lambda: False)
        finally:
            stop.set()
            other.join()
        assert not directory.exists()


class TestRinging:
    """Who is rung for what."""

    def test_work_rings_everybody(self, path: Path, open_storage: Open) -> None:
        """A new job rings those who wait for work and those who wait for news."""
        worker, client, other = open_storage(), open_storage(), open_storage()
        settled(worker, lambda: worker.exchange("nobody", [], Ask(limit=1)))
        settled(client, lambda: None)
        other.enqueue([new("a")])
        assert heard(worker)
        assert heard(client)

    def test_a_result_rings_clients_only(self, path: Path, open_storage: Open) -> None:
        """A job that completed is news for who waits for it; a busy worker is not disturbed by it."""
        worker, client, other = open_storage(), open_storage(), open_storage()
        other.register(NewWorker(id="worker-1", host="host", pid=1))
        other.enqueue([new("a"), new("b")])
        first, _ = other.exchange("worker-1", [], Ask(limit=2)).claims
        settled(worker, lambda: worker.exchange("nobody", [], Ask(limit=1)))
        settled(client, lambda: None)
        other.exchange("worker-1", [Settlement(lease=first.lease, verdict=Verdict.COMPLETED)], None)
        assert heard(client)
        assert not heard(worker)

    def test_the_end_of_a_queue_rings_everybody(self, path: Path, open_storage: Open) -> None:
        """A queue without a live job is what workers that drain wait for."""
        worker, other = open_storage(), open_storage()
        other.register(NewWorker(id="worker-1", host="host", pid=1))
        other.enqueue([new("a")])
        (claim,) = other.exchange("worker-1", [], Ask(limit=2)).claims
        settled(worker, lambda: worker.exchange("nobody", [], Ask(limit=1)))
        other.exchange("worker-1", [Settlement(lease=claim.lease, verdict=Verdict.COMPLETED)], None)
        assert heard(worker)

    def test_nobody_rings_himself(self, storage: SqliteStorage, worker: str) -> None:
        """What a handle commits itself does not end its own next wait."""
        settled(storage, lambda: storage.exchange(worker, [], Ask(limit=1)))
        storage.enqueue([new("a")])
        assert storage.wait(0.01) is False


def settled(storage: SqliteStorage, look: Callable[[], object]) -> None:
    """Have a handle wait until nothing is left that would end a wait."""
    look()
    while storage.wait(0.0):
        look()


def heard(storage: SqliteStorage) -> bool:
    """Return whether a handle was rung since, without a look at the database."""
    bell = storage._waker._bell
    assert bell is not None
    return bell.wait(0.0)


class TestWaiting:
    """A wait that must end."""

    def test_a_commit_without_a_ring_is_found(self, storage: SqliteStorage, path: Path) -> None:
        """A process that is killed between its commit and the ring delays others by one look at most."""
        settled(storage, lambda: None)
        with closing(apsw.Connection(str(path))) as other:
            other.execute("UPDATE counter SET lease = lease + 1").fetchall()
        assert storage.wait(LONG) is True

    def test_a_commit_without_a_ring_ends_a_wait_that_runs(self, storage: SqliteStorage, path: Path) -> None:
        """It does so too while somebody waits already."""
        settled(storage, lambda: None)
        results: list[bool] = []
        waiting = threading.Thread(target=lambda: results.append(storage.wait(LONG)))
        waiting.start()
        with closing(apsw.Connection(str(path))) as other:
            other.execute("UPDATE counter SET lease = lease + 1").fetchall()
        waiting.join(PATIENCE)
        assert results == [True]

    def test_a_file_system_without_fifos(
        self, storage: SqliteStorage, path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where no FIFO can be made, looks at the database alone do it, more often."""
        monkeypatch.setattr(os, "mkfifo", _refuse)
        settled(storage, lambda: None)
        assert bells(path) == []
        child = start(enqueue_when_told)
        child.receive()
        child.pipe.send("go")
        assert storage.wait(LONG) is True

    def test_a_signal_handler_may_interrupt(self, storage: SqliteStorage) -> None:
        """A wait on the main thread ends when a signal handler interrupts it."""
        settled(storage, lambda: None)
        before = signal.signal(signal.SIGALRM, lambda *_: storage.interrupt())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            assert storage.wait(LONG) is True
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)

    def test_an_interrupt_is_for_one_wait(self, storage: SqliteStorage) -> None:
        """It does not end all further ones."""
        settled(storage, lambda: None)
        storage.interrupt()
        assert storage.wait(LONG) is True
        assert storage.wait(0.01) is False

    def test_a_busy_handle_still_waits(self, storage: SqliteStorage) -> None:
        """A thread that writes for long keeps no other thread from waiting, or from its time-out."""
        settled(storage, lambda: None)
        storage._main._lock.acquire()
        try:
            assert storage.wait(0.05) is False
        finally:
            storage._main._lock.release()

    def test_waiting_costs_next_to_nothing(self, storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between rings a waiting process looks twice a second, and does nothing else."""
        looks: list[float] = []
        settled(storage, lambda: None)
        monkeypatch.setattr(waking, "LOOKS_EVERY", 0.05)

        def look() -> bool:
            looks.append(time.monotonic())
            return False

        with closing(Waker(storage.path.with_name("wake"))) as waker:
            began = time.monotonic()
            assert waker.wait(0.3, look) is False
            assert len(looks) <= (time.monotonic() - began) / 0.05 + 2

    def test_a_full_bell_still_rings(self, storage: SqliteStorage, open_storage: Open) -> None:
        """Any number of rings that nobody hears block nobody, and end the next wait."""
        settled(storage, lambda: None)
        (bell,) = bells(storage.path)
        writer = os.open(bell, os.O_WRONLY | os.O_NONBLOCK)
        try:
            while _fits(writer, bytes(4096)):
                continue
        finally:
            os.close(writer)
        open_storage().enqueue([new("a")])
        assert storage.wait(LONG) is True


def wait_for_ever(path: Path, pipe: Pipe) -> None:
    """Wait, and tell that it is so once the bell is there."""
    with closing(SqliteStorage(path)) as storage:
        storage.wait(0.0)
        pipe.send("waiting")
        while True:
            storage.wait(LONG)


def enqueue_when_told(path: Path, pipe: Pipe) -> None:
    """Store a job."""
    with closing(SqliteStorage(path)) as storage:
        pipe.send("ready")
        pipe.recv()
        storage.enqueue([new("a")])


def _fits(descriptor: int, data: bytes) -> bool:
    try:
        return os.write(descriptor, data) > 0
    except BlockingIOError:
        return False


def _refuse(*_: object) -> None:
    raise PermissionError("no FIFOs here")
