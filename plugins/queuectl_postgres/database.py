"""The database: how links to it are made, lent out, taken back and thrown away."""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import psycopg

from queuectl import StorageError, StorageRefusedError
from queuectl_postgres import orders
from queuectl_postgres.failures import translated, unreachable
from queuectl_postgres.link import Connection, Link
from queuectl_postgres.place import parameters, refuse_schema, shown

Selector = getattr(selectors, "PollSelector", selectors.DefaultSelector)
"""What waits for one or two descriptors, once: the default one takes four calls of the system for that."""

KEPT = 2
"""How many links that nobody uses are kept open for the next call: most handles are used by one or two threads."""

OLDEST = 130000
"""PostgreSQL 13: what is older gets no fixes any more, and lacks what we ask for."""

PATIENT = 600.0
"""Seconds that the server may take for what people ask, such as to count a great many jobs."""

_SOCKETS = {
    # A peer that is gone says nothing. The kernel notices within about 15 seconds, and sooner while data is under way.
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
}


class Database:
    """Makes links, and keeps a few that nobody uses. A link is used by one thread at a time."""

    def __init__(self, dsn: str, *, schema: str, pooled: bool | None, timeout: float) -> None:
        refuse_schema(schema)
        self._told = parameters(dsn)
        self.schema = schema
        self.timeout = timeout
        self._pooled = pooled
        self._reached = False
        self._idle: list[Link] = []
        self._lock = Lock()
        self._process = os.getpid()
        self._closed = False
        self.path = _place_of(self._told)
        """Where it is, for people: no password is in it."""

    @property
    def pooled(self) -> bool:
        """Whether a pooler lends connections by the transaction; known once there was a link."""
        return bool(self._pooled)

    @contextmanager
    def lent(self, *, patience: float | None = None) -> Iterator[Link]:
        """Lend a link that works; it is closed afterwards if it broke or is in the middle of something."""
        link = self._take(patience or self.timeout)
        try:
            with translated(self.path):
                yield link
        finally:
            self._give_back(link)

    def moment(self) -> str:
        """Return a text that is another one once any transaction that writes has ended on the server."""
        with self.lent() as link:
            return str(link.value(orders.MOMENT))

    def connect(self) -> Connection:
        """Open a connection. Raises StorageBusyError where the server is out of reach, StorageRefusedError for a no."""
        try:
            connection = Connection.connect(**self._parameters(), autocommit=True, prepare_threshold=None)
        except (psycopg.Error, UnicodeError) as error:
            raise unreachable(error, self.path, reached_before=self._reached) from error
        try:
            with translated(self.path):
                self._look_at(connection)
        except BaseException:
            connection.close()
            raise
        self._reached = True
        return connection

    def close(self) -> None:
        """Close all links that nobody uses; the others follow when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for link in idle:
            link.connection.close()

    def _take(self, patience: float) -> Link:
        while (link := self._kept()) is not None:
            if _works(link, self.timeout):
                break
            link.connection.close()
        else:
            link = Link(self.connect(), self.schema)
        _patience(link, patience)
        return link

    def _kept(self) -> Link | None:
        if self._process != os.getpid():
            raise StorageError("a storage that was opened before a fork cannot be used after it")
        with self._lock:
            if self._closed:
                raise StorageError(f"{self.path} was closed by this program")
            return self._idle.pop() if self._idle else None

    def _give_back(self, link: Link) -> None:
        connection = link.connection
        if _is_sound(connection):
            with self._lock:
                if not self._closed and len(self._idle) < KEPT:
                    self._idle.append(link)
                    return
        with suppress(psycopg.Error):
            connection.close()

    def _parameters(self) -> dict[str, Any]:
        ours = {
            "application_name": "queuectl",
            "client_encoding": "UTF8",
            "connect_timeout": str(max(2, round(self.timeout))),
            "tcp_user_timeout": str(round(self.timeout * 1000)),
            **_SOCKETS,
        }
        return ours | self._told

    def _look_at(self, connection: Connection) -> None:
        connection.patience = self.timeout
        self.path = shown(connection.info, self.schema)
        if connection.info.server_version < OLDEST:
            version = connection.info.parameter_status("server_version")
            raise StorageRefusedError(
                f"{self.path} is PostgreSQL {version}, which is too old", hint="13 or newer is needed"
            )
        encoding = connection.info.parameter_status("server_encoding")
        if encoding not in {"UTF8", None}:
            raise unreachable(psycopg.ProgrammingError(f"its encoding is {encoding}, not UTF8"), self.path)
        if self._pooled is None:
            # Who talks to a pooler was told a process that is none of the server's, so that a cancel goes through it.
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            self._pooled = row is None or row[0] != connection.info.backend_pid
        if not self._pooled:
            connection.prepare_threshold = 2


def _is_sound(connection: psycopg.Connection[Any]) -> bool:
    """Whether a connection can be used for something else."""
    if connection.closed or (isinstance(connection, Connection) and connection.is_spoilt):
        return False
    return connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def _works(link: Link, patience: float) -> bool:
    """Whether a kept link can be used: its server may have been restarted since."""
    if link.connection.closed:
        return False
    _patience(link, patience)
    return not _has_been_closed(link)


def _has_been_closed(link: Link) -> bool:
    """Look, without asking the server, whether it said good-bye; to a kept link it has nothing else to say."""
    with Selector() as selector:
        selector.register(link.connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def _patience(link: Link, seconds: float) -> None:
    if isinstance(link.connection, Connection):
        link.connection.patience = seconds


def _place_of(told: dict[str, str]) -> str:
    host = told.get("host") or os.environ.get("PGHOST") or "localhost"
    name = told.get("dbname") or os.environ.get("PGDATABASE") or told.get("user") or ""
    return f"postgresql://{host}/{name}".rstrip("/")
