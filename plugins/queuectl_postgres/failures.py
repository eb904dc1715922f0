"""What PostgreSQL reports, in the words of the storage seam."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg
from psycopg import errors

from queuectl import (
    QueuectlError,
    StorageBusyError,
    StorageError,
    StorageGoneError,
    StorageRefusedError,
    UsageError,
)

COLLISIONS = (errors.DeadlockDetected, errors.SerializationFailure, errors.UniqueViolation, errors.CheckViolation)
"""What two transactions may do to each other when they meet: the same one succeeds, or knows why not, the next time.

The last is what a row meets that was on its way into the rest when a range was made that it belongs to.
"""

_PASSING = re.compile(
    r"starting up|shutting down|recovery mode|not yet accepting|too many clients|too many connections"
    r"|remaining connection slots|no more connections|client_login_timeout|server_login|pooler"
    r"|FATAL:\s+(could not|out of memory|terminating|canceling)",
    re.IGNORECASE,
)
"""What a server says when it will let us in later, the last of it when it lacks space, memory or processes."""

_LASTING = re.compile(
    r"FATAL:|server does not support SSL|certificate|SSL error|no password supplied|invalid .* value|not recognized",
    re.IGNORECASE,
)
"""What is said when it will not, as long as nobody changes a setting."""

_WITHDRAWN = re.compile(
    r"does not exist|password authentication failed|no pg_hba\.conf entry|not permitted to log in"
    r"|not currently accepting connections|permission denied",
    re.IGNORECASE,
)
"""What a server says, in English, that let us in before and will not again, unless somebody undoes what was done."""

_LOOK = "try again; if it stays so, look whether the server runs, and at storage.dsn"


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise what the block raises as an error of queuectl."""
    try:
        yield
    except psycopg.Error as error:
        raise meaning(error, place) from error
    except TimeoutError as error:
        raise StorageBusyError(f"{place} does not answer", hint=_LOOK) from error
    except UnicodeEncodeError as error:
        told = error.object[max(0, error.start - 20) : error.end + 20]  # of all that was to be stored
        raise UsageError(f"text that is no valid Unicode cannot be stored: {told!r}") from error
    except msgspec.MsgspecError as error:  # what we write can be read back
        raise StorageRefusedError(f"{place} is damaged: {error}", hint="restore a backup") from error


def unreachable(error: Exception, place: str, *, reached_before: bool = False) -> StorageError:
    """Tell why no connection could be made.

    Where one could before with the same settings it may be made again, whatever the server says, in whatever language,
    while it is stopped, or somebody changes a password: a worker is not to leave because of that, unless it drains, or
    is asked to.
    """
    told = _first_line(error)
    if reached_before and _WITHDRAWN.search(told):
        return StorageGoneError(f"{place} refuses the connection that it took before: {told}", hint=_LOOK)
    if reached_before:
        return StorageBusyError(f"{place} cannot be reached: {told}", hint=_LOOK)
    if isinstance(error, psycopg.ProgrammingError):
        return StorageRefusedError(f"{place} cannot be connected to: {told}", hint="look at storage.dsn")
    if _LASTING.search(told) and not _PASSING.search(told):
        return StorageRefusedError(
            f"{place} refuses the connection: {told}",
            hint="look at storage.dsn, ~/.pgpass and the server's pg_hba.conf",
        )
    return StorageBusyError(f"{place} cannot be reached: {told}", hint=_LOOK)


def meaning(error: psycopg.Error, place: str) -> QueuectlError:
    """Tell what an error of PostgreSQL means to somebody who only knows that there is a database."""
    told = _first_line(error)
    match error:
        case errors.InsufficientPrivilege() | errors.InvalidSchemaName():
            return StorageRefusedError(f"{place}: {told}", hint="grant it to the user of storage.dsn, or take another")
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.UndefinedObject():
            return StorageRefusedError(f"{place} is damaged: {told}", hint="restore a backup, or set storage.schema")
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return StorageRefusedError(f"{place} is damaged: {told}", hint="restore a backup")
        case errors.NumericValueOutOfRange():
            return UsageError("a number is too large to be stored: integers have 64 bits")
        case errors.DiskFull():
            return StorageError(f"the server's disk is full: {told}", hint="free some space on the server")
        case errors.ReadOnlySqlTransaction():
            return StorageBusyError(f"{place} may only be read: it is a standby, or was made read-only")
        case errors.UntranslatableCharacter() | psycopg.DataError() if "NUL" in told or "\\u0000" in str(error):
            return UsageError("text with a null character in it cannot be stored in PostgreSQL")
        case psycopg.OperationalError() | psycopg.InterfaceError() | psycopg.InternalError():
            return StorageBusyError(f"{place} does not answer: {told}", hint=_LOOK)
        case _:
            return StorageError(f"{place}: {told}")


def _first_line(error: Exception) -> str:
    """Return the first thing that was said; the rest are details, and may quote what was stored."""
    told = str(error).strip().removeprefix("connection failed: ").removeprefix("connection is bad: ")
    return (told.splitlines() or [type(error).__name__])[0]
