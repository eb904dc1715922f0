"""The storage seam over a PostgreSQL database: a thin class, with what each call does in a module of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg

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
    StorageError,
    UsageError,
    Worker,
)
from queuectl_postgres import (
    adopting,
    backlog,
    changing,
    diagnosing,
    events,
    exchanging,
    history,
    leases,
    migrating,
    orders,
    partitions,
    queues,
    selecting,
    tenure,
    upkeep,
    workers,
)
from queuectl_postgres import statements as sql
from queuectl_postgres.collisions import Answer, tried
from queuectl_postgres.database import PATIENT, Database
from queuectl_postgres.enqueueing import enqueue
from queuectl_postgres.failures import translated
from queuectl_postgres.link import Link
from queuectl_postgres.numbering import QueueNumbers
from queuectl_postgres.rows import job_of
from queuectl_postgres.transaction import Transaction
from queuectl_postgres.waking import Waker

Asked = TypeVar("Asked")


class PostgresStorage:
    """One handle on a database. Each call takes a link of its own, so that no thread waits for another."""

    def __init__(
        self, database: Database, *, events: frozenset[str] = frozenset(), clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._events = events
        # All hosts go by the server's clock; one that is given is a test's.
        self._clock = None if clock is time.time else clock
        self._lock_number = migrating.lock_number(f"{database.schema}:queue") % 2**31
        self._numbers = QueueNumbers(self._reading)
        try:
            with database.lent() as link:
                migrating.ready(link)
        except BaseException:
            database.close()
            raise
        self._waker = Waker(database.connect, database.schema, lambda: database.pooled, database.moment)
        everywhere = {"durable", "multi_process", "multi_host", "transactional"}
        self.capabilities = frozenset(everywhere if database.pooled else everywhere | {"wakeup"})

    @property
    def path(self) -> str:
        """Where the store is, for people; no password is in it."""
        return self._database.path

    def _reading(self) -> AbstractContextManager[Link]:
        return self._database.lent(patience=PATIENT)

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[Link, float]]:
        """Lend a link in a transaction that sees one moment, and what time it is."""
        with self._reading() as link:
            now = float(link.last_of(sql.BEGIN_READING)[0])
            try:
                yield link, now if self._clock is None else self._clock()
            finally:
                link.roll_back()

    def _write(self, act: Callable[[Transaction], Answer], *, patience: float | None = None) -> Answer:
        """Run one transaction, again where another one got in its way: committed at the end, or not done at all."""
        return self._write_after(lambda _: None, lambda tx, _: act(tx), patience=patience)

    def _write_after(
        self,
        ask: Callable[[Link], Asked],
        act: Callable[[Transaction, Asked], Answer],
        *,
        patience: float | None = None,
    ) -> Answer:
        """Do the same; what the first function asks is answered together with the beginning of the transaction."""
        with self._database.lent(patience=patience) as link:
            return tried(link, lambda: self._once(link, ask, act))

    def _once(self, link: Link, ask: Callable[[Link], Asked], act: Callable[[Transaction, Asked], Answer]) -> Answer:
        with link.together():
            link.ask(sql.BEGIN)
            begun = link.ask(sql.BEGUN)
            asked = ask(link)
        now = float(begun.fetchall()[0][0]) if self._clock is None else self._clock()
        tx = Transaction(link, now, self._events, self._lock_number)
        answer = act(tx, asked)
        self._finish(tx, commit=True)
        return answer

    def _finish(self, tx: Transaction, *, commit: bool) -> None:
        """Write what was gathered, and notify; all at once, unless a queue may have come to its end."""
        with tx.link.together():
            tx.write_counts()
            left = tx.ask_what_is_left()
            if not left:
                self._end(tx, commit=commit)
        if left:
            tx.tell_of_the_drained(left)
            with tx.link.together():
                self._end(tx, commit=commit)

    def _end(self, tx: Transaction, *, commit: bool) -> None:
        tx.write_events()
        self._notify(tx.link, self._waker.concerned(tx.wake))
        if commit:
            tx.link.ask("COMMIT")

    def _notify(self, link: Link, channels: Sequence[str]) -> None:
        if channels:
            link.ask(sql.NOTIFY, (self._waker.signature, list(channels)))

    def enqueue(
        self, jobs: Sequence[NewJob], *, skip_existing: bool = False, connection: object | None = None
    ) -> Sequence[Job]:
        """Store jobs, all or none."""
        if not jobs:
            return []
        if connection is not None:
            return self._join(connection, jobs, skip_existing)
        queue_ids = self._numbers.of({new.queue for new in jobs})
        return self._write(lambda tx: enqueue(tx, jobs, queue_ids, skip_existing=skip_existing), patience=PATIENT)

    def _join(self, connection: object, jobs: Sequence[NewJob], skip_existing: bool) -> Sequence[Job]:
        """Store jobs in a transaction of the caller's; its commit wakes the workers."""
        if not isinstance(connection, psycopg.Connection):
            raise UsageError("`connection` must be a psycopg.Connection in a transaction")
        if connection.autocommit and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            raise UsageError("`connection` is in no transaction: begin one, or leave autocommit")
        queue_ids = self._numbers.of({new.queue for new in jobs})
        link = Link(connection, self._database.schema)
        with translated(self.path):
            if link.row(migrating.FOUND, (link.schema,)) is None:
                raise UsageError(f"`connection` is not on {self.path}")
            now = link.value(sql.NOW) if self._clock is None else self._clock()
            tx = Transaction(link, now, self._events, self._lock_number)
            stored = enqueue(tx, jobs, queue_ids, skip_existing=skip_existing)
            self._finish(tx, commit=False)
        return stored

    def get(self, id: str) -> Job | None:
        """Return one job by its whole id."""
        with self._reading() as link:
            row = link.row(orders.JOB_BY_ID, (id,))
            return None if row is None else job_of(row)

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`."""
        with self._reading() as link:
            return selecting.resolve(link, prefix, limit)

    def list(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Return a page of the jobs that match."""
        with self._snapshot() as (link, now):
            return selecting.page(link, query, cursor, limit, now)

    def attempts(self, job: str) -> Sequence[Attempt]:
        """Return the attempts of a job."""
        with self._reading() as link:
            return history.attempts(link, job)

    def output(self, job: str, number: int) -> Output | None:
        """Return what is stored of an attempt's output."""
        with self._reading() as link:
            return history.output(link, job, number)

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs each queue has in each state."""
        with self._reading() as link:
            return queues.counts(link)

    def stats(self, since: float, step: float) -> Sequence[Bucket]:
        """Return what ended in each step of the last `since` seconds."""
        with self._snapshot() as (link, now):
            return history.stats(link, since, step, now)

    def groups(self, query: Query) -> Sequence[Group]:
        """Return the jobs that match, grouped by how they ended."""
        with self._snapshot() as (link, now):
            return selecting.groups(link, query, now)

    def backlog(self) -> Backlog | None:
        """Return the job that waits longest."""
        with self._snapshot() as (link, now):
            return backlog.backlog(link, now)

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

        def act(tx: Transaction) -> Changed:
            if isinstance(target, Query):
                return changing.change_matching(tx, action, target, expected, limit, edit)
            return changing.change_named(tx, action, target, expected, edit)

        return self._write(act, patience=PATIENT)

    def queues(self) -> Sequence[QueueState]:
        """Return all queues."""
        with self._reading() as link:
            return queues.queues(link)

    def set_queue(
        self, name: str, *, paused: bool | None = None, limit: int | None = None, key_limit: int | None = None
    ) -> QueueState:
        """Pause, resume or bound a queue."""
        number = self._numbers.of({name})[name]
        return self._write(
            lambda tx: queues.set_queue(tx, number, name, paused=paused, limit=limit, key_limit=key_limit),
            patience=PATIENT,
        )

    def register(self, worker: NewWorker) -> None:
        """Make an incarnation known."""
        self._write(lambda tx: workers.register(tx, worker))
        self._look_after_partitions()

    def retire(self, worker: str) -> None:
        """Forget an incarnation."""
        self._write(lambda tx: workers.retire(tx, worker))

    def workers(self) -> Sequence[Worker]:
        """Return the registered processes."""
        with self._snapshot() as (link, now):
            return workers.workers(link, now)

    def request_stop(self, ids: Sequence[str], mode: StopMode) -> None:
        """Ask incarnations to stop."""
        self._write(lambda tx: workers.request_stop(tx, ids, mode))

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Settle and claim."""
        self._waker.wants_work()
        self._waker.settle_down()
        now = None if self._clock is None else self._clock()
        if not settlements:
            with self._database.lent() as link:
                self._notify(link, self._waker.owed())
                seen = tried(link, lambda: exchanging.look(link, worker, ask, now, self._events))
            if seen is not None:
                return seen
        return self._write_after(
            lambda link: exchanging.opening(link, worker, settlements, ask, now),
            lambda tx, opening: exchanging.exchange(tx, worker, settlements, ask, opening),
        )

    def record(self, lease: Lease, handle: str | None, *, started_ago: float = 0.0) -> bool:
        """Note that a run started."""
        return self._write(lambda tx: leases.record(tx, lease, handle, started_ago))

    def beat(self, worker: str) -> Beat:
        """Prove to be alive."""
        with self._database.lent() as link:
            beat, due = leases.beat_of(link, worker, None if self._clock is None else self._clock())
        if not due:
            return beat

        def act(tx: Transaction) -> Beat:
            tx.link.run(tenure.BEAT, (tx.now, worker))
            return leases.beat_of(tx.link, worker, tx.now)[0]

        return self._write(act)

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Give the jobs of dead incarnations to `by`."""
        return self._write(lambda tx: leases.take_over(tx, dead, by, proven=proven))

    def events(self, after: int, limit: int) -> Sequence[Event]:
        """Return events with an id above `after`."""
        with self._reading() as link:
            is_announced = link.value(orders.IS_ANNOUNCED)
        while is_announced:
            is_announced = self._write(events.number) >= events.NUMBERED_AT_ONCE
        with self._reading() as link:
            return events.events(link, after, limit)

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Move a consumer's cursor forward."""
        return self._write(lambda tx: events.advance(tx, consumer, upto, worker, hold))

    def wait(self, timeout: float) -> bool:
        """Block until something was committed or this handle is interrupted."""
        pause = self._waker.owed_in()
        if pause > 0.0:
            if self._waker.wait(min(pause, timeout)):
                return True
            if timeout <= pause:
                return False
            timeout -= pause
        if channels := self._waker.owed():
            with self._database.lent() as link:
                self._notify(link, channels)
        return self._waker.wait(timeout)

    def interrupt(self) -> None:
        """Make a `wait` return."""
        self._waker.interrupt()

    def adopt(self, moved: Sequence[Moved]) -> int:
        """Store jobs as they are in another store."""
        numbers = self._numbers.of({each.job.queue for each in moved})
        return self._write(lambda tx: adopting.adopt(tx, moved, numbers), patience=PATIENT)

    def migrate(self) -> None:
        """Bring the schema to the newest version."""
        with self._reading() as link:
            migrating.ready(link)

    def check(self) -> Sequence[str]:
        """Return what is wrong with what is stored."""
        with self._snapshot() as (link, _):
            return upkeep.faults(link)

    def diagnose(self) -> Sequence[Finding]:
        """Return what of the server an operator may have got wrong."""
        with self._reading() as link:
            return [*diagnosing.findings(link, pooled=self._database.pooled)]

    def backup(self, path: Path) -> None:
        """Refuse: PostgreSQL has a better tool for that."""
        raise StorageError(
            f"{self.path} is not copied into a file by queuectl: PostgreSQL has a program for that",
            hint=f"pg_dump --format=custom --schema={self._database.schema} --file={path} and where the database is",
        )

    def prune(self, query: Query, limit: int) -> Changed:
        """Delete finished jobs that match."""
        changed = self._write(lambda tx: changing.prune(tx, query, limit), patience=PATIENT)
        self._look_after_partitions()
        return changed

    def _look_after_partitions(self) -> None:
        """Make, drop or sweep one; another time, if not now: what was asked for is done already."""
        with suppress(StorageError):
            self._write(partitions.look_after)

    def close(self) -> None:
        """Give everything back; idempotent."""
        if channels := self._waker.owed():
            with suppress(StorageError), self._database.lent() as link:
                self._notify(link, channels)
        self._waker.close()
        self._database.close()
