"""Opening: what is made, what is refused, and that a refused file stays as it is."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import apsw
import pytest

from queuectl.errors import StorageError, StorageRefusedError
from queuectl.model.job import NewJob
from queuectl_sqlite import host, opening, schema
from queuectl_sqlite.storage import SqliteStorage

from .conftest import Start

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def open_and_close(path: Path) -> None:
    """Open a database that must open."""
    SqliteStorage(path).close()


def refusal(path: Path) -> StorageRefusedError:
    """Return the error with which a database is refused, after a look at the directory: nothing there has changed."""
    before = contents(path.parent)
    with pytest.raises(StorageRefusedError) as caught:
        SqliteStorage(path)
    assert contents(path.parent) == before
    assert "\n" not in caught.value.message
    assert str(path.name) in caught.value.message or str(path.parent) in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 78
    return caught.value


def contents(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Return names, modes and bytes of what is in a directory."""
    found = {}
    for entry in directory.iterdir():
        mode = entry.lstat().st_mode
        data = entry.read_bytes() if stat.S_ISREG(mode) else b""
        found[entry.name] = (mode, data)
    return found


@pytest.fixture
def other_umask() -> Iterator[None]:
    """Let everything be readable and writable by all that does not say otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


class TestMaking:
    """A database that is not there yet."""

    @pytest.mark.usefixtures("other_umask")
    def test_only_the_owner_may_look(self, path: Path) -> None:
        """Directory and files are made for their owner alone, whatever the umask."""
        with closing(SqliteStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true")])
            storage.wait(0.0)
            modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert modes == {"jobs.db": 0o600, "jobs.db-wal": 0o600, "jobs.db-shm": 0o600, "jobs.db-wake": 0o700}

    def test_it_is_marked_as_ours(self, path: Path) -> None:
        """The header has our mark and the version, also while all else is in the log."""
        with closing(SqliteStorage(path)):
            header = path.read_bytes()[:100]
        assert int.from_bytes(header[68:72]) == schema.APPLICATION_ID
        assert int.from_bytes(header[60:64]) == schema.VERSION

    def test_an_empty_file_becomes_a_database(self, path: Path) -> None:
        """A file of no bytes, as a killed first process may leave it, is made use of."""
        path.parent.mkdir()
        path.touch()
        open_and_close(path)
        assert path.stat().st_size > 0

    def test_an_empty_database_becomes_ours(self, path: Path) -> None:
        """A database without a table is nobody's."""
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        open_and_close(path)

    def test_a_directory_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        """A file where the directory should be is a clear error."""
        (tmp_path / "file").touch()
        with pytest.raises(StorageError, match="directory"):
            SqliteStorage(tmp_path / "file" / "jobs.db")

    def test_a_name_with_special_characters_is_just_a_name(self, tmp_path: Path) -> None:
        """What means something in a URI means nothing in a path."""
        path = tmp_path / "a b%20?mode=memory#c.db"
        open_and_close(path)
        open_and_close(path)
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]

    def test_the_path_may_lead_through_links(self, tmp_path: Path, path: Path) -> None:
        """A directory may be reached by a symbolic link; both names are one database."""
        (tmp_path / "link").symlink_to(path.parent)
        with closing(SqliteStorage(path)) as storage, closing(SqliteStorage(tmp_path / "link" / "jobs.db")) as other:
            storage.enqueue([NewJob(id="a", command="true")])
            assert other.get("a") is not None
            assert other.path == storage.path


