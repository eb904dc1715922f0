"""One SQLite connection: how it is opened, waits for its turn, and runs a transaction."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Lock, RLock

import apsw

from queuectl import StorageError, StorageGoneError
from queuectl_sqlite import opening, schema
from queuectl_sqlite.checkpointing import Checkpoints
from queuectl_sqlite.companions import Companions, identity
from queuectl_sqlite.failures import damaged, translated
from queuectl_sqlite.host import is_read_only
from queuectl_sqlite.patience import Patience

_first_opening = Lock()
"""Held while a file is made and opened: no thread may close a descriptor of what another has just locked."""

_PRAGMAS = """
PRAGMA trusted_schema = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -8000;
PRAGMA fullfsync = ON;
PRAGMA journal_size_limit = 16777216;
PRAGMA synchronous = NORMAL;
"""


class Connection:
    """A connection that one thread uses at a time; the others wait for it."""

    def __init__(self, path: Path, *, always_sync: bool = False) -> None:
        with _first_opening:
            self.path = opening.prepare(path)
            with translated(self.path):
                self.apsw = _open(self.path)
        # Who was interrupted on the way into a transaction has the lock still when it closes.
        self._lock = RLock()
        self._process = os.getpid()
        self._file = identity(self.path)
        self._companions = Companions(self.path)
        self._was_read_only = is_read_only(self.path.parent)
        self._always_sync = always_sync
        self._syncs = False

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """Lend the connection for statements that only read."""
        with self._lock, self._explained():
            yield self._usable()

    @contextmanager
    def writing(self, *, durable: bool) -> Iterator[apsw.Connection]:
        """Run one transaction: committed when the block ends, rolled back when it raises.

        With `durable` it is on the disk when this returns; without, it rides on the next one that is.
        """
        with self._lock, self._explained():
            connection = self._usable()
            self._sync(durable or self._always_sync)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(apsw.ConnectionClosedError):  # which rolled back
                    if connection.in_transaction:  # SQLite itself rolls back after some errors
                        connection.execute("ROLLBACK")
                raise

    def version(self) -> int | None:
        """Return a number that changes whenever another connection commits, None when this one is in use."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            with translated(self.path):
                return data_version(self._usable())
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection; idempotent."""
        with self._lock, translated(self.path):
            if self._companions.are_replaced():
                with suppress(apsw.ConnectionClosedError):
                    self.apsw.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self.apsw.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise what the block raises as an error of queuectl; what nobody foresaw may come of a damaged database."""
        with translated(self.path):
            try:
                yield
            except UnicodeError:  # which says all
                raise
            except (apsw.ConstraintError, apsw.SQLError, LookupError, TypeError, ValueError) as error:
                from queuectl_sqlite.upkeep import faults

                found = faults(self.apsw)
                if found:
                    raise damaged(self.path, found[0]) from error
                raise

    def _usable(self) -> apsw.Connection:
        if self._process != os.getpid():
            raise StorageError("a storage that was opened before a fork cannot be used after it")
        if identity(self.path) != self._file:  # what is written from here on nobody would ever see
            raise _gone(self.path)
        self._companions.check()
        if self._was_read_only and not is_read_only(self.path.parent):  # it was taken for one that cannot change
            raise StorageError(f"{self.path} can be written again", hint="start this program again")
        return self.apsw

    def _sync(self, full: bool) -> None:
        if full != self._syncs:
            self.apsw.execute("PRAGMA synchronous = FULL" if full else "PRAGMA synchronous = NORMAL")
            self._syncs = full


def data_version(connection: apsw.Connection) -> int:
    """Return a number that changes whenever a connection other than this one commits."""
    version: int = connection.execute("PRAGMA data_version").get
    return version


def _open(path: Path) -> apsw.Connection:
    log_before = opening.size_of(f"{path}-wal")
    if not log_before and is_read_only(path.parent):  # what processes share of a database cannot be made there
        connection = opening.open_unchanging(path)
    else:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW)
    try:
        connection.set_busy_handler(Patience())
        connection.set_wal_hook(Checkpoints())
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        # Plans do not depend on bound values: else SQLite would prepare some statements anew at every call.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.execute(_PRAGMAS).fetchall()  # all of them: execute itself stops at the first that answers
        schema_ready(connection, path)
        data_version(connection)  # has SQLite lock the file for as long as it is open: nobody else removes its log
    except BaseException:
        if log_before:  # what others left in the log is not ours to move into the file
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.close()
        raise
    return connection


def schema_ready(connection: apsw.Connection, path: Path) -> None:
    """Bring the schema to the newest version, from nothing or from an older one; refuse a newer one."""
    patience = Patience()
    for calls in count():
        try:
            _try_schema(connection, path)
        except apsw.BusyError:  # of some locks of a database that is just becoming one SQLite asks no busy handler
            if not patience(calls):
                raise
        else:
            return


def _try_schema(connection: apsw.Connection, path: Path) -> None:
    if opening.version_of(path, connection) < schema.VERSION:
        _make_schema(connection, path)
    if not connection.readonly("main") and connection.execute("PRAGMA journal_mode = WAL").get != "wal":
        raise StorageError(f"{path} is on a file system that cannot share memory between processes")


def _make_schema(connection: apsw.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = opening.version_of(path, connection)  # another process may have been faster
        scripts = [schema.CREATE] if version == 0 else schema.MIGRATIONS[version - 1 :]
        for script in scripts:
            connection.execute(script).fetchall()
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _gone(path: Path) -> StorageGoneError:
    if path.exists():
        return StorageGoneError(f"{path} was replaced while it was open", hint="start this program again")
    return StorageGoneError(
        f"{path} was removed while it was open", hint="put it back, or start this program again to begin a new one"
    )
