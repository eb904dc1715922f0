"""JournalStorage: what queuectl calls. Each method is one transaction, done by the modules beside this one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock

import msgspec
from queuectl import (
    EVENT_NAMES,
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
    Group,
    Job,
    Lease,
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
    StorageRefusedError,
    UsageError,
    Worker,
)

from queuectl_example.journal import changing, checking, claiming, enqueueing, outbox, selecting, settling, workers
from queuectl_example.journal.file import JournalFile, write_new
from queuectl_example.journal.store import Store
from queuectl_example.journal.transaction import Transaction

LOOKS_EVERY = 0.02
"""Seconds between two looks of `wait`."""

FEW_LINES = 1000
"""A journal of no more lines is not worth replacing by a shorter one."""


class JournalStorage:
    """Keeps everything in memory, and every transaction as a line of the file. Safe to use from several threads.

    `capabilities` claims what is kept, and the contract then asks for it: each line is on the disk before a call
    returns (`durable`), and written under a lock that all processes of the host take (`multi_process`). Not claimed
    are `wakeup`, since `wait` looks 50 times a second rather than being told, and `multi_host`, since not every
    network file system keeps locks.
    """

    capabilities = frozenset({"durable", "multi_process"})

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.time, events: frozenset[str] = EVENT_NAMES
    ) -> None:
        self.path = path
        self._clock = clock
        self._wanted = events
        self._threads = Lock()
        self._file = JournalFile(path)
        self._store: Store | None = None
        self._seen = (0, 0)
        self._interrupted = False
        self._closed = False

    @contextmanager
    def _transaction(self, *, sees: bool = False) -> Iterator[Transaction]:
        """Take the locks, catch up with what others wrote, and write what the body changes: all of it or nothing.

        With `sees`, what is in the file when it ends is no news to `wait`.
        """
        with self._threads:
            if self._closed:
                raise UsageError("the storage is closed")
            with self._file.locked():
                # What goes wrong from here on leaves no memory, so that the next transaction reads the file again.
                store, self._store = self._store, None
                store = self._caught_up(store)
                tx = Transaction(store, self._clock(), self._wanted)
                yield tx
                tx.tell_drained()
                line = store.take_changes()
                if line is not None:
                    self._file.append(line)
                    store = self._shortened(store)
                if sees:
                    self._seen = self._file.read_so_far()
                self._store = store

    def _caught_up(self, store: Store | None) -> Store:
        if store is None or self._file.is_replaced():
            self._file.reopen()
            store = Store()
        try:
            for line in self._file.read():
                store.apply(line)
        except msgspec.DecodeError as error:
            raise StorageRefusedError(f"{self.path} is damaged: {error}", hint="put a backup in its place") from error
        return store

    def _shortened(self, store: Store) -> Store:
        """Replace the file when most of its lines are of no use any more. That may fail: the long one is as good."""
        if self._file.lines <= FEW_LINES + 2 * store.rows():
            return store
        with suppress(OSError, StorageError):
            self._file.replace(store.whole())
        return self._caught_up(store)

    def enqueue(
        self, jobs: Sequence[NewJob], *, skip_existing: bool = False, connection: object | None = None
    ) -> Sequence[Job]:
        """Store jobs, all or none."""
        if connection is not None:
            raise UsageError("the journal has no transactions that jobs could join")
        with self._transaction() as tx:
            return enqueueing.enqueue(tx, jobs, skip_existing=skip_existing)

    def get(self, id: str) -> Job | None:
        """Return one job by its whole id."""
        with self._transaction() as tx:
            entry = tx.store.jobs.get(id)
            return entry.job if entry else None

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`."""
        with self._transaction() as tx:
            return selecting.resolve(tx, prefix, limit)

    def list(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Return a page of the jobs that match."""
        with self._transaction() as tx:
            return selecting.page(tx, query, cursor, limit)

    def attempts(self, job: str) -> Sequence[Attempt]:
        """Return the attempts of a job."""
        with self._transaction() as tx:
            entry = tx.store.jobs.get(job)
            return [run.attempt for run in tx.runs_of(entry.job)] if entry else []

    def output(self, job: str, number: int) -> Output | None:
        """Return what is stored of an attempt's output."""
        with self._transaction() as tx:
            run = tx.store.runs.get(f"{number} {job}")
            return run.output if run else None

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs each queue has in each state."""
        with self._transaction() as tx:
            return {name: _counts(tx, name) for name in tx.store.queues}

    def stats(self, since: float, step: float) -> Sequence[Bucket]:
        """Return what ended in each step of the last `since` seconds."""
        with self._transaction() as tx:
            return selecting.buckets(tx, since, step)

    def groups(self, query: Query) -> Sequence[Group]:
        """Return the jobs that match, grouped by how they ended."""
        with self._transaction() as tx:
            return selecting.groups(tx, query)

    def backlog(self) -> Backlog | None:
        """Return the job that waits longest."""
        with self._transaction() as tx:
            return selecting.backlog(tx)

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
        if action is Action.EDIT and edit is None:
            raise UsageError("an edit needs the new values")
        with self._transaction() as tx:
            if isinstance(target, Query):
                return changing.change_matching(tx, action, target, expected, limit, edit or Edit())
            return changing.change_named(tx, action, target, expected, edit or Edit())

    def queues(self) -> Sequence[QueueState]:
        """Return all queues, by name."""
        with self._transaction() as tx:
            return [_with_counts(tx, tx.store.queues[name]) for name in sorted(tx.store.queues)]

    def set_queue(
        self, name: str, *, paused: bool | None = None, limit: int | None = None, key_limit: int | None = None
    ) -> QueueState:
        """Pause or resume a queue, or bound it; 0 lifts a limit."""
        with self._transaction() as tx:
            before = tx.store.queues.get(name, QueueState(name=name))
            tx.store.queues[name] = after = QueueState(
                name=name,
                paused=before.paused if paused is None else paused,
                limit=before.limit if limit is None else limit or None,
                key_limit=before.key_limit if key_limit is None else key_limit or None,
            )
            return _with_counts(tx, after)

    def register(self, worker: NewWorker) -> None:
        """Make an incarnation known."""
        with self._transaction() as tx:
            workers.register(tx, worker)

    def retire(self, worker: str) -> None:
        """Forget an incarnation."""
        with self._transaction() as tx:
            workers.retire(tx, worker)

    def workers(self) -> Sequence[Worker]:
        """Return the registered processes, oldest first."""
        with self._transaction() as tx:
            return [workers.view(tx, worker) for worker in tx.store.workers.values()]

    def request_stop(self, ids: Sequence[str], mode: StopMode) -> None:
        """Ask incarnations to stop."""
        with self._transaction() as tx:
            workers.request_stop(tx, ids, mode)

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Settle and claim."""
        with self._transaction(sees=True) as tx:
            accepted = frozenset(each.lease.token for each in settlements if settling.settle(tx, each))
            claims = tuple(claiming.claim(tx, worker, ask)) if ask else ()
            if accepted or claims:
                tx.prove_alive(worker)
            return Exchange(
                accepted=accepted,
                claims=claims,
                cancelled=workers.to_cancel(tx, worker),
                next_due=claiming.next_due(tx, ask) if ask else None,
            )

    def record(self, lease: Lease, handle: str | None, *, started_ago: float = 0.0) -> bool:
        """Note that a run started."""
        with self._transaction() as tx:
            return settling.record(tx, lease, handle, started_ago)

    def beat(self, worker: str) -> Beat:
        """Prove to be alive, learn what is asked."""
        with self._transaction() as tx:
            return workers.beat(tx, worker)

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Give the jobs of dead incarnations to `by`."""
        with self._transaction() as tx:
            return workers.take_over(tx, dead, by, proven=proven)

    def events(self, after: int, limit: int) -> Sequence[Event]:
        """Return events with an id above `after`."""
        with self._transaction() as tx:
            return outbox.after(tx, after, limit)

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Move a consumer's cursor forward."""
        with self._transaction() as tx:
            return outbox.advance(tx, consumer, upto, worker, hold)

    def wait(self, timeout: float) -> bool:
        """Block until the file has changed since the last `exchange`, this handle is interrupted, or time is up."""
        deadline = time.monotonic() + timeout
        while not self._has_news():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(left, LOOKS_EVERY))
        self._interrupted = False
        return True

    def interrupt(self) -> None:
        """Make a `wait` return. A flag that is looked at needs no lock, so that a signal handler may set it."""
        self._interrupted = True

    def migrate(self) -> None:
        """Do nothing: there is one version of the journal."""

    def check(self) -> Sequence[str]:
        """Return what does not fit together; a damaged line is refused before."""
        with self._transaction() as tx:
            return checking.faults(tx)

    def backup(self, path: Path) -> None:
        """Write a copy to a new file."""
        with self._transaction() as tx:
            write_new(path, tx.store.whole())

    def prune(self, query: Query, limit: int) -> Changed:
        """Delete finished jobs that match."""
        with self._transaction() as tx:
            return changing.prune(tx, query, limit)

    def close(self) -> None:
        """Give the file back."""
        with self._threads:
            if not self._closed:
                self._closed = True
                self._file.close()

    def _has_news(self) -> bool:
        if self._interrupted or self._closed:
            return True
        seen, self._seen = self._seen, self._file.stamp()
        return self._seen != seen


def _counts(tx: Transaction, queue: str) -> Mapping[State, int]:
    states = Counter(entry.job.state for entry in tx.store.jobs.values() if entry.job.queue == queue)
    return {state: states[state] for state in State}


def _with_counts(tx: Transaction, queue: QueueState) -> QueueState:
    return replace(queue, counts=_counts(tx, queue.name))