class TestInUse:
    """A database whose file is being written by another process."""

    def test_a_checkpoint_that_is_half_done(self, path: Path, start: Start) -> None:
        """The first page may speak of pages that are not in the file yet: the log has them."""
        writer = start(grow_and_stay)
        assert writer.receive() == "grown"
        with path.open("r+b") as file:
            header = bytearray(file.read(100))
            header[28:32] = (path.stat().st_size // 4096 + 1).to_bytes(4)
            file.seek(0)
            file.write(header)
        with closing(SqliteStorage(path)) as storage:
            assert storage.get("job-199") is not None
        writer.pipe.send("end")

    def test_one_that_is_damaged_all_the_same(self, path: Path, start: Start) -> None:
        """What those who have it open cannot read either is damaged."""
        writer = start(open_and_stay)
        assert writer.receive() == "opened"
        size = path.stat().st_size
        os.truncate(path, size - 3 * 4096)
        with pytest.raises(StorageRefusedError, match="damaged"):
            SqliteStorage(path)
        assert path.stat().st_size == size - 3 * 4096
        writer.kill()


def grow_and_stay(path: Path, pipe: Pipe) -> None:
    """Store jobs that stay in the log, and keep it open."""
    with closing(SqliteStorage(path)) as storage:
        storage.enqueue([NewJob(id=f"job-{number}", command="true" * 50) for number in range(200)])
        pipe.send("grown")
        pipe.recv()


def open_and_stay(path: Path, pipe: Pipe) -> None:
    """Move all that is in the log into the file, and keep it open."""
    with closing(SqliteStorage(path)):
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        pipe.send("opened")
        pipe.recv()


class TestRefusing:
    """A file that is there, and that is none of ours, or not sound."""

    @pytest.mark.parametrize("journal", ["DELETE", "WAL"])
    def test_another_programs_database(self, path: Path, journal: str) -> None:
        """A database of another program is left alone."""
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}")
            connection.execute("CREATE TABLE theirs (a)")
            connection.commit()
        assert "another program" in refusal(path).message

    def test_another_programs_mark(self, path: Path) -> None:
        """An application id that is not ours is another program's, with or without tables."""
        path.parent.mkdir()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA application_id = 77")
            connection.commit()
        assert "another program" in refusal(path).message

    def test_another_programs_database_in_use(self, path: Path, tmp_path: Path) -> None:
        """What another program has only in its log is not moved into its file."""
        crashed(path, tmp_path, lambda connection: connection.execute("CREATE TABLE theirs (a)"))
        assert "another program" in refusal(path).message

    def test_a_newer_schema(self, path: Path) -> None:
        """A newer queuectl's database is refused with how to upgrade."""
        open_and_close(path)
        set_version(path, 99)
        error = refusal(path)
        assert "newer queuectl" in error.message
        assert "upgrade" in str(error.hint)

    def test_a_newer_schema_in_the_log(self, path: Path, tmp_path: Path) -> None:
        """A newer version that a killed process left in the log is found there, and left there."""
        open_and_close(path)
        with closing(SqliteStorage(path)) as storage:
            storage._main.apsw.execute("PRAGMA user_version = 99").fetchall()
            copy = tmp_path / "copy" / "jobs.db"
            copy_as_crashed(path, copy)
        assert "newer queuectl" in refusal(copy).message

    @pytest.mark.parametrize("data", [b"x", b"no database\n" * 1000, bytes(8192), b"SQLite format 3\x00"])
    def test_something_else(self, path: Path, data: bytes) -> None:
        """A file that is no database is refused."""
        path.parent.mkdir()
        path.write_bytes(data)
        assert "not a SQLite database" in refusal(path).message

    def test_a_damaged_schema(self, path: Path) -> None:
        """A database of ours whose first page is spoilt is refused as damaged."""
        open_and_close(path)
        data = bytearray(path.read_bytes())
        data[100:4096] = b"\xff" * 3996
        path.write_bytes(data)
        assert "damaged" in refusal(path).message

    def test_a_truncated_file(self, path: Path) -> None:
        """A database that lost its end is refused as damaged."""
        open_and_close(path)
        os.truncate(path, path.stat().st_size // 2)
        assert "damaged" in refusal(path).message

    def test_a_directory(self, path: Path) -> None:
        """A directory is no file."""
        path.mkdir(parents=True)
        assert "is a directory" in refusal(path).message

    def test_a_fifo(self, path: Path) -> None:
        """A FIFO is no regular file, and is not waited for."""
        path.parent.mkdir()
        os.mkfifo(path)
        assert "regular file" in refusal(path).message

    @pytest.mark.parametrize("exists", [True, False])
    def test_a_symbolic_link(self, path: Path, tmp_path: Path, exists: bool) -> None:
        """A symbolic link in the place of the file is refused, also one that leads nowhere."""
        target = tmp_path / "elsewhere.db"
        if exists:
            open_and_close(target)
        path.parent.mkdir()
        path.symlink_to(target)
        error = refusal(path)
        assert "symbolic link" in error.message
        assert str(target) in str(error.hint)
        assert target.exists() is exists


class TestAccess:
    """A database that others could change makes our workers run what they like."""

    def test_a_file_that_everybody_may_write(self, path: Path) -> None:
        """It is refused with the command that mends it."""
        open_and_close(path)
        path.chmod(0o606)
        assert refusal(path).hint == f"chmod o-w {path}"

    @pytest.mark.parametrize("mode", [0o777, 0o1777])
    def test_a_directory_that_everybody_may_write(self, path: Path, mode: int) -> None:
        """Refused, sticky or not: anybody could put a log beside the database."""
        open_and_close(path)
        path.parent.chmod(mode)
        assert refusal(path).hint == f"chmod o-w {path.parent}"

    def test_group_may_write(self, path: Path) -> None:
        """What the group may write is fine: a umask of 002 is common."""
        open_and_close(path)
        path.chmod(0o660)
        path.parent.chmod(0o770)
        open_and_close(path)

    @needs_root
    @pytest.mark.parametrize("which", ["file", "directory"])
    def test_somebody_elses(self, path: Path, which: str) -> None:
        """A file or directory of another user is refused."""
        open_and_close(path)
        os.chown(path if which == "file" else path.parent, 12345, -1)
        assert "belongs to another user (uid 12345)" in refusal(path).message

    def test_roots_is_fine(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What belongs to root is nobody else's."""
        found = os.stat_result((0o100600, 1, 1, 1, 0, 0, 0, 0, 0, 0))
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert not host.is_strangers(found)


class TestFileSystems:
    """A database on a network file system can lose data."""

    def test_a_network_file_system(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is refused, by the type of the file system."""
        path.parent.mkdir()
        monkeypatch.setattr(opening, "network_type", lambda directory: "nfs4")
        error = refusal(path)
        assert "nfs4" in error.message
        assert "local disk" in str(error.hint)

    @pytest.mark.parametrize(
        ("device", "kind"), [("0:51", "nfs4"), ("0:52", "fuse.sshfs"), ("0:53", "tmpfs"), ("0:99", None)]
    )
    def test_the_type_is_that_of_the_mount(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, kind: str | None
    ) -> None:
        """The kernel's list of mounts tells the type, with or without optional fields."""
        mounts = tmp_path / "mountinfo"
        mounts.write_text(
            "36 35 0:51 / /mnt/nfs rw,noatime master:1 shared:2 - nfs4 server:/export rw\n"
            "37 35 0:52 / /mnt/a\\040b rw - fuse.sshfs me@host:/ rw\n"
            "38 35 0:53 / /tmp rw shared:3 - tmpfs tmpfs rw\n"
        )
        monkeypatch.setattr(host, "MOUNTS", mounts)
        assert host.mounted_type(device) == kind

    @pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"])
    def test_the_usual_network_file_systems_are_known(self, kind: str) -> None:
        """They are refused."""
        assert kind in host.NETWORK

    def test_no_list_of_mounts_is_no_refusal(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the kernel has no such list, nothing is known, and nothing refused."""
        monkeypatch.setattr(host, "MOUNTS", tmp_path / "nothing")
        assert host.mounted_type("0:51") is None


def test_a_look_at_the_file_keeps_its_locks(storage: SqliteStorage, path: Path, start: Start) -> None:
    """Opening a further handle drops no lock of the first, as closing any plain descriptor on the file would."""
    storage.enqueue([NewJob(id="a", command="true")])
    assert start(try_to_lock).receive() == "locked"
    open_and_close(path)
    assert start(try_to_lock).receive() == "locked"


def try_to_lock(path: Path, pipe: Pipe) -> None:
    """Tell whether another process holds the lock that SQLite holds on a database that is open."""
    shared_first, shared_size = 0x40000002, 510
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, shared_size, shared_first)
        except BlockingIOError:
            pipe.send("locked")
        else:
            pipe.send("free")


def set_version(path: Path, version: int) -> None:
    """Write a schema version into a database that nobody has open."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(f"PRAGMA user_version = {version}").fetchall()


def crashed(path: Path, tmp_path: Path, do: Callable[[apsw.Connection], object]) -> None:
    """Make a database of which all that was done is in the log, as after a crash."""
    source = tmp_path / "source" / "source.db"
    source.parent.mkdir()
    with closing(apsw.Connection(str(source))) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        do(connection)
        copy_as_crashed(source, path)


def copy_as_crashed(source: Path, target: Path) -> None:
    """Copy a database that is open, with its log, as a crash would leave it."""
    target.parent.mkdir(exist_ok=True)
    shutil.copy(source, target)
    shutil.copy(f"{source}-wal", f"{target}-wal")
