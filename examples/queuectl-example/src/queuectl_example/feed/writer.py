"""Writing events to the feed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from queuectl import Event

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class FeedWriter:
    """Appends a line for each event.

    An event comes at least once: `id` grows, and whoever follows the file passes over what is not above the last one.
    The file is opened for each event, so that it may be moved away meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def notify(self, event: Event) -> None:
        """Append one event. Whatever this raises is logged, and the event comes again: there is nothing to catch."""
        descriptor = os.open(self._path, _FLAGS, 0o600)
        try:
            # One call for the whole line: with several workers, no line ends up within another.
            os.write(descriptor, json.dumps(_fields(event)).encode() + b"\n")
        finally:
            os.close(descriptor)


def _fields(event: Event) -> Mapping[str, Any]:
    """Return what is told. Not the whole job: its environment may hold secrets, which a feed must not spread."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = {"id": event.id, "event": event.name, "at": at, "queue": event.queue, "attempt": event.attempt}
    job = event.job
    if job is not None:
        fields |= {"job": job.id, "exit_code": job.exit_code, "signal": job.signal, "error": job.error}
    return {name: value for name, value in fields.items() if value is not None}
