"""The file: lines that only ever grow in number, and a lock that one process holds at a time.

Nothing here knows what a line says.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from queuectl import StorageBusyError, StorageError, StorageRefusedError

PATIENCE = 5.0
"""Seconds to wait for the lock: it is held for milliseconds, unless its holder was stopped."""

_HEADER = b'{"queuectl-example-journal": 1}\n'
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class JournalFile:
    """One handle on the file. Not safe to use from several threads at once.

    `lines` counts those that were read or written since the file was opened, or replaced by a shorter one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self._size = 0
        _make_directory(path.parent)
        self._file = _open(path)
        try:
            # A file of its own, since the other is replaced now and then.
            self._lock = _open(path.with_name(f"{path.name}.lock"))
        except StorageError:
            os.close(self._file)
            raise

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._file)
        os.close(self._lock)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock, which the kernel takes back from whoever dies. Raises StorageBusyError.

        What the system refuses meanwhile, such as to write to a full disk, becomes a StorageError: one clear line.
        """
        deadline = time.monotonic() + PATIENCE
        while not self._try_lock():
            if time.monotonic() > deadline:
                raise StorageBusyError(f"{self.path} is locked by another process")
            time.sleep(0.001)
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self.path} cannot be used: {error.strerror}") from error
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def is_replaced(self) -> bool:
        """Whether a new file is in the place of this one: all that was read is to be forgotten."""
        # Ours is open, so that no other file can have got its number.
        return self.path.stat().st_ino != os.fstat(self._file).st_ino

    def reopen(self) -> None:
        """Begin again at the first line."""
        fresh = _open(self.path)
        os.close(self._file)
        self._file = fresh
        self._size = self.lines = 0

    def read_so_far(self) -> tuple[int, int]:
        """Return the stamp of what this handle has read or written: the others' commits change it, and only they."""
        return os.fstat(self._file).st_ino, self._size

    def stamp(self) -> tuple[int, int]:
        """Return the stamp of what is in the file, without the lock."""
        with suppress(OSError):
            found = self.path.stat()
            return found.st_ino, found.st_size
        return 0, 0

    def read(self) -> Sequence[bytes]:
        """Return the lines that others wrote since the last read; under the lock.

        What follows the last newline was written by somebody who died at it: nobody was told that it is stored.
        """
        if self._size == 0:
            self._begin()
        found = os.pread(self._file, os.fstat(self._file).st_size - self._size, self._size)
        whole, newline, torn = found.rpartition(b"\n")
        self._size += len(whole) + len(newline)
        if torn:
            os.ftruncate(self._file, self._size)
        lines = whole.split(b"\n") if newline else []
        self.lines += len(lines)
        return lines

    def append(self, line: bytes) -> None:
        """Write a line whole, or not at all, and return when it is on the disk; under the lock."""
        try:
            _write(self._file, line + b"\n")
            _sync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(line) + 1
        self.lines += 1

    def replace(self, line: bytes) -> None:
        """Put a file with this line alone in the place of this one, to be reopened by all who have it open.

        Raises StorageError or OSError, and then this one stays.
        """
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        write_new(fresh, line)
        fresh.rename(self.path)
        _sync_names(self.path.parent)

    def _begin(self) -> None:
        """Pass over the header, and write it first if the file is new."""
        header = os.pread(self._file, len(_HEADER), 0)
        if header != _HEADER and not _HEADER.startswith(header):
            raise StorageRefusedError(f"{self.path} is no journal", hint="set storage.path to another file")
        if header != _HEADER:
            os.ftruncate(self._file, 0)
            _write(self._file, _HEADER)
            _sync_names(self.path.parent)
        self._size = len(_HEADER)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def write_new(path: Path, line: bytes) -> None:
    """Write a new journal with one line. Raises StorageError, also when a file is there already."""
    descriptor = _open(path, os.O_EXCL)
    try:
        _write(descriptor, _HEADER + line + b"\n")
        _sync(descriptor)
    except OSError as error:
        path.unlink()
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the directory {directory} cannot be made: {error.strerror}") from error


def _open(path: Path, more: int = 0) -> int:
    """Open a file, a new one for its owner alone: whoever can write it makes our workers run what he likes."""
    try:
        descriptor = os.open(path, _FLAGS | more, 0o600)
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in {0, os.geteuid()} or found.st_mode & stat.S_IWOTH:
        os.close(descriptor)
        raise StorageRefusedError(f"{path} is no file of yours, or everybody may write it")
    return descriptor


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync(descriptor: int) -> None:
    """Have a file on the disk. On macOS `fsync` alone leaves it in the cache of the drive."""
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _sync_names(directory: Path) -> None:
    """Have the names in a directory on the disk, too: a loss of power could take the name of a file that is."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
