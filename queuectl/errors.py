"""Every error that queuectl raises on purpose: what went wrong, why, and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence


class QueuectlError(Exception):
    """Say what went wrong in one line; `details` are further lines, `hint` is what to type next."""

    exit_code = 1
    code = "failed"

    def __init__(self, message: str, *, hint: str | None = None, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)


class UsageError(QueuectlError):
    """The call or the job text is not of the form that it must have."""

    exit_code = 2
    code = "usage"


class NotFoundError(QueuectlError):
    """Nothing is stored under that id, or more than one thing is."""

    exit_code = 3
    code = "not-found"


class ConflictError(QueuectlError):
    """The id is taken, or the job is in a state that does not allow it."""

    exit_code = 4
    code = "conflict"


class ReadOnlyError(ConflictError):
    """Whoever asks may look at the jobs, and change nothing."""

    code = "read-only"


class WaitTimeoutError(QueuectlError):
    """The time to wait ran out before the job ended."""

    exit_code = 124
    code = "timeout"


class StorageError(QueuectlError):
    """The storage cannot do it: a full disk, an I/O error, a place that may not be written."""

    exit_code = 1
    code = "storage"


class StorageBusyError(StorageError):
    """The storage is busy or out of reach for now; the same call may succeed later."""

    exit_code = 75
    code = "busy"


class StorageGoneError(StorageError):
    """The store was removed or replaced while it was open; the same call may succeed once it is put back."""

    exit_code = 75
    code = "gone"


class StorageRefusedError(StorageError):
    """The store is none of ours: foreign, damaged, newer, unsafe, or somebody else's."""

    exit_code = 78
    code = "refused"


class ConfigError(QueuectlError):
    """The configuration is not valid, or it names a plugin that cannot be used."""

    exit_code = 78
    code = "config"


class PluginError(ConfigError):
    """A plugin is missing, broken, a duplicate or made for another version of the API."""

    code = "plugin"
