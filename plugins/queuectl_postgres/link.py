"""A link: one connection to the database, which never waits for ever."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar, cast

import psycopg
from psycopg import sql

Value = TypeVar("Value")

Answer = psycopg.Cursor[tuple[Any, ...]]
"""Where the rows of a statement are, or will be."""

Values = Mapping[str, Any] | Sequence[Any] | None

WAITS_AT_ONCE = 0.1
"""Seconds between two looks at the clock while the server is waited for."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits end: a server that is cut off says nothing, and may not be waited for for ever."""

    is_spoilt = False
    """Whether it is not to be used again, once what is under way is done."""

    patience: float | None = None
    """For how many seconds an answer is waited for; None: for as long as it takes."""

    def wait(self, gen: Any, interval: float = WAITS_AT_ONCE, *rest: Any, **named: Any) -> Any:
        """Wait for the server; raises TimeoutError, and closes the connection, when patience is lost."""
        if self.patience is None:
            return super().wait(gen, interval, *rest, **named)
        try:
            return super().wait(_bounded(gen, self.patience), interval, *rest, **named)
        except TimeoutError:
            self.pgconn.finish()  # what it was asked, it may still do: nobody can tell
            raise


def _pipelined(connection: Connection) -> Iterator[None]:
    """Let what comes be sent together; where the end of that fails too, the first failure is the one to be told."""
    failure: BaseException | None = None
    try:
        with connection.pipeline():
            try:
                yield
            except BaseException as error:  # a wall, and raised below: psycopg would log what it finds in its way
                failure = error
    except (psycopg.Error, TimeoutError):
        if failure is None:
            raise
    if failure is not None:
        raise failure


def _bounded(gen: Generator[Any, Any, Value], patience: float) -> Generator[Any, Any, Value]:
    """Pass a wait of psycopg on, step by step, until it takes too long."""
    deadline = time.monotonic() + patience
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                gen.close()
                raise TimeoutError
            wanted = gen.send(ready)
    except StopIteration as ended:
        return cast("Value", ended.value)


class Link:
    """Runs statements, in which our schema is called `queuectl` whatever its real name is."""

    __slots__ = ("connection", "schema")

    def __init__(self, connection: psycopg.Connection[Any], schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def rows(self, statement: str, values: Values = None) -> list[tuple[Any, ...]]:
        """Return all rows of a statement."""
        return self._executed(statement, values).fetchall()

    def row(self, statement: str, values: Values = None) -> tuple[Any, ...] | None:
        """Return the first row."""
        return self._executed(statement, values).fetchone()

    def value(self, statement: str, values: Values = None) -> Any:
        """Return the first column of the first row, None where there is no row."""
        row = self.row(statement, values)
        return None if row is None else row[0]

    def run(self, statement: str, values: Values = None) -> int:
        """Run a statement, and return how many rows it wrote."""
        return self._executed(statement, values).rowcount

    @contextmanager
    def together(self) -> Iterator[None]:
        """Send what the block asks without a wait for each answer, and return when all are there.

        What a statement did or found is known only afterwards: `ask` it. An error of any is raised at the end, and no
        later one is run. On a connection that is not ours, and where libpq is too old, each is waited for.
        """
        if not (isinstance(self.connection, Connection) and psycopg.Pipeline.is_supported()):
            yield
            return
        try:
            yield from _pipelined(self.connection)
        except BaseException:
            # psycopg takes a statement for prepared that was to be after the one that failed, and so never was.
            self.connection.prepare_threshold = None
            self.connection.is_spoilt = True
            raise

    def ask(self, statement: str, values: Values = None) -> Answer:
        """Run a statement, and return where its rows will be once all that was asked together is answered."""
        return self._executed(statement, values)

    def many(self, statement: str, values: Iterable[Values]) -> None:
        """Run a statement once for each of many values, in one go."""
        with self.connection.cursor() as cursor:
            cursor.executemany(self._placed(statement), cast("Iterable[Sequence[Any]]", values))

    def last_of(self, script: str) -> tuple[Any, ...]:
        """Run several statements without values in one go, and return the first row of the last."""
        cursor = self._executed(script, None)
        while cursor.nextset():
            continue
        row = cursor.fetchone()
        assert row is not None
        return row

    @contextmanager
    def savepoint(self, name: str = "queuectl_step") -> Iterator[None]:
        """Undo what the block did when it raises, and leave the transaction open."""
        self.run(f"SAVEPOINT {name}")
        with self._undone(name):
            yield
        self.run(f"RELEASE SAVEPOINT {name}")

    @contextmanager
    def savepoint_together(self, name: str = "queuectl_step") -> Iterator[None]:
        """Do the same, and send all at once: the block may look at no answer."""
        with self._undone(name), self.together():
            self.ask(f"SAVEPOINT {name}")
            yield
            self.ask(f"RELEASE SAVEPOINT {name}")

    @contextmanager
    def _undone(self, name: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.run(f"ROLLBACK TO SAVEPOINT {name}")
            self.run(f"RELEASE SAVEPOINT {name}")
            raise

    def roll_back(self) -> None:
        """Undo the transaction that is open, if the connection still is."""
        if not self.connection.closed:
            with suppress(psycopg.Error, TimeoutError):
                self.run("ROLLBACK")

    def _executed(self, statement: str, values: Values) -> psycopg.Cursor[tuple[Any, ...]]:
        return self.connection.cursor(row_factory=psycopg.rows.tuple_row).execute(self._placed(statement), values)

    def _placed(self, statement: str) -> sql.SQL:
        return _placed(statement, self.schema)


@lru_cache(maxsize=512)
def _placed(statement: str, schema: str) -> sql.SQL:
    """Return a statement with the real name of our schema."""
    if schema != "queuectl":
        statement = statement.replace("queuectl.", f'"{schema}".')
    return sql.SQL(statement)  # put together from constants and one quoted name
