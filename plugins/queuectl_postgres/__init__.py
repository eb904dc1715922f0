"""The storage for more than one machine: a schema in a PostgreSQL database, shared by any number of hosts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from queuectl import Context, Duration, PluginError, Provider, hookimpl

if TYPE_CHECKING:
    from queuectl_postgres.storage import PostgresStorage

queuectl_api = 1


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A schema in a PostgreSQL database, shared by all hosts that reach it."""

    dsn: Annotated[
        str,
        msgspec.Meta(
            description="where the database is: a URL or a list of keywords as psql takes them; what is left out comes "
            "from the PG* variables, a password best from ~/.pgpass"
        ),
    ] = ""
    schema: Annotated[str, msgspec.Meta(description="the schema of its own in which all tables are")] = "queuectl"
    pooled: Annotated[
        bool | None,
        msgspec.Meta(
            description="whether a pooler such as pgbouncer lends connections by the transaction: then nothing is "
            "prepared and nobody listens, workers look four times a second; null means to find out"
        ),
    ] = None
    timeout: Annotated[
        Duration, msgspec.Meta(description="how long the server may take to answer before it is out of reach")
    ] = Duration("8s")


def create(settings: Postgres, context: Context) -> PostgresStorage:
    """Connect, and make the schema if there is none. Raises PluginError where psycopg cannot be imported."""
    try:
        import psycopg  # noqa: F401  # without it, or without the library that it needs, nothing below can be imported
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        hint = "python -m pip install 'queuectl[postgres]'"
        raise PluginError(f"the storage postgres needs psycopg: {reason}", hint=hint) from error
    from queuectl_postgres.database import Database
    from queuectl_postgres.storage import PostgresStorage

    database = Database(settings.dsn, schema=settings.schema, pooled=settings.pooled, timeout=float(settings.timeout))
    return PostgresStorage(database, events=context.events, clock=context.clock)


@hookimpl
def queuectl_storages() -> Iterable[Provider]:
    """Offer the storage `postgres`."""
    yield Provider(
        "postgres", Postgres, create, summary="a schema in a PostgreSQL database, shared by all hosts that reach it"
    )
