"""Files and directories that are nobody else's."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from queuectl.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from queuectl.config import Config


def make_private_directory(path: Path) -> None:
    """Create a directory, 0700, and its parents. Raises ConfigError when one is there that is somebody else's."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StorageError(f"cannot create directory {error.filename or path}: {error.strerror}") from error
    refuse_foreign(path, found)
    if not stat.S_ISDIR(found.st_mode):
        raise StorageError(f"{path} is no directory")


def make_logs(config: Config) -> Path:
    """Create the directory for the output of runs, and return it.

    Raises ConfigError where the one that hosts share is not there: made here, it would be shared with nobody.
    """
    shared = config.worker.outputs
    if shared is not None and not shared.is_dir():
        raise ConfigError(
            f"worker.outputs: there is no directory {shared}", hint=f"mount it, or make it: mkdir -p -m 700 {shared}"
        )
    make_private_directory(config.logs)
    return config.logs


def refuse_foreign(path: Path, found: os.stat_result) -> None:
    """Raise ConfigError when a path belongs to somebody else than root and me, or everybody may write it."""
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigError(f"{path} belongs to another user", hint=f"chown {os.geteuid()} {path}")
    if found.st_mode & stat.S_IWOTH:
        raise ConfigError(f"everybody may write {path}", hint=f"chmod o-w {path}")


def create_output(path: str | Path) -> int:
    """Create a new file for a run's output, 0600, for appending, and return its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def read_tail(path: str | Path, length: int) -> tuple[bytes, int]:
    """Return the last bytes of a file and its whole size; nothing for a file that is not there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return b"", 0
    try:
        size = os.fstat(fd).st_size
        return os.pread(fd, length, max(0, size - length)), size
    finally:
        os.close(fd)
