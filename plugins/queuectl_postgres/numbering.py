"""The numbers of queues, which are remembered: a queue keeps its own for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from threading import Lock

from queuectl_postgres import statements as sql
from queuectl_postgres.link import Link


class QueueNumbers:
    """What one handle knows of them; `reading` lends it a link."""

    def __init__(self, reading: Callable[[], AbstractContextManager[Link]]) -> None:
        self._reading = reading
        self._known: dict[str, int] = {}
        self._lock = Lock()

    def of(self, names: set[str]) -> Mapping[str, int]:
        """Return the numbers of queues, new ones for new names.

        These are committed at once, whatever becomes of the jobs: else whoever enqueues to a new queue would wait for
        the end of the transaction that was first.
        """
        with self._lock:
            known = self._known
        if names <= known.keys():
            return known
        with self._reading() as link:
            found = dict(link.rows(sql.QUEUE_IDS, (list(names),)))
            if len(found) < len(names):
                link.run(sql.ADD_QUEUES, (list(names - found.keys()),))
                found = dict(link.rows(sql.QUEUE_IDS, (list(names),)))
        with self._lock:
            self._known = known = {**self._known, **found}
        return known
