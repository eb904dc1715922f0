"""The plugin: what it offers, and what it costs to import."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import queuectl_sqlite
from queuectl import Context, NewJob
from queuectl_sqlite import Sqlite


def test_it_offers_one_storage() -> None:
    """The provider is called as the entry point is."""
    (provider,) = queuectl_sqlite.queuectl_storages()
    assert (provider.name, provider.settings) == ("sqlite", Sqlite)
    assert provider.summary


def test_the_database_is_in_the_data_directory(tmp_path: Path) -> None:
    """Without a path it is jobs.db in the data directory, which is made when it is needed."""
    context = Context(data=tmp_path / "state" / "queuectl")
    with closing(queuectl_sqlite.create(Sqlite(), context)) as storage:
        assert storage.path == tmp_path / "state" / "queuectl" / "jobs.db"


def test_the_path_may_be_set(tmp_path: Path) -> None:
    """A path is taken as it is."""
    with closing(queuectl_sqlite.create(Sqlite(path=str(tmp_path / "x.db")), Context(data=tmp_path))) as storage:
        assert storage.path == tmp_path / "x.db"


def test_clock_and_events_are_the_contexts(tmp_path: Path) -> None:
    """The storage goes by the clock that it is given, and writes the events that are wanted."""
    context = Context(data=tmp_path, events=frozenset({"job.enqueued"}), clock=lambda: 1234.5)
    with closing(queuectl_sqlite.create(Sqlite(), context)) as storage:
        (job,) = storage.enqueue([NewJob(id="a", command="true")])
        assert job.created_at == 1234.5
        assert [event.name for event in storage.events(0, 10)] == ["job.enqueued"]


ENQUEUE = """
from pathlib import Path
from queuectl import NewJob
from queuectl_sqlite.storage import SqliteStorage
storage = SqliteStorage(Path(sys.argv[1]))
storage.enqueue([NewJob(id="a", command="true")])
storage.get("a")
storage.close()
"""

HEAVY = {"asyncio", "email", "importlib.metadata", "logging", "random", "shlex", "subprocess", "tempfile"}
FOR_WORKERS = {
    f"queuectl_sqlite.{name}" for name in ("claiming", "settling", "leases", "workers", "changing", "upkeep")
}


@pytest.mark.parametrize(
    ("program", "absent"),
    [("import queuectl_sqlite", {"apsw", "queuectl_sqlite.storage"}), (ENQUEUE, HEAVY | FOR_WORKERS)],
    ids=["import", "enqueue"],
)
def test_nothing_heavy_is_imported(path: Path, program: str, absent: set[str]) -> None:
    """To import the plugin brings no SQLite, and to enqueue brings nothing that only workers need."""
    script = f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert absent.isdisjoint(done.stdout.split())
