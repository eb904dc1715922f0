"""Failures of those who share one database: locks that are held, dropped, or kept for nothing."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from contextlib import closing

import apsw
import pytest

from benchmarks.place import Place
from queuectl import Action, State
from queuectl_sqlite.storage import SqliteStorage

LOOKS = 75
"""Looks at what workers do while they are idle: in that time each looks several times for work and for neighbours."""

MORE_THAN_VARIABLES = 33_000
"""More than one statement of SQLite's takes values."""


def test_idle_workers_write_nothing_and_keep_nobody_waiting(place: Place) -> None:
    """Once they have begun, the database stays as it is, and its lock is free whenever anybody wants it."""
    place.start("--count", "2", "--set", "worker.lease=1s")
    with closing(apsw.Connection(str(place.database))) as db:
        seen, looks = version(db), 0

        def stays_as_it_is() -> bool:
            nonlocal seen, looks
            before, seen = seen, version(db)
            looks = looks + 1 if seen == before and is_free(db) else 0
            return looks == LOOKS

        place.until(stays_as_it_is)


def version(db: apsw.Connection) -> int:
    """Return a number that changes with every commit of another connection's."""
    found: int = db.execute("PRAGMA data_version").get
    return found


def is_free(db: apsw.Connection) -> bool:
    """Whether nobody has the lock at this moment."""
    try:
        db.execute("BEGIN IMMEDIATE; ROLLBACK").fetchall()
    except apsw.BusyError:
        return False
    return True


def test_a_list_that_nobody_reads_holds_no_place_in_the_log(place: Place) -> None:
    """Whoever reads slowly, or is killed at it, is in nobody's way: the log starts anew, and workers go on."""
    place.queue.enqueue_many({"command": "true", "queue": "unserved"} for _ in range(3000))
    ours, theirs = os.pipe()
    try:
        reader = place.begin("list", "--json", stdout=theirs)
        place.until(lambda: not select.select([], [theirs], [], 0)[1])
        assert reader.poll() is None
        with closing(apsw.Connection(str(place.database))) as db:
            db.set_busy_timeout(1000)
            version(db)  # only who has read of a database knows that it has a log
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        assert os.stat(f"{place.database}-wal").st_size == 0
        reader.kill()
        place.queue.enqueue("true", id="job")
        assert place.drain("--queue", "default") == 0
    finally:
        os.close(ours)
        os.close(theirs)
    assert place.queue.get("job").state is State.COMPLETED
    assert place.queue.storage.check() == []


@pytest.mark.parametrize(
    "command",
    [("status",), ("list",), ("show", "job"), ("logs", "job"), ("dlq", "list"), ("worker", "list"), ("doctor",)],
    ids=" ".join,
)
def test_who_only_reads_needs_no_lock(place: Place, command: tuple[str, ...]) -> None:
    """However long another process keeps the database locked for writing, what is there can be read."""
    place.queue.enqueue("true", id="job")
    with place.locked():
        assert place.run(*command).returncode == 0


def test_locks_outlast_everything_that_the_same_process_does(place: Place) -> None:
    """No look at the files, no copy and no second handle that is closed drops what keeps others out."""
    storage = place.queue.storage
    assert isinstance(storage, SqliteStorage)
    place.queue.enqueue("true", id="job")
    with storage._main.writing(durable=True) as db:
        db.execute("UPDATE counter SET seq = seq").fetchall()
        look_at_everything(place)
        assert "BusyError" in complaint(place, "BEGIN IMMEDIATE")
    look_at_everything(place)
    assert "BusyError" in complaint(place, "PRAGMA journal_mode = DELETE")  # which would end the log under our feet
    assert complaint(place, "BEGIN IMMEDIATE") == ""


def look_at_everything(place: Place) -> None:
    """Do what opens and closes files of the database."""
    with closing(SqliteStorage(place.database)) as other:
        other.get("job")
        other.check()
        other.diagnose()
        other.backup(place.root / f"copy-{os.urandom(4).hex()}.db")
    place.queue.status()


def complaint(place: Place, statement: str) -> str:
    """Have another process run a statement, and return what it complains of."""
    run = "import apsw, sys; apsw.Connection(sys.argv[1]).execute(sys.argv[2]).fetchall()"
    call = [sys.executable, "-c", run, str(place.database), statement]
    return subprocess.run(call, capture_output=True, text=True, check=False).stderr


def test_more_jobs_than_a_statement_takes_values_are_changed_at_once(place: Place) -> None:
    """So many are stored, passed over and cancelled in one call each, all of them or none."""
    jobs = [{"id": f"job-{number}", "command": ["true"]} for number in range(MORE_THAN_VARIABLES)]
    assert len(place.queue.enqueue_many(jobs)) == MORE_THAN_VARIABLES
    assert place.queue.enqueue_many(jobs, skip_existing=True) == []
    place.queue.change(Action.CANCEL, [job["id"] for job in jobs if isinstance(job["id"], str)])
    assert place.queue.totals()[State.CANCELLED] == MORE_THAN_VARIABLES
