"""The storage `journal` keeps the contract of storages, and what is said of its file."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import closing
from pathlib import Path

import pytest
from queuectl import ConflictError, NewJob, Query, StorageBusyError, StorageError, StorageRefusedError
from queuectl.testing import ProvidedStorage, StorageContract, StorageFactory

from queuectl_example.journal import Journal
from queuectl_example.journal.storage import JournalStorage


class TestContract(StorageContract):
    """All that every storage promises, as far as this one claims it. This class is the whole of the work."""

    @pytest.fixture
    def storage_factory(self, tmp_path: Path) -> StorageFactory:
        """Return what opens handles on a journal of this test's own, in other processes too."""
        return ProvidedStorage("queuectl_example.journal", Journal(), data=tmp_path / "data")


class TestFile:
    """What is said of the file itself."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Return where the journal is."""
        return tmp_path / "data" / "jobs.journal"

    def test_a_transaction_is_a_line(self, path: Path) -> None:
        """Given a header, then each transaction adds a line, and reading adds none."""
        with closing(JournalStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true"), NewJob(id="b", command="true")])
            assert path.read_bytes().count(b"\n") == 2
            storage.get("a")
            storage.counts()
            assert path.read_bytes().count(b"\n") == 2

    def test_it_is_its_owners_alone(self, path: Path) -> None:
        """Given a new journal, then nobody else may read it: commands and their output may hold secrets."""
        JournalStorage(path).close()
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0

    def test_half_a_line_was_never_stored(self, path: Path) -> None:
        """Given a line that was cut off by a crash, then it is passed over, and the next one stands in its place."""
        with closing(JournalStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true")])
        with path.open("ab") as file:
            file.write(b'{"jobs":{"half')
        with closing(JournalStorage(path)) as storage:
            storage.enqueue([NewJob(id="b", command="true")])
        with closing(JournalStorage(path)) as storage:
            assert ids(storage) == ["b", "a"]

    def test_a_damaged_line_is_refused(self, path: Path) -> None:
        """Given a line that is no JSON, then every call says so, and nothing is written."""
        with closing(JournalStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true")])
            with path.open("ab") as file:
                file.write(b"\0\0\n")
            before = path.read_bytes()
            for _ in range(2):
                with pytest.raises(StorageRefusedError, match="damaged"):
                    storage.enqueue([NewJob(id="b", command="true")])
        assert path.read_bytes() == before

    def test_a_foreign_file_is_left_alone(self, path: Path) -> None:
        """Given a file of another program's, then it is refused, and stays as it is."""
        path.parent.mkdir()
        path.write_bytes(b"my diary\n")
        with closing(JournalStorage(path)) as storage, pytest.raises(StorageRefusedError, match="no journal"):
            storage.enqueue([NewJob(id="a", command="true")])
        assert path.read_bytes() == b"my diary\n"

    def test_a_refused_transaction_leaves_nothing(self, path: Path) -> None:
        """Given a batch that is refused at its end, then what came before that is neither in the file nor in memory."""
        with closing(JournalStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true")])
            before = path.read_bytes()
            with pytest.raises(ConflictError):
                storage.enqueue([NewJob(id="b", command="true"), NewJob(id="a", command="true")])
            assert ids(storage) == ["a"]
        assert path.read_bytes() == before

    def test_it_is_shortened_now_and_then(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given many lines of which few are of use, then one takes their place, and others who have it open follow."""
        monkeypatch.setattr("queuectl_example.journal.storage.FEW_LINES", 10)
        with closing(JournalStorage(path)) as storage, closing(JournalStorage(path)) as other:
            storage.enqueue([NewJob(id="a", command="true"), NewJob(id="b", command="true")])
            assert ids(other) == ["b", "a"]
            for number in range(40):
                storage.set_queue("default", limit=number)
            assert path.read_bytes().count(b"\n") < 30
            assert ids(other) == ["b", "a"]
            other.enqueue([NewJob(id="c", command="true")])
            assert ids(storage) == ["c", "b", "a"]
            assert storage.queues()[0].limit == 39

    def test_a_lock_that_nobody_gives_back_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given a holder of the lock that was stopped, then a call gives up after a while, and may be tried again."""
        monkeypatch.setattr("queuectl_example.journal.file.PATIENCE", 0.0)
        with closing(JournalStorage(path)) as storage, path.with_name("jobs.journal.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StorageBusyError):
                storage.counts()
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert storage.counts() == {}

    def test_a_full_disk_is_told_and_leaves_nothing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given a write that fails in its middle, then the call says so, and what was half written is taken back."""
        with closing(JournalStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true")])
            before = path.read_bytes()
            with monkeypatch.context() as patch:
                patch.setattr("queuectl_example.journal.file._sync", full)
                with pytest.raises(StorageError, match="No space left"):
                    storage.enqueue([NewJob(id="b", command="true")])
            assert path.read_bytes() == before
            assert ids(storage) == ["a"]

    def test_a_disk_that_was_full_at_the_beginning_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given a journal that could not even be begun, then the call says so, and begins it when there is room."""
        with closing(JournalStorage(path)) as storage:
            with monkeypatch.context() as patch:
                patch.setattr("queuectl_example.journal.file._write", full)
                with pytest.raises(StorageError, match="No space left"):
                    storage.counts()
            assert storage.counts() == {}

    def test_a_copy_is_a_journal(self, path: Path, tmp_path: Path) -> None:
        """Given a backup, then it opens with all that was stored; what is there already is not overwritten."""
        with closing(JournalStorage(path)) as storage:
            storage.enqueue([NewJob(id="a", command="true")])
            storage.backup(tmp_path / "copy")
            with pytest.raises(StorageError, match="copy"):
                storage.backup(tmp_path / "copy")
        with closing(JournalStorage(tmp_path / "copy")) as copy:
            assert ids(copy) == ["a"]


def ids(storage: JournalStorage) -> list[str]:
    """Return the ids of all jobs, newest first."""
    return [job.id for job in storage.list(Query(), None, 100).jobs]


def full(*_: object) -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
