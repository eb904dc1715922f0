"""MemoryStorage: one handle on a memory store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from queuectl.errors import UsageError
from queuectl.model.attempt import Attempt, Output
from queuectl.model.event import EVENT_NAMES, Event
from queuectl.model.job import Job, NewJob, State
from queuectl.model.lease import Ask, Beat, Claim, Exchange, Lease, Settlement
from queuectl.model.query import (
    Action,
    Backlog,
    Bucket,
    Changed,
    Edit,
    Group,
    Page,
    Query,
    QueueState,
)
from queuectl.model.worker import NewWorker, StopMode, Worker
from queuectl.testing.memory import (
    changing,
    claiming,
    intake,
    selecting,
    settling,
    workers,
)
from queuectl.testing.memory.store import MemoryStore, Transaction


class MemoryStorage:
    """A storage that forgets: for tests, and to read what each method of `Storage` means.

    Handles that are given the same `store` see the same jobs. Made to be clear, not fast: every call looks at every
    job, and holds one lock while it does.
    """

    capabilities = frozenset({"wakeup"})

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        clock: Callable[[], float] = time.time,
        events: frozenset[str] = EVENT_NAMES,
    ) -> None:
        self.store = store or MemoryStore()
        self._clock = clock
        self._wanted = events
        self._seen = self.store.commits
        self._interrupted = False
        self._closed = False

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self.store.changed:
            tx = Transaction(self.store, self._clock(), self._wanted)
            yield tx
            tx.finish()

    def enqueue(
        self, jobs: Sequence[NewJob], *, skip_existing: bool = False, connection: object | None = None
    ) -> Sequence[Job]:
        """Store jobs, all or none."""
        if connection is not None:
            raise UsageError("memory has no transactions that jobs could join")
        with self._transaction() as tx:
            return intake.enqueue(tx, jobs, skip_existing=skip_existing)

    def get(self, id: str) -> Job | None:
        """Return one job by its whole id."""
        with self._transaction() as tx:
            entry = tx.store.entries.get(id)
            return entry.job if entry else None

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`."""
        with self._transaction() as tx:
            return selecting.resolve(tx.store, prefix, limit)

    def list(self, query: Query, cursor: str | None, limit: int) -> Page:
        """Return a page of the jobs that match."""
        with self._transaction() as tx:
            return selecting.page(tx, query, cursor, limit)

    def attempts(self, job: str) -> Sequence[Attempt]:
        """Return the attempts of a job."""
        with self._transaction() as tx:
            return [run.attempt for run in tx.store.runs.get(job, ())]

    def output(self, job: str, number: int) -> Output | None:
        """Return what is stored of an attempt's output."""
        with self._transaction() as tx:
            runs = tx.store.runs.get(job, ())
            return next((run.output for run in runs if run.attempt.number == number), None)

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs each queue has in each state."""
        with self._transaction() as tx:
            return {queue: dict(counts) for queue, counts in tx.store.counts.items()}

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
        with self._transaction() as tx:
            if isinstance(target, Query):
                return changing.change_matching(tx, action, target, expected, limit, edit)
            return changing.change_named(tx, action, target, expected, edit)

    def queues(self) -> Sequence[QueueState]:
        """Return all queues."""
        with self._transaction() as tx:
            return [_with_counts(tx, name) for name in sorted(tx.store.queues)]

    def set_queue(
        self, name: str, *, paused: bool | None = None, limit: int | None = None, key_limit: int | None = None
    ) -> QueueState:
        """Pause, resume or bound a queue."""
        with self._transaction() as tx:
            old = tx.store.queues.get(name, QueueState(name=name))
            tx.store.queues[name] = QueueState(
                name=name,
                paused=old.paused if paused is None else paused,
                limit=old.limit if limit is None else limit or None,
                key_limit=old.key_limit if key_limit is None else key_limit or None,
            )
            tx.wrote = True
            return _with_counts(tx, name)

    def register(self, worker: NewWorker) -> None:
        """Make an incarnation known."""
        with self._transaction() as tx:
            workers.register(tx, worker)

    def retire(self, worker: str) -> None:
        """Forget an incarnation."""
        with self._transaction() as tx:
            workers.retire(tx, worker)

    def workers(self) -> Sequence[Worker]:
        """Return the registered processes."""
        with self._transaction() as tx:
            return [workers.view(tx, worker) for worker in tx.store.workers.values()]

    def request_stop(self, ids: Sequence[str], mode: StopMode) -> None:
        """Ask incarnations to stop."""
        with self._transaction() as tx:
            workers.request_stop(tx, ids, mode)

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Settle and claim."""
        with self.store.changed:
            with self._transaction() as tx:
                accepted = frozenset(each.lease.token for each in settlements if settling.settle(tx, each))
                claims = tuple(claiming.claim(tx, worker, ask)) if ask else ()
                if accepted or claims:
                    tx.prove_alive(worker)
                brought = Exchange(
                    accepted=accepted,
                    claims=claims,
                    cancelled=workers.to_cancel(tx.store, worker),
                    next_due=claiming.next_due(tx, ask) if ask else None,
                )
            # Still under the lock: what anybody commits from here on is news to `wait`.
            self._seen = self.store.commits
            return brought

    def record(self, lease: Lease, handle: str | None, *, started_ago: float = 0.0) -> bool:
        """Note that a run started."""
        with self._transaction() as tx:
            return settling.record(tx, lease, handle, started_ago)

    def beat(self, worker: str) -> Beat:
        """Prove to be alive."""
        with self._transaction() as tx:
            return workers.beat(tx, worker)

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Give the jobs of dead incarnations to `by`."""
        with self._transaction() as tx:
            return workers.take_over(tx, dead, by, proven=proven)

    def events(self, after: int, limit: int) -> Sequence[Event]:
        """Return events with an id above `after`."""
        with self._transaction() as tx:
            return tx.store.outbox.after(after, limit)

    def advance(self, consumer: str, upto: int, *, worker: str, hold: float = 30.0) -> int | None:
        """Move a consumer's cursor forward."""
        with self._transaction() as tx:
            outbox = tx.store.outbox
            found = outbox.consumer(consumer, worker, tx.now, tx.store.workers)
            return None if found is None else outbox.advance(found, upto, worker, tx.now, hold)

    def wait(self, timeout: float) -> bool:
        """Block until something was committed or this handle is interrupted."""
        with self.store.changed:
            woken = self.store.changed.wait_for(self._has_news, timeout)
            self._seen, self._interrupted = self.store.commits, False
            return woken

    def interrupt(self) -> None:
        """Make a `wait` return."""
        self._interrupted = True
        with self.store.changed:
            self.store.changed.notify_all()

    def migrate(self) -> None:
        """Do nothing: memory is always new."""

    def check(self) -> Sequence[str]:
        """Return where the kept counts are wrong."""
        with self._transaction() as tx:
            return tx.store.faults()

    def backup(self, path: Path) -> None:
        """Refuse: what is in memory only is meant to be lost."""
        raise UsageError(f"memory cannot be backed up to {path}")

    def prune(self, query: Query, limit: int) -> Changed:
        """Delete finished jobs that match."""
        with self._transaction() as tx:
            return changing.prune(tx, query, limit)

    def close(self) -> None:
        """Wake whoever waits."""
        self._closed = True
        self.interrupt()

    def _has_news(self) -> bool:
        return self._interrupted or self._closed or self._seen != self.store.commits


def _with_counts(tx: Transaction, name: str) -> QueueState:
    counts = tx.store.counts[name]
    return replace(tx.store.queues[name], counts={state: counts[state] for state in State})
