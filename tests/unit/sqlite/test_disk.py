"""Disks: full, failing to grow, or not to be written; and processes that are killed while they write."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest

from queuectl import NewJob, Query, StorageError
from queuectl_sqlite.storage import SqliteStorage

from .conftest import Start

needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0,
    reason="only root can mount a small disk",
)


def new(id: str, size: int = 0) -> NewJob:
    """Return a job whose command has many bytes."""
    return NewJob(id=id, command="true #" + "x" * size)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the root of a file system with one MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@needs_mounts
class TestFullDisk:
    """A disk on which nothing more fits."""

    def test_it_is_told_and_nothing_is_half_written(self, small_disk: Path) -> None:
        """An enqueue that does not fit says so in one line; what was acknowledged is all there."""
        with closing(SqliteStorage(small_disk / "jobs.db")) as storage:
            stored = fill(storage)
            assert stored
            assert [job.id for job in reversed(storage.list(Query(), None, 1000).jobs)] == stored
            assert storage.check() == []

    def test_it_works_again_once_there_is_room(self, small_disk: Path) -> None:
        """When something else makes room, the very same handle goes on."""
        (small_disk / "ballast").write_bytes(bytes(200_000))
        with closing(SqliteStorage(small_disk / "jobs.db")) as storage:
            fill(storage)
            (small_disk / "ballast").unlink()
            storage.enqueue([new("afterwards")])
            assert storage.get("afterwards") is not None

    def test_a_new_database_does_not_fit(self, small_disk: Path) -> None:
        """A disk that is full already is told as such; once there is room, the same path works."""
        ballast = fill_disk(small_disk)
        with pytest.raises(StorageError) as caught:
            SqliteStorage(small_disk / "jobs.db")
        assert "disk is full" in caught.value.message
        ballast.unlink()
        with closing(SqliteStorage(small_disk / "jobs.db")) as storage:
            assert storage.check() == []

    def test_opening_a_database_says_it_too(self, small_disk: Path) -> None:
        """What processes share of a database needs a little room, for which SQLite has another word."""
        SqliteStorage(small_disk / "jobs.db").close()
        fill_disk(small_disk)
        with pytest.raises(StorageError, match="the disk is full"):
            SqliteStorage(small_disk / "jobs.db")


def fill_disk(disk: Path) -> Path:
    """Take all the room there is, and return the file that does."""
    ballast = disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(2 * 2**20))
    return ballast


def fill(storage: SqliteStorage) -> list[str]:
    """Enqueue until nothing more fits, and return what was acknowledged."""
    stored: list[str] = []
    with pytest.raises(StorageError) as caught:
        _enqueue_for_ever(storage, stored)
    assert "disk is full" in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 1
    return stored


def _enqueue_for_ever(storage: SqliteStorage, stored: list[str]) -> None:
    while True:
        id = f"job-{len(stored)}"
        storage.enqueue([new(id, size=20_000)])
        stored.append(id)


def remount(path: Path, how: str) -> None:
    """Let the disk of a database be written from now on, or not."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(path.parent)], check=True)


