"""Write a configuration file whole or not at all, one writer at a time."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from queuectl.config.trust import read_open
from queuectl.errors import ConfigError, QueuectlError, StorageBusyError

PATIENCE = 10.0
"""Seconds to wait for another process that changes the same file."""

PRIVATE = 0o600
"""The mode of a new file: a DSN with a password may come to stand in it."""


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put what `change` makes of the file's bytes in their place, or leave it untouched when it raises.

    A link is followed; the file keeps its mode and owner. Two at the same time come one after the other.
    """
    real = Path(os.path.realpath(path))
    with _problems_of(path), _locked(real) as descriptor:
        before = read_open(descriptor, str(path))  # refuses what is no regular file, which must not be replaced
        after = change(before)
        if after != before:
            _replace(real, after, os.fstat(descriptor))


def create(path: Path, data: bytes) -> None:
    """Write a new file, and its directory if need be. Raises FileExistsError when there is one."""
    with _problems_of(path):
        if os.path.lexists(path):
            raise FileExistsError(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            _write_new(temporary, data, PRIVATE)
            _give_name(temporary, path)
            _sync_directory(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _problems_of(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise QueuectlError(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Hold the lock on a file, and be sure that it is the file's name still."""
    deadline = time.monotonic() + PATIENCE
    while True:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            while not _lock(descriptor):
                if time.monotonic() > deadline:
                    raise StorageBusyError(f"{path}: another process is changing this file", hint="try again")
                time.sleep(0.01)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _replace(path: Path, data: bytes, old: os.stat_result) -> None:
    if not stat.S_ISREG(old.st_mode):  # whoever is root could rename a file over a device
        raise ConfigError(f"{path}: is not a regular file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_new(temporary, data, old.st_mode & 0o7777, old)
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _give_name(temporary: Path, path: Path) -> None:
    """Give a file its name, unless another file has it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # some file systems have no links; the moment between look and rename is left to chance there
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        os.rename(temporary, path)


def _write_new(path: Path, data: bytes, mode: int, owner: os.stat_result | None = None) -> None:
    path.unlink(missing_ok=True)  # what a killed process with our number left
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), PRIVATE)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if sys.platform != "win32":
            if owner is not None and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def _sync_directory(path: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some file systems do not sync directories
    finally:
        os.close(descriptor)
