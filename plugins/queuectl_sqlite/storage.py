"""The storage seam over one SQLite database: a thin class, with what each call does in a module of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, get_ident
from typing import TYPE_CHECKING

import apsw

from queuectl import StorageError, UsageError
from queuectl_sqlite import statements as sql
from queuectl_sqlite.connection import Connection, data_version, schema_ready
from queuectl_sqlite.enqueueing import enqueue
from queuectl_sqlite.rows import job_of
from queuectl_sqlite.transaction import Transaction
from queuectl_sqlite.waking import Waker

if TYPE_CHECKING:  # words of the seam: to import what many of them name takes longer than to enqueue a job
    from queuectl import (
        Action,
        Ask,
        Attempt,
        Backlog,
        Beat,
        Bucket,
        Changed,
        Claim,
        Edit,
        Event,
        Exchange,
        Finding,
        Group,
        Job,
        Lease,
        Moved,
        NewJob,
        NewWorker,
        Output,
        Page,
        Query,
        QueueState,
        Settlement,
        State,
        StopMode,
        Worker,
    )


class SqliteStorage:
    """One handle on a database: a connection that writes, and one for what is only read.

    What workers need is imported when a worker calls it, so that a command that enqueues does not pay for it.
    """

    capabilities = frozenset({"durable", "multi_process", "wakeup", "transactional"})

    def __init__(
        self,
        path: Path,
        *,
        always_sync: bool = False,
        events: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._main = Connection(path, always_sync=always_sync)
        self.path = self._main.path
        self._reader: Connection | None = None
        self._opening = Lock()
        self._events = events
        self._clock = clock
        self._waker = Waker(self.path.with_name(self.path.name + "-wake"))
        with self._main.reading() as db:
            self._version = data_version(db)
        self._seen: dict[int, int] = {}
        self._closed = False

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        with self._opening:
            if self._closed:
                raise StorageError(f"{self.path} was closed by this program")
            if self._reader is None:
                self._reader = Connection(self.path)
        with self._reader.reading() as db:
            yield db

    @contextmanager
    def _writing(self, *, durable: bool) -> Iterator[Transaction]:
        if self._closed:
            raise StorageError(f"{self.path} was closed by this program")
        with self._main.writing(durable=durable) as db:
            tx = Transaction(db, self._clock(), self._events)
            yield tx
            tx.finish()
        self._waker.wake(tx.wake)

    def enqueue(
        self, jobs: Sequence[NewJob], *, skip_existing: bool = False, connection: object | None = None
    ) -> Sequence[Job]:
        """Store jobs, all or none."""
        if connection is not None:
            return self._join(connection, jobs, skip_existing)
        with self._writing(durable=True) as tx:
            return enqueue(tx, jobs, skip_existing=skip_existing)

    def _join(self, connection: object, jobs: Sequence[NewJob], skip_existing: bool) -> Sequence[Job]:
        """Store jobs in a transaction of the caller's; waiting workers find them within half a second of its commit."""
        if not isinstance(connection, apsw.Connection) or not connection.in_transaction:
            raise UsageError("`connection` must be an apsw.Connection in a transaction")
        if not os.path.samefile(connection.filename, self.path):
            raise UsageError(f"`connection` is not on {self.path}")
        tx = Transaction(connection, self._clock(), self._events)
        stored = enqueue(tx, jobs, skip_existing=skip_existing)
        tx.finish()
        return stored

    def get(self, id: str) -> Job | None:
        """Return one job by its whole id."""
        with self._reading() as db:
            row = db.execute(sql.JOB_BY_ID, (id,)).get
            return None if row is None else job_of(row)

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`."""
        from queuectl_sqlite import selecting

        with self._reading() as db:
            return selecting.resolve(db, prefix, limit)

    def list(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Return a page of the jobs that match."""
        from queuectl_sqlite import selecting

        with self._reading() as db:
            return selecting.page(db, query, cursor, limit, self._clock())

    def attempts(self, job: str) -> Sequence[Attempt]:
        """Return the attempts of a job."""
        from queuectl_sqlite import history

        with self._reading() as db:
            return history.attempts(db, job)

    def output(self, job: str, number: int) -> Output | None:
        """Return what is stored of an attempt's output."""
        from queuectl_sqlite import history

        with self._reading() as db:
            return history.output(db, job, number)

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs each queue has in each state."""
        from queuectl_sqlite import queues

        with self._reading() as db:
            return queues.counts(db)

    def stats(self, since: float, step: float) -> Sequence[Bucket]:
        """Return what ended in each step of the last `since` seconds."""
        from queuectl_sqlite import history

        with self._reading() as db:
            return history.stats(db, since, step, self._clock())

    def groups(self, query: Query) -> Sequence[Group]:
        """Return the jobs that match, grouped by how they ended."""
        from queuectl_sqlite import selecting

        with self._reading() as db:
            return selecting.groups(db, query, self._clock())

    def backlog(self) -> Backlog | None:
        """Return the job that waits longest."""
        from queuectl_sqlite import backlog

        with self._reading() as db:
            return backlog.backlog(db, self._clock())

    def change(
        self,
        action: Action,
        target: Query | Sequence[str],
        *,
        expected: int | None = None,
        limit: int = 500,
        edit: Edit | None = None,
    ) -> Changed:
        """Do something to jobs that a person named."""
        from queuectl import Query
        from queuectl_sqlite import changing

        with self._writing(durable=True) as tx:
            if isinstance(target, Query):
                return changing.change_matching(tx, action, target, expected, limit, edit)
            return changing.change_named(tx, action, target, expected, edit)

    def queues(self) -> Sequence[QueueState]:
        """Return all queues."""
        from queuectl_sqlite import queues

        with self._reading() as db:
            return queues.queues(db)

    def set_queue(
        self, name: str, *, paused: bool | None = None, limit: int | None = None, key_limit: int | None = None
    ) -> QueueState:
        """Pause, resume or bound a queue."""
        from queuectl_sqlite import queues

        with self._writing(durable=True) as tx:
            return queues.set_queue(tx, name, paused=paused, limit=limit, key_limit=key_limit)

    def register(self, worker: NewWorker) -> None:
        """Make an incarnation known."""
        from queuectl_sqlite import workers

        with self._writing(durable=False) as tx:
            workers.register(tx, worker)

    def retire(self, worker: str) -> None:
        """Forget an incarnation."""
        from queuectl_sqlite import workers

        with self._writing(durable=False) as tx:
            workers.retire(tx, worker)

    def workers(self) -> Sequence[Worker]:
        """Return the registered processes."""
        from queuectl_sqlite import workers

        with self._reading() as db:
            return workers.workers(db, self._clock())

    def request_stop(self, ids: Sequence[str], mode: StopMode) -> None:
        """Ask incarnations to stop."""
        from queuectl_sqlite import workers

        with self._writing(durable=False) as tx:
            workers.request_stop(tx, ids, mode)

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Settle and claim."""
        from queuectl_sqlite import exchanging

        self._waker.wants_work()
        self._waker.settle_down()
        if not settlements:
            with self._main.reading() as db:
                self._seen[get_ident()] = data_version(db)
                idle = exchanging.nothing_to_do(db, worker, ask, self._clock())
            if idle is not None:
                return idle
        with self._writing(durable=False) as tx:
            self._seen[get_ident()] = data_version(tx.db)
            return exchanging.exchange(tx, worker, settlements, ask)

    def record(self, lease: Lease, handle: str | None, *, started_ago: float = 0.0) -> bool:
        """Note that a run started."""
        from queuectl_sqlite import leases

        with self._writing(durable=False) as tx:
            return leases.record(tx, lease, handle, started_ago)

    def beat(self, worker: str) -> Beat:
        """Prove to be alive."""
        from queuectl_sqlite import leases

        with self._main.reading() as db:
            beat, due = leases.beat_of(db, worker, self._clock())
        if not due:
            return beat
        with self._writing(durable=False) as tx:
            tx.db.execute(sql.BEAT, {"now": tx.now, "worker": worker})
            return leases.beat_of(tx.db, worker, tx.now)[0]

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Give the jobs of dead incarnations to `by`."""
        from queuectl_sqlite import leases

        with self._writing(durable=False) as tx:
            return leases.take_over(tx, dead, by, proven=proven)

    def events(self, after: int, limit: int) -> Sequence[Event]:
        """Return events with an id above `after`."""
        from queuectl_sqlite import events

        with self._reading() as db:
            return events.events(db, after, limit)

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Move a consumer's cursor forward."""
        from queuectl_sqlite import events

        with self._writing(durable=False) as tx:
            return events.advance(tx, consumer, upto, worker, hold)

    def wait(self, timeout: float) -> bool:
        """Block until something was committed or this handle is interrupted."""
        return self._waker.wait(timeout, self._has_news)

    def interrupt(self) -> None:
        """Make a `wait` return."""
        self._waker.interrupt()

    def adopt(self, moved: Sequence[Moved]) -> int:
        """Store jobs as they are in another store."""
        from queuectl_sqlite import adopting

        with self._writing(durable=True) as tx:
            return adopting.adopt(tx, moved)

    def migrate(self) -> None:
        """Bring the schema to the newest version."""
        with self._main.reading() as db:
            schema_ready(db, self.path)

    def check(self) -> Sequence[str]:
        """Return what is wrong with the database."""
        from queuectl_sqlite import upkeep

        with self._reading() as db:
            return upkeep.faults(db)

    def diagnose(self) -> Sequence[Finding]:
        """Return what of the surroundings an operator may have got wrong."""
        from queuectl_sqlite import diagnosing

        with self._reading() as db:
            return [*diagnosing.findings(db, self.path)]

    def backup(self, path: Path) -> None:
        """Write a consistent copy to a new file."""
        from queuectl_sqlite import upkeep

        with self._reading() as db:
            upkeep.backup(db, path)

    def prune(self, query: Query, limit: int) -> Changed:
        """Delete finished jobs that match."""
        from queuectl_sqlite import changing

        with self._writing(durable=True) as tx:
            return changing.prune(tx, query, limit)

    def close(self) -> None:
        """Give everything back; idempotent."""
        with self._opening:
            if self._closed:
                return
            self._closed = True
        self._waker.close()
        for connection in (self._reader, self._main):
            if connection is not None:
                connection.close()

    def _has_news(self) -> bool:
        if self._closed:
            return True
        version = self._main.version()
        if version is None or version == self._seen.get(get_ident(), self._version):
            return False
        self._seen[get_ident()] = version
        return True
