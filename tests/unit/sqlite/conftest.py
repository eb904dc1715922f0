"""What the tests of the SQLite storage start from: a place for a database, handles on it, other processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

import pytest

from queuectl.model.job import NewJob
from queuectl.model.worker import NewWorker
from queuectl.testing import FakeClock
from queuectl_sqlite.storage import SqliteStorage

PATIENCE = 60.0
"""Seconds until a test gives up on what must come."""


class Open(Protocol):
    """Opens a handle that is closed when the test ends."""

    def __call__(
        self, path: Path | None = None, *, events: frozenset[str] = ..., always_sync: bool = False
    ) -> SqliteStorage:
        """Open the database of the test, or another one."""
        ...


class Steps:
    """Counts the steps of all connections of a handle from now on."""

    def __init__(self, storage: SqliteStorage) -> None:
        self._count = 0
        self._connections = [each.apsw for each in (storage._main, storage._reader) if each is not None]
        for connection in self._connections:
            connection.set_progress_handler(self._step, 1)

    def taken(self) -> int:
        """Stop, and return how many there were."""
        for connection in self._connections:
            connection.set_progress_handler(None)
        return self._count

    def _step(self) -> bool:
        self._count += 1
        return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database of this test goes."""
    return tmp_path / "data" / "jobs.db"


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock of all handles of this test."""
    return FakeClock()


@pytest.fixture
def open_storage(path: Path, clock: FakeClock) -> Iterator[Open]:
    """Return what opens handles."""
    default = path
    with ExitStack() as stack:

        def open_storage(
            path: Path | None = None, *, events: frozenset[str] = frozenset(), always_sync: bool = False
        ) -> SqliteStorage:
            storage = SqliteStorage(path or default, clock=clock, events=events, always_sync=always_sync)
            return stack.enter_context(closing(storage))

        yield open_storage


@pytest.fixture
def storage(open_storage: Open) -> SqliteStorage:
    """Return a handle on a new database."""
    return open_storage()


@pytest.fixture
def worker(storage: SqliteStorage) -> str:
    """Return the id of a registered worker."""
    storage.register(NewWorker(id="worker-1", host="host-1", pid=1))
    return "worker-1"


class Child:
    """Another process, and the pipe to it."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self.process = process
        self.pipe = pipe

    def receive(self) -> Any:
        """Return the next thing that it tells, which must come."""
        assert self.pipe.poll(PATIENCE), "the other process has nothing to tell"
        return self.pipe.recv()

    def kill(self) -> None:
        """End it by SIGKILL, and return once it is gone."""
        self.process.kill()
        self.process.join(PATIENCE)


Start = Callable[[Callable[[Path, Connection], None]], Child]


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Return what starts another process: a function of the path of the database and of a pipe."""
    spawn = multiprocessing.get_context("spawn")
    children: list[Child] = []

    def start(life: Callable[[Path, Connection], None]) -> Child:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=life, args=(path, theirs), daemon=True)
        process.start()
        theirs.close()
        children.append(Child(process, ours))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.pipe.close()


@pytest.fixture
def enqueue(storage: SqliteStorage) -> Callable[..., None]:
    """Return what stores jobs with the given ids and options."""

    def enqueue(*ids: str, **options: object) -> None:
        storage.enqueue([NewJob(id=id, command="true", **options) for id in ids])  # type: ignore[arg-type]

    return enqueue
