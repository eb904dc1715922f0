"""Diagnosing: what of a database's surroundings an operator may have got wrong."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import apsw

from queuectl import Finding, Health, Size
from queuectl_sqlite import schema
from queuectl_sqlite.checkpointing import TOO_MANY_PAGES
from queuectl_sqlite.host import file_system

FIRST_SAFE = 3_051_003
"""The first SQLite since 3.7.0 that cannot lose commits when one process writes while another resets the log."""

LONG_LOG = 2 * TOO_MANY_PAGES * 4096
"""Bytes that a log has only when it cannot start anew."""


def findings(db: apsw.Connection, path: Path) -> Iterator[Finding]:
    """Look at the library, the file system, the files, the log and the schema."""
    yield _library()
    yield Finding(check="file system", health=Health.OK, text=file_system(path.parent) or "unknown")
    yield _permissions(path)
    yield _log(path)
    version = db.execute("PRAGMA user_version").get
    yield Finding(check="schema", health=Health.OK, text=f"version {version}, this queuectl knows {schema.VERSION}")


def _library() -> Finding:
    version = apsw.sqlite_lib_version()
    if apsw.SQLITE_VERSION_NUMBER >= FIRST_SAFE:
        return Finding(check="SQLite", health=Health.OK, text=version)
    text = f"{version} can lose commits when several processes write"
    return Finding(check="SQLite", health=Health.ERROR, text=text, hint="pip install --upgrade apsw")


def _permissions(path: Path) -> Finding:
    names = [str(name) for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")) if _others_may_read(name)]
    if not names:
        return Finding(check="permissions", health=Health.OK, text="for the owner alone")
    text = f"others may read {', '.join(names)}, with all commands and their environment"
    return Finding(check="permissions", health=Health.WARNING, text=text, hint=f"chmod go-rwx {' '.join(names)}")


def _others_may_read(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
        above = path.parent.stat().st_mode
    except FileNotFoundError:
        return False
    reached = above & (stat.S_IXGRP | stat.S_IXOTH)
    return bool(reached and mode & (stat.S_IRGRP | stat.S_IROTH))


def _log(path: Path) -> Finding:
    try:
        size = os.stat(f"{path}-wal").st_size
    except FileNotFoundError:
        size = 0
    if size <= LONG_LOG:
        return Finding(check="log", health=Health.OK, text=f"{Size(size)}")
    text = f"{path}-wal has grown to {size // 2**20}MiB: somebody has been reading for long"
    return Finding(check="log", health=Health.WARNING, text=text, hint=f"fuser -v {path}")
