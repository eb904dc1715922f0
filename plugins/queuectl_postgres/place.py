"""Where a database is: read from a DSN, and told without its password."""

from __future__ import annotations

import re
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from queuectl import ConfigError

MOST_BYTES = 63
"""Bytes in the longest name that PostgreSQL keeps whole."""

_SCHEMA = re.compile(r"[\w-]+")

_EXAMPLE = "for example: postgresql://ada@db.example.org/jobs, with the password in ~/.pgpass"


def parameters(dsn: str) -> dict[str, str]:
    """Return what a DSN tells, by libpq's keywords; a ConfigError does not repeat it: it may hold a password."""
    try:
        told = conninfo_to_dict(dsn)
    except (psycopg.Error, UnicodeError, ValueError):
        raise ConfigError("storage.dsn is not a connection string that PostgreSQL understands", hint=_EXAMPLE) from None
    if "@" in str(told.get("host", "")):  # which would be told wherever that host cannot be found
        raise ConfigError("storage.dsn: an @ in a user or password must be written as %40", hint=_EXAMPLE)
    if re.search(r"[=@]|://", str(told.get("dbname", ""))):  # a whole address, which would be told for a name
        raise ConfigError("storage.dsn: dbname must be the name of a database", hint=_EXAMPLE)
    if not re.fullmatch(r"[\d,]*", str(told.get("port", ""))):
        raise ConfigError("storage.dsn: a port must be a number", hint=_EXAMPLE)
    return {name: str(value) for name, value in told.items() if value is not None}


def refuse_schema(name: str) -> None:
    """Raise ConfigError for what cannot be the name of a schema."""
    if not _SCHEMA.fullmatch(name) or len(name.encode(errors="replace")) > MOST_BYTES or name.startswith("pg_"):
        raise ConfigError(
            f"storage.schema: {name!r} cannot be the name of our schema",
            hint=f"take letters, digits, - and _, at most {MOST_BYTES} bytes, and no pg_ in front",
        )


def shown(info: psycopg.ConnectionInfo, schema: str) -> str:
    """Return where an open connection leads, as a URL with no password in it."""
    host = info.host if not info.host.startswith("/") else quote(info.host, safe="")
    port = f":{info.port}" if info.port != 5432 else ""
    place = f"postgresql://{quote(info.user, safe='')}@{host}{port}/{quote(info.dbname, safe='')}"
    return place if schema == "queuectl" else f"{place}?schema={quote(schema, safe='')}"
