"""The server that all measure on, each in a database of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

_NUMBERS = itertools.count(1)


@contextmanager
def server(dsn: str | None) -> Iterator[str]:
    """Yield the URL of a server: the one that is given, or one that is started here and gone afterwards."""
    if dsn is not None:
        yield dsn
        return
    from tests.servers.postgres import PostgresServer, found_binaries

    binaries = found_binaries()
    if binaries is None:
        raise SystemExit("no PostgreSQL server is installed: name one with --dsn")
    started = PostgresServer(binaries, durable=True)
    try:
        yield started.dsn
    finally:
        started.close()


@contextmanager
def database(server: str) -> Iterator[str]:
    """Make a new database, yield its URL, and remove it; `server` is the URL of another one."""
    new = f"queuectl_speed_{next(_NUMBERS)}"
    name = sql.Identifier(new)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield urlsplit(server)._replace(path=f"/{new}").geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