@needs_mounts
class TestReadOnlyDisk:
    """A place that may not be written."""

    @pytest.fixture
    def path(self, small_disk: Path) -> Path:
        """Return a database on a small disk."""
        path = small_disk / "jobs.db"
        with closing(SqliteStorage(path)) as storage:
            storage.enqueue([new("a")])
        return path

    @pytest.fixture
    def read_only(self, path: Path) -> Path:
        """Return a database on a file system that was then made read-only."""
        remount(path, "ro")
        return path

    @pytest.fixture
    def crashed(self, path: Path) -> Path:
        """Return a database whose last job is in the log only."""
        files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
        with closing(SqliteStorage(path)) as storage:
            storage.enqueue([new("late")])
            contents = [file.read_bytes() for file in files]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        return path

    def test_what_is_there_can_be_read(self, read_only: Path) -> None:
        """Nothing needs to be made for that."""
        with closing(SqliteStorage(read_only)) as storage:
            assert storage.get("a") is not None
            assert storage.check() == []
        assert os.listdir(read_only.parent) == ["jobs.db"]

    def test_a_write_is_refused_in_one_line(self, read_only: Path) -> None:
        """With the reason."""
        with closing(SqliteStorage(read_only)) as storage, pytest.raises(StorageError) as caught:
            storage.enqueue([new("b")])
        assert "read-only" in caught.value.message
        assert str(read_only) in caught.value.message
        assert "\n" not in caught.value.message

    def test_what_a_crash_left_in_the_log_is_read_too(self, crashed: Path) -> None:
        """As long as the index of the log is there; without it nothing is shown rather than something old."""
        remount(crashed, "ro")
        with closing(SqliteStorage(crashed)) as storage:
            assert storage.get("late") is not None
        remount(crashed, "rw")
        crashed.with_name("jobs.db-shm").unlink()
        remount(crashed, "ro")
        with pytest.raises(StorageError, match="has a log, which cannot be read on a read-only"):
            SqliteStorage(crashed)

    def test_who_took_it_for_unchanging_says_when_it_is_not(self, read_only: Path) -> None:
        """Others may write from then on; a new handle sees what they do."""
        with closing(SqliteStorage(read_only)) as storage:
            assert storage.get("a") is not None
            remount(read_only, "rw")
            with closing(SqliteStorage(read_only)) as other:
                other.enqueue([new("b")])
                assert other.get("b") is not None
            with pytest.raises(StorageError, match="can be written again"):
                storage.get("b")

    def test_a_new_one_cannot_be_made(self, read_only: Path) -> None:
        """A database cannot be created there, and the error says why."""
        with pytest.raises(StorageError, match="Read-only file system"):
            SqliteStorage(read_only.with_name("other.db"))


def test_a_file_that_may_not_grow(start: Start, path: Path) -> None:
    """A limit on the size of files is told as an error of the storage, and leaves what was acknowledged."""
    child = start(fill_up_to_the_limit)
    stored = child.receive()
    message = child.receive()
    assert str(path) in message
    with closing(SqliteStorage(path)) as storage:
        assert storage.check() == []
        assert [job.id for job in reversed(storage.list(Query(), None, 1000).jobs)] == stored


def fill_up_to_the_limit(path: Path, pipe: Pipe) -> None:
    """Enqueue until the limit on the size of files stops it; tell what was acknowledged, and the error."""
    stored: list[str] = []
    with closing(SqliteStorage(path)) as storage:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
        try:
            _enqueue_for_ever(storage, stored)
        except StorageError as error:
            pipe.send(stored)
            pipe.send(error.message)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class TestKilling:
    """A process that is killed in the middle of a large enqueue."""

    BATCH = 400

    @pytest.mark.parametrize("acknowledged", [1, 3, 8])
    def test_a_batch_is_there_whole_or_not_at_all(self, start: Start, path: Path, acknowledged: int) -> None:
        """What was acknowledged is there, of the last batch all or nothing, and the database is sound."""
        child = start(enqueue_in_batches)
        for _ in range(acknowledged):
            child.receive()
        child.kill()
        while child.pipe.poll(0.0):
            try:
                child.pipe.recv()
            except EOFError:
                break
            acknowledged += 1
        with closing(SqliteStorage(path)) as storage:
            jobs = sum(sum(states.values()) for states in storage.counts().values())
            assert jobs in {acknowledged * self.BATCH, (acknowledged + 1) * self.BATCH}
            assert len(storage.list(Query(), None, 100_000).jobs) == jobs
            assert storage.check() == []


def enqueue_in_batches(path: Path, pipe: Pipe) -> None:
    """Enqueue batch after batch, and tell of each."""
    with closing(SqliteStorage(path)) as storage:
        batch = 0
        while True:
            storage.enqueue([new(f"{batch}-{number}", size=100) for number in range(TestKilling.BATCH)])
            pipe.send(batch)
            batch += 1
