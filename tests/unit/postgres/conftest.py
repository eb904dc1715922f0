"""What the tests of the PostgreSQL storage start from: handles on a schema of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, Protocol

import psycopg
import pytest

from queuectl.model.worker import NewWorker
from queuectl_postgres import Postgres
from queuectl_postgres.database import Database
from queuectl_postgres.storage import PostgresStorage

PATIENCE = 60.0
"""Seconds until a test gives up on what must come."""


class Open(Protocol):
    """Opens a handle that is closed when the test ends."""

    def __call__(
        self, *, dsn: str = ..., schema: str = ..., pooled: bool | None = None, timeout: float = 8.0
    ) -> PostgresStorage:
        """Open the schema of the test, or another one."""
        ...


@pytest.fixture
def open_storage(postgres: Postgres) -> Iterator[Open]:
    """Return what opens handles."""
    with ExitStack() as stack:

        def open_storage(
            *,
            dsn: str = postgres.dsn,
            schema: str = postgres.schema,
            pooled: bool | None = None,
            timeout: float = 8.0,
        ) -> PostgresStorage:
            database = Database(dsn, schema=schema, pooled=pooled, timeout=timeout)
            return stack.enter_context(closing(PostgresStorage(database)))

        yield open_storage


@pytest.fixture
def storage(open_storage: Open) -> PostgresStorage:
    """Return a handle."""
    return open_storage()


@pytest.fixture
def worker(storage: PostgresStorage) -> str:
    """Return the id of a registered worker."""
    storage.register(NewWorker(id="worker-1", host="host", pid=1))
    return "worker-1"


@pytest.fixture
def connect(postgres: Postgres) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    """Return what opens a program's own connection to the same database."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(psycopg.connect(postgres.dsn)))


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition to become true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)
