"""Refuse what others could have written: whoever writes the configuration runs commands as the worker."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from queuectl.errors import ConfigError

LONGEST = 1024 * 1024
"""Bytes of the longest configuration file."""


def read_trusted(path: Path, shown: str) -> bytes:
    """Read a configuration file that only we, root or our group can have written. Raises ConfigError otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            # Asked for by those who want the defaults. To be read only: `read_open` also serves who means to write.
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and os.path.realpath(path) == os.devnull:
                return b""
            return read_open(descriptor, shown)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(f"{shown}: cannot be read: {error.strerror}") from error


def read_open(descriptor: int, shown: str) -> bytes:
    """Read an open configuration file from its beginning, if it is a regular file that can be trusted."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{shown}: is {_kind(found.st_mode)}, not a file")
    refuse_foreign(found, "the configuration file", shown)
    if found.st_size > LONGEST:
        raise ConfigError(f"{shown}: is longer than {LONGEST // 1024} KiB, which no configuration is")
    os.lseek(descriptor, 0, os.SEEK_SET)
    pieces = []
    while piece := os.read(descriptor, LONGEST):
        pieces.append(piece)
    return b"".join(pieces)


def trust_directory(path: Path) -> None:
    """Raise ConfigError when the data directory exists and others could change what lies in it."""
    try:
        found = path.stat()
    except OSError:
        return  # whoever makes or opens it will say what is wrong
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"the data directory is {_kind(found.st_mode)}: {path}")
    refuse_foreign(found, "the data directory", str(path))


def refuse_foreign(found: os.stat_result, what: str, shown: str) -> None:
    """Raise ConfigError when it belongs to somebody else but root, or everybody may write it."""
    if sys.platform == "win32":
        return
    if found.st_uid not in {os.geteuid(), 0}:
        raise ConfigError(f"{shown}: {what} belongs to {_user(found.st_uid)}, not to you or root")
    if found.st_mode & stat.S_IWOTH:
        raise ConfigError(f"{shown}: everybody may write {what}", hint=f"chmod o-w {shown}")


def _user(number: int) -> str:
    if sys.platform != "win32":
        import pwd

        with suppress(KeyError):
            return pwd.getpwuid(number).pw_name
    return f"user {number}"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a regular file" if stat.S_ISREG(mode) else "a pipe, socket or device"
