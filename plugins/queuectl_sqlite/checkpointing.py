"""Checkpoints: the log is moved into the database file now and then, so that neither grows without bound."""

from __future__ import annotations

import apsw

from queuectl_sqlite.patience import Patience

PAGES = 2000
"""The log is moved when it has so many pages (8 MiB), and again each time that it has grown by a quarter of that."""

TOO_MANY_PAGES = 16_000
"""With so many (64 MiB), which happens only when readers follow each other without a gap, it is made to start anew."""


BRIEFLY = 0.02
"""How many seconds a commit waits for readers so that the log may start anew; all writers wait with it."""


class Checkpoints:
    """Is told by SQLite after each commit how long the log is. SQLite's own way never makes a log start anew."""

    def __init__(self) -> None:
        self._pages = 0
        self._next = PAGES

    def __call__(self, connection: apsw.Connection, name: str, pages: int) -> int:
        """Move the log, when it is time; whatever comes of it, the commit stands."""
        if pages < self._pages:  # it has started anew
            self._next = PAGES
        self._pages = pages
        if pages >= self._next:
            self._next = pages + PAGES // 4
            _move(connection, restart=pages >= TOO_MANY_PAGES)
        return apsw.SQLITE_OK


def _move(connection: apsw.Connection, *, restart: bool) -> None:
    mode = apsw.SQLITE_CHECKPOINT_RESTART if restart else apsw.SQLITE_CHECKPOINT_PASSIVE
    connection.set_busy_handler(Patience(BRIEFLY))
    try:
        connection.wal_checkpoint(mode=mode)
    except apsw.Error:  # a reader stays, or the disk is full: a later commit tries again
        return
    finally:
        connection.set_busy_handler(Patience())
