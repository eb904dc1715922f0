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
