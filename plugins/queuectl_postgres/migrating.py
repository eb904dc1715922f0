"""Migrating: the schema is made, and brought to the newest version, by one process at a time, while others work."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from psycopg import errors

from queuectl import StorageRefusedError
from queuectl_postgres import schema
from queuectl_postgres.link import Connection, Link
from queuectl_postgres.schema import Migration

FOUND = """
    SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %s AND relname = 'version'
"""
"""Asks the catalogue, and not `to_regclass`, which may answer by what its session knew before somebody was faster."""

VERSION = "SELECT version, usable_by FROM queuectl.version"

SET_VERSION = "UPDATE queuectl.version SET version = %s, usable_by = %s"

LOCK = "SELECT pg_advisory_xact_lock(%s)"

PATIENCE = 3600.0
"""Seconds that a step may take, which looks at every attempt there is, say, or for which another process takes it."""

_QUICK = "SET LOCAL lock_timeout = '5s'"
"""For what a migration wants to alter others may wait in line behind it: so it must not stand in line for long."""


def lock_number(name: str) -> int:
    """Return the number of an advisory lock of ours: 64 bits that no other program is likely to use."""
    return int.from_bytes(hashlib.blake2b(f"queuectl:{name}".encode(), digest_size=8).digest(), "big", signed=True)


def version_of(link: Link) -> tuple[int, int]:
    """Return the version of the tables, and that of the oldest code that may use them; zeros where there are none."""
    if link.row(FOUND, (link.schema,)) is None:
        return 0, 0
    version, usable_by = link.row(VERSION) or (0, 0)
    return version, usable_by


def ready(link: Link, *, migrations: Sequence[Migration] = schema.MIGRATIONS) -> int:
    """Bring the schema to the newest version, from nothing or an older one; return how many steps that took.

    Raises StorageRefusedError for one that is too new for this code. A newer one that this code may still use stays.
    """
    newest = 1 + len(migrations)
    version, usable_by = version_of(link)
    if usable_by > newest:
        raise StorageRefusedError(
            f"the schema {link.schema!r} was migrated by a newer queuectl (version {version}, this one knows {newest})",
            hint="upgrade queuectl here too",
        )
    steps = 0
    while version < newest:
        version = _step(link, version, migrations)
        steps += 1
    return steps


def _step(link: Link, seen: int, migrations: Sequence[Migration]) -> int:
    """Make one version of the one before, in a transaction of its own; return what there is then."""
    if isinstance(link.connection, Connection):
        link.connection.patience = PATIENCE
    link.run("BEGIN")
    try:
        link.run(LOCK, (lock_number(f"{link.schema}:migrate"),))
        version, _ = version_of(link)
        if version == seen:  # else another process was faster
            link.run(_QUICK)
            version = _create(link) if version == 0 else _migrate(link, version, migrations[version - 1])
        link.run("COMMIT")
    except BaseException:
        if not link.connection.closed:
            link.run("ROLLBACK")
        raise
    return version


def _create(link: Link) -> int:
    try:
        with link.savepoint():
            link.run(f'CREATE SCHEMA "{link.schema}"')
    except errors.DuplicateSchema:  # an administrator made it for us
        if link.value(_TABLES, (link.schema,)):
            raise StorageRefusedError(
                f"the schema {link.schema!r} holds tables of another program", hint="set storage.schema to another name"
            ) from None
    link.run(schema.CREATE)
    return 1


_TABLES = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = %s"


def _migrate(link: Link, version: int, migration: Migration) -> int:
    link.run(migration.script)
    link.run(SET_VERSION, (version + 1, migration.usable_by))
    return version + 1
