"""What SQLite reports, in the words of the storage seam."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import msgspec

from queuectl import StorageBusyError, StorageError, StorageRefusedError, UsageError
from queuectl_sqlite.host import is_full, is_read_only


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what the block raises as an error of queuectl."""
    try:
        yield
    except apsw.Error as error:
        raise meaning(error, path) from error
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:  # what we write can be read back
        raise damaged(path, error) from error
    except UnicodeEncodeError as error:
        raise UsageError(f"text that is no valid Unicode cannot be stored: {error.object!r}") from error
    except OverflowError as error:
        raise UsageError("a number is too large to be stored: integers have 64 bits") from error


def meaning(error: apsw.Error, path: Path) -> StorageError:
    """Tell what an error of SQLite means to somebody who only knows that there is a file."""
    match error:
        case apsw.BusyError() | apsw.LockedError() | apsw.ProtocolError():
            return StorageBusyError(
                f"{path} is busy: another process has kept it locked for too long",
                hint="try again; if it stays so, find who has it open: fuser -v " + str(path),
            )
        case apsw.CorruptError() | apsw.SQLError() if _is_damage(error):
            return damaged(path, error)
        case apsw.NotADBError():
            return not_a_database(path)
        case apsw.FullError():
            return _full(path)
        case apsw.ReadOnlyError():
            return _read_only(path)
        case apsw.CantOpenError() | apsw.IOError() if is_read_only(path.parent):
            return _read_only(path)
        case apsw.CantOpenError() | apsw.IOError() if is_full(path.parent):
            return _full(path)
        case apsw.CantOpenError():
            return StorageError(
                f"{path} cannot be opened", hint=f"look at its permissions: ls -ld {path.parent} {path}"
            )
        case apsw.IOError():
            return StorageError(f"reading or writing {path} failed: {error}", hint="look at the disk: dmesg, df -h")
        case _:
            return StorageError(f"{path}: {error}")


def _is_damage(error: apsw.Error) -> bool:
    """Whether the file is spoilt; of a number in its header SQLite tells as of a mistake in a statement."""
    return isinstance(error, apsw.CorruptError) or "unsupported file format" in str(error)


def _read_only(path: Path) -> StorageError:
    return StorageError(f"{path} may not be written: it, its directory or its file system is read-only")


def _full(path: Path) -> StorageError:
    return StorageError(f"the disk is full: {path} cannot grow", hint=f"free some space: df -h {path.parent}")


def damaged(path: Path, error: Exception | str) -> StorageRefusedError:
    """Return the error for a database of ours that is spoilt."""
    return StorageRefusedError(f"{path} is damaged: {error}", hint="restore a backup, or move the file away")


def not_a_database(path: Path) -> StorageRefusedError:
    """Return the error for a file that is something else."""
    return StorageRefusedError(
        f"{path} is not a SQLite database", hint="set storage.path to another file, or move this one away"
    )
