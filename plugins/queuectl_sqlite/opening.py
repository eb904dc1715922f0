"""What is looked at before SQLite may touch a file, so that a refused one stays as it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw

from queuectl import StorageError, StorageRefusedError
from queuectl_sqlite import schema
from queuectl_sqlite.failures import not_a_database, translated
from queuectl_sqlite.host import is_read_only, is_strangers, make_file, network_type, sync_names

SMALLEST_PAGE = 512
"""Bytes in the smallest page that a database may have."""


def prepare(path: Path) -> Path:
    """Return the real path of a database that may be opened, an empty new file if there was none.

    Raises `StorageRefusedError` for what is not ours or not safe, before anything is written.
    """
    if "\0" in str(path):
        raise StorageError("a path cannot have a null character in it")
    _make_directory(path.parent)
    path = Path(os.path.realpath(path.parent)) / path.name
    _refuse_directory(path.parent)
    try:
        found = path.lstat()
    except FileNotFoundError:
        _create(path)
        return path
    except OSError as error:
        raise StorageError(f"{path} cannot be opened: {error.strerror}") from error
    _refuse_file(path, found)
    if found.st_size:
        _refuse_content(path, found.st_size)
    return path


def refuse_version(path: Path, application_id: int, version: int) -> None:
    """Raise `StorageRefusedError` unless these header fields are those of a database that this code can use."""
    if application_id != schema.APPLICATION_ID:
        raise StorageRefusedError(f"{path} is a database of another program", hint="set storage.path to another file")
    if version > schema.VERSION:
        raise StorageRefusedError(
            f"{path} was written by a newer queuectl (schema {version}, this one knows {schema.VERSION})",
            hint="upgrade queuectl here too",
        )


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise StorageError(f"{directory} is not a directory") from None
    except OSError as error:
        raise StorageError(f"the directory {directory} cannot be made: {error.strerror}") from error


def _create(path: Path) -> None:
    try:
        make_file(path)  # of several first processes one makes it; the others find it, and wait for the schema
        sync_names(path.parent)
    except FileExistsError:
        _refuse_file(path, path.lstat())
    except OSError as error:
        raise StorageError(f"{path} cannot be created: {error.strerror}") from error


def _refuse_directory(directory: Path) -> None:
    _refuse_access(directory, directory.stat(), "the directory ")
    kind = network_type(directory)
    if kind is not None:
        raise StorageRefusedError(
            f"{directory} is on a network file system ({kind}), where SQLite can lose data",
            hint="set storage.path to a file on a local disk",
        )


def _refuse_file(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise StorageRefusedError(
            f"{path} is a symbolic link", hint=f"set storage.path to the file itself: {os.path.realpath(path)}"
        )
    if not stat.S_ISREG(found.st_mode):
        what = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise StorageRefusedError(f"{path} is {what}", hint="set storage.path to a file")
    _refuse_access(path, found, "")


def _refuse_access(path: Path, found: os.stat_result, what: str) -> None:
    # Whoever can write here makes our workers run what he likes.
    if is_strangers(found):
        raise StorageRefusedError(
            f"{what}{path} belongs to another user (uid {found.st_uid})", hint="set storage.path to a file of your own"
        )
    if found.st_mode & stat.S_IWOTH:
        raise StorageRefusedError(f"{what}{path} may be written by everybody", hint=f"chmod o-w {path}")


def _refuse_content(path: Path, size: int) -> None:
    # `immutable` reads the main file only: no lock, no -wal, no -shm. And it must be SQLite that reads: closing a
    # descriptor of our own would drop the locks of every connection that this process has on the file.
    if size < SMALLEST_PAGE:  # which SQLite would take for an empty database
        raise not_a_database(path)
    with translated(path):
        try:
            _refuse_file_alone(path)
        except (apsw.CorruptError, apsw.NotADBError):
            # Whoever writes pages right now, in a checkpoint or in the first transaction of all, has them in disorder,
            # and so has one that lost its power over it, whose journal will put them right.
            if os.path.exists(f"{path}-shm") or os.path.exists(f"{path}-journal"):
                _refuse_in_use(path)
            else:
                _refuse_file_alone(path)  # by now they have ended, or there was nobody
        if size_of(f"{path}-wal") and not size_of(f"{path}-shm"):
            _refuse_log(path)


def _refuse_file_alone(path: Path) -> None:
    _refuse_header(path, open_unchanging(path))


def open_unchanging(path: Path) -> apsw.Connection:
    """Open a database for reading as its file is, without a lock or a look at its log."""
    name = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_NOFOLLOW
    return apsw.Connection(f"file:{name}?immutable=1", flags=flags)


def _refuse_in_use(path: Path) -> None:
    """Look at a database as those see it who have it open: with their log, and under their locks."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    try:
        _refuse_header(path, connection)
    except (apsw.BusyError, apsw.ReadOnlyError, apsw.CantOpenError):
        return  # being written, or to be rolled back: whoever opens it next waits, or does so


def _refuse_log(path: Path) -> None:
    """Look at a log that nobody has open, such as one that came with a copy; in exclusive mode no -shm is made."""
    if is_read_only(path.parent):
        raise StorageError(
            f"{path} has a log, which cannot be read on a read-only file system",
            hint=f"copy both to where they can be written: {path} {path}-wal",
        )
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    try:
        _refuse_header(path, connection)
    except apsw.BusyError:
        return  # somebody has just opened it, and so looks at it too


def _refuse_header(path: Path, connection: apsw.Connection) -> None:
    try:
        version_of(path, connection)
    finally:
        connection.close()


def version_of(path: Path, connection: apsw.Connection) -> int:
    """Return the schema version of a database of ours, 0 for one that is empty; refuse any other."""
    # In this order: the transaction that makes a schema may be committed between any two of them, and whoever sees the
    # one must see the next.
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    version: int = connection.execute("PRAGMA user_version").get
    application_id = connection.execute("PRAGMA application_id").get
    if application_id or version or tables:
        refuse_version(path, application_id, version)
    return version


def size_of(path: str) -> int:
    """Return how many bytes a file has, 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
