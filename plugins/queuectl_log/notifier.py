"""Writing events to a log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from queuectl import Event

_ERRORS = frozenset({"job.dead", "worker.lost"})
_WARNINGS = frozenset({"job.failed", "job.lost"})
_ENDED = frozenset({"job.completed", "job.failed", "job.dead", "job.lost", "job.cancelled"})


class Logger(Protocol):
    """A logger in the manner of structlog: the message, then fields by name."""

    def info(self, event: str, /, **fields: Any) -> Any:
        """Log what went as it should."""

    def warning(self, event: str, /, **fields: Any) -> Any:
        """Log what queuectl will try again."""

    def error(self, event: str, /, **fields: Any) -> Any:
        """Log what somebody should look at."""


class LogNotifier:
    """Logs each event under its name, with what tells it apart. `event_id` shows when one is delivered twice."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    def notify(self, event: Event) -> None:
        """Log an event."""
        fields = {name: value for name, value in _fields(event).items() if value is not None}
        if event.name in _ERRORS:
            self._logger.error(event.name, **fields)
        elif event.name in _WARNINGS:
            self._logger.warning(event.name, **fields)
        else:
            self._logger.info(event.name, **fields)


def _fields(event: Event) -> Mapping[str, Any]:
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = {"event_id": event.id, "at": at, "queue": event.queue, "attempt": event.attempt, "worker": event.worker}
    job = event.job
    if job is None:
        return fields
    fields |= {"job": job.id, "queue": job.queue}
    if event.name in _ENDED:
        fields |= {"exit_code": job.exit_code, "signal": job.signal, "error": job.error}
    if event.name == "job.failed" and job.next_retry_at is not None:
        fields["retry_in"] = round(job.next_retry_at - event.at, 3)
    return fields
