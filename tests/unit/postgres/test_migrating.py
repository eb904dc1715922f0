"""Migrating: one at a time, while others work, and never beneath who cannot follow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from queuectl.errors import StorageRefusedError
from queuectl.model.job import NewJob
from queuectl.model.lease import Ask
from queuectl_postgres import Postgres, migrating, schema
from queuectl_postgres.database import Database
from queuectl_postgres.schema import Migration
from queuectl_postgres.storage import PostgresStorage

from .conftest import Open

STEPS = (
    Migration("ALTER TABLE queuectl.job ADD COLUMN colour text", usable_by=1),
    Migration("ALTER TABLE queuectl.job ADD COLUMN shape text", usable_by=1),
)


def migrate(storage: PostgresStorage, *steps: Migration) -> int:
    """Bring the schema to what these steps make of it; return how many were taken."""
    with storage._database.lent() as link:
        return migrating.ready(link, migrations=(*schema.MIGRATIONS, *steps))


def version(storage: PostgresStorage) -> tuple[int, int]:
    """Return the version, and that of the oldest code that may use it."""
    with storage._database.lent() as link:
        return migrating.version_of(link)


def test_the_first_handles_make_one_schema(postgres: Postgres) -> None:
    """However many processes begin at the same moment."""

    def begin(_: int) -> tuple[int, int]:
        database = Database(postgres.dsn, schema=postgres.schema, pooled=None, timeout=30.0)
        storage = PostgresStorage(database)
        storage.close()
        return schema.VERSION, 1

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(begin, range(6))) == [(schema.VERSION, 1)] * 6


def test_each_step_is_taken_once(storage: PostgresStorage, open_storage: Open) -> None:
    """Of several that migrate at the same time each step is one's, and there is an end of it."""
    with ThreadPoolExecutor(3) as pool:
        assert max(pool.map(lambda each: migrate(each, *STEPS), [storage, open_storage(), open_storage()])) > 0
    assert version(storage) == (schema.VERSION + 2, 1)
    assert migrate(storage, *STEPS) == 0


def test_who_is_older_works_on(storage: PostgresStorage, worker: str) -> None:
    """Meanwhile and afterwards, also who comes anew; a step only adds what these pass over."""
    storage.enqueue([NewJob(id="a", command="true")])
    migrate(storage, *STEPS)
    storage.enqueue([NewJob(id="b", command="true")])
    assert [each.job.id for each in storage.exchange(worker, [], Ask(limit=2)).claims] == ["a", "b"]
    storage.migrate()
    assert version(storage) == (schema.VERSION + 2, 1)


def test_who_is_too_old_is_refused(storage: PostgresStorage, open_storage: Open) -> None:
    """With what to type."""
    migrate(storage, Migration("SELECT 1", usable_by=schema.VERSION + 1))
    with pytest.raises(StorageRefusedError, match="migrated by a newer queuectl") as caught:
        open_storage()
    assert caught.value.hint == "upgrade queuectl here too"


def test_a_step_that_fails_leaves_nothing(storage: PostgresStorage) -> None:
    """It is done whole or not at all, and the version stays."""
    with pytest.raises(StorageRefusedError):
        migrate(storage, Migration("ALTER TABLE queuectl.job ADD COLUMN colour text; SELECT * FROM queuectl.no", 1))
    assert version(storage) == (schema.VERSION, 1)
    assert migrate(storage, *STEPS) == 2


def test_tables_of_others_are_left_alone(postgres: Postgres) -> None:
    """A schema in which somebody else keeps something is refused, as it is."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{postgres.schema}"')
        connection.execute(f'CREATE TABLE "{postgres.schema}".job (precious text)')
    with pytest.raises(StorageRefusedError, match="tables of another program"):
        PostgresStorage(Database(postgres.dsn, schema=postgres.schema, pooled=None, timeout=8.0))


def test_an_empty_schema_is_taken(postgres: Postgres, open_storage: Open) -> None:
    """As an administrator makes it for a user who may not make any."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{postgres.schema}"')
    assert version(open_storage()) == (schema.VERSION, 1)
