"""Upkeep: whether the store is sound, and copies of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import msgspec

from queuectl import ConflictError, Result, Role, StopMode, StorageError
from queuectl_sqlite import schema
from queuectl_sqlite import statements as sql
from queuectl_sqlite.events import event_of
from queuectl_sqlite.failures import translated
from queuectl_sqlite.host import give_name, make_file, sync_names


def _others_than(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} NOT IN ({listed})"


CHECKS = {
    "missing row of the counter": "SELECT 1 - count(*) FROM counter",
    "jobs without their command": "SELECT count(*) FROM job WHERE seq NOT IN (SELECT seq FROM spec)",
    "commands without their job": "SELECT count(*) FROM spec WHERE seq NOT IN (SELECT seq FROM job)",
    "attempts without their job": "SELECT count(*) FROM attempt WHERE job NOT IN (SELECT seq FROM job)",
    "outputs without their attempt": "SELECT count(*) FROM output WHERE id NOT IN (SELECT id FROM attempt)",
    "tags without their job": "SELECT count(*) FROM tag WHERE seq NOT IN (SELECT seq FROM job)",
    "jobs of no queue": "SELECT count(*) FROM job WHERE queue NOT IN (SELECT id FROM queue)",
    "jobs whose phase and state do not fit": (
        "SELECT count(*) FROM job WHERE (phase = 2) <> (state = 1) OR (phase = 4) <> (state >= 3)"
    ),
    "jobs in a state or phase that does not exist": (
        "SELECT count(*) FROM job WHERE state NOT BETWEEN 0 AND 5 OR phase NOT BETWEEN 0 AND 5"
    ),
    "leases of workers that are not registered": (
        "SELECT count(*) FROM job WHERE phase = 2 AND worker NOT IN (SELECT id FROM worker WHERE NOT gone)"
    ),
    "jobs of which some JSON cannot be read": """
        SELECT count(*) FROM spec
        WHERE NOT (
            coalesce(json_valid(argv), 1) AND coalesce(json_valid(env), 1) AND coalesce(json_valid(tags), 1)
            AND coalesce(json_valid(backoff), 1) AND coalesce(json_valid(options), 1)
        )
    """,
    "workers whose role, orders or queues cannot be read": (
        f"SELECT count(*) FROM worker WHERE {_others_than('role', Role)} OR {_others_than('stop', StopMode)}"
        " OR NOT coalesce(json_valid(queues), 1)"
    ),
    "attempts with an unknown result": f"SELECT count(*) FROM attempt WHERE {_others_than('result', Result)}",
    "lease tokens above their counter": "SELECT count(*) FROM job WHERE lease > (SELECT lease FROM counter)",
}
"""Each statement counts what must not be there."""

TEXTS = {
    "queue": "name",
    "job": "worker, error, unique_key, limit_key, handle, origin_worker",
    "spec": "id, command, argv, cwd, env, tags, backoff, options, schedule",
    "tag": "tag",
    "firing": "schedule",
    "attempt": "result, error, worker, host, output_path, error_path",
    "worker": "id, host, role, supervisor, queues, stop",
    "consumer": "name, worker",
}
"""Columns that hold text."""

MISCOUNTED = """
    WITH real (queue, state, jobs) AS (SELECT queue, state, count(*) FROM job GROUP BY queue, state)
    SELECT queue.name, coalesce(real.state, count.state), coalesce(count.jobs, 0), coalesce(real.jobs, 0)
    FROM real FULL JOIN count ON count.queue = real.queue AND count.state = real.state
    JOIN queue ON queue.id = coalesce(real.queue, count.queue)
    WHERE coalesce(count.jobs, 0) <> coalesce(real.jobs, 0)
"""


def faults(db: apsw.Connection) -> list[str]:
    """Return what is wrong, a line each."""
    try:
        return _faults(db)
    except (apsw.CorruptError, apsw.SQLError, UnicodeDecodeError) as error:  # SQLError: a name in its schema is spoilt
        return [f"database: {error}"]


def _faults(db: apsw.Connection) -> list[str]:
    found = [f"database: {line}" for (line,) in db.execute("PRAGMA integrity_check") if line != "ok"]
    found += [f"schema: {name} is not as it was made" for name in _altered(db)]
    if found:
        return found  # what follows would read from a damaged file
    for what, statement in CHECKS.items():
        number = db.execute(statement).get
        if number:
            found.append(f"{number} {what}")
    for queue, state, kept, real in db.execute(MISCOUNTED):
        found.append(f"queue {queue!r}, state {state}: {kept} jobs are counted, {real} are there")
    return [*found, *_unreadable(db)]


def _altered(db: apsw.Connection) -> list[str]:
    """Compare the schema with a new one: where a bit of it has changed SQLite sees other columns, and nothing wrong."""
    there = _definitions(db)
    with closing(apsw.Connection(":memory:")) as new:
        for script in (schema.CREATE, *schema.MIGRATIONS):
            new.execute(script).fetchall()
        return [name for name, text in _definitions(new).items() if there.get(name) != text]


def _definitions(db: apsw.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL"))


def _unreadable(db: apsw.Connection) -> Iterator[str]:
    """Read all that is text: where a bit of it has changed SQLite sees nothing wrong."""
    for table, columns in TEXTS.items():
        try:
            for _ in db.execute(f"SELECT {columns} FROM {table}"):
                pass
        except UnicodeDecodeError as error:
            yield f"{table}: a text cannot be read: {error}"
    try:
        for row in db.execute(sql.EVENTS, (0, -1)):
            event_of(row)
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:
        yield f"event: one cannot be read: {error}"


def backup(source: apsw.Connection, path: Path) -> None:
    """Write a consistent copy to a new file that only its owner may read, and that has its name once it is whole."""
    if os.path.lexists(path):
        raise _exists(path)
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        make_file(part)
    except OSError as error:
        raise StorageError(f"{path} cannot be created: {error.strerror}") from error
    try:
        with translated(path):
            _copy(source, part)
        give_name(part, path)
        sync_names(path.parent)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _exists(path: Path) -> ConflictError:
    return ConflictError(f"{path} exists already", hint="name a new file, or move this one away")


def _copy(source: apsw.Connection, path: Path) -> None:
    target = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with target.backup("main", source, "main") as copy:
            while not copy.done:
                copy.step()  # all pages at once: in steps, every write of another process would start it anew
        target.execute("PRAGMA journal_mode = DELETE")  # one file, that can be moved about
    finally:
        target.close()
