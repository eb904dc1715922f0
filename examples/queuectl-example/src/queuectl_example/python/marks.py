"""Marks: what tells whether a run's process lives, when the worker that started it is dead.

A mark is a file that is locked before the process starts, which inherits the lock. The kernel takes it back when the
process is gone, however that happens: there is no number that could have gone to another process meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

_PAUSE = 0.005


class Marks:
    """The marks in a folder, each named after the lease of a run: no two runs ever have the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def locked(self, lease: str) -> Iterator[int]:
        """Make and lock a mark, and give its descriptor for a child to inherit. The child alone has it afterwards."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = os.open(self._path(lease), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(mark, fcntl.LOCK_EX)
            yield mark
        finally:
            os.close(mark)

    def remove(self, lease: str) -> None:
        """Remove a mark, once its process is gone."""
        self._path(lease).unlink(missing_ok=True)

    def end(self, lease: str) -> None:
        """Kill the process that has a mark, with its group, and return when it is gone."""
        with suppress(FileNotFoundError):  # it never started, or is over and done with
            mark = os.open(self._path(lease), os.O_RDWR | os.O_CLOEXEC)
            try:
                while _is_locked(mark):
                    _kill(os.pread(mark, 20, 0))
                    time.sleep(_PAUSE)
            finally:
                os.close(mark)
            self.remove(lease)

    def _path(self, lease: str) -> Path:
        # A lease may be any text, a file name may not.
        return self._folder / f"{sha256(lease.encode()).hexdigest()[:32]}.mark"


def _is_locked(mark: int) -> bool:
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _kill(signature: bytes) -> None:
    """Kill whoever signed. Nobody did if the process is only just starting: then it is looked at again."""
    if signature:
        with suppress(ProcessLookupError):
            os.killpg(int(signature), signal.SIGKILL)
