"""The queue: everything that a client may do. The command line and the dashboard use nothing else."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from queuectl.config import Config, load_config
from queuectl.engine.intake import Accepted, Given, Intake
from queuectl.errors import NotFoundError, UsageError
from queuectl.model.job import Job, State

if TYPE_CHECKING:  # what one command needs another does not: to import them all takes longer than to enqueue
    from queuectl.engine.options import JobOptions
    from queuectl.engine.storing import Stored
    from queuectl.model.attempt import Attempt, Output
    from queuectl.model.query import Action, Edit, Page, Query, QueueState
    from queuectl.model.storage import Storage
    from queuectl.model.worker import Worker

T = TypeVar("T")

BATCH = 500
"""How many jobs are read at once."""


def open(config: Config | str | Path | None = None, *, overrides: Sequence[str] = ()) -> Queue:
    """Open the queue that the configuration names.

    `config` is the path of a configuration file; None finds one as the command does. `overrides` are texts as `--set`
    takes them, such as `storage.path=/srv/jobs.db`. Raises ConfigError. The store itself is opened when it is first
    needed.
    """
    if isinstance(config, Config):
        if overrides:
            raise UsageError("a configuration that was read already takes no overrides")
        return Queue(config)
    return Queue(load_config(config, overrides=overrides))


class Queue:
    """Jobs in their store: enqueue them, look at them, wait for them, change them.

    Safe to use from several threads, not across a fork. Close it, or use it in a `with` statement. All methods may
    raise StorageError: StorageBusyError where the same call may succeed later.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._storage: Storage | None = None
        self._intake = Intake(config)
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Queue {self._place()}>"

    @property
    def storage(self) -> Storage:
        """The store itself, opened at the first use: for what this class does not offer."""
        with self._lock:
            if self._closed:
                raise UsageError("the queue is closed")
            if self._storage is None:
                self._storage = self.config.create(self.config.storage)
            return self._storage

    def close(self) -> None:
        """Give the store back; idempotent."""
        with self._lock:
            storage, self._storage, self._closed = self._storage, None, True
        if storage is not None:
            storage.close()

    def enqueue(
        self, command: str | Sequence[str], *, connection: object | None = None, **options: Unpack[JobOptions]
    ) -> Job:
        """Store one job and return it.

        `command` is a text for the shell, or a program with its arguments. Options go by the names of the JSON fields:
        `id`, `queue`, `priority`, `run_at` (text or datetime) or `delay`, `timeout` (both in seconds, or as `90s`),
        `max_retries`, `cwd`, `env`, `tags`, `backoff`, `options`; None is as if it was left out. Raises UsageError when
        one is not valid, ConflictError when the id is taken.

        With a `connection` of your own to the database of the store, in a transaction, the job is stored when that is
        committed, and never if it is rolled back. A psycopg.Connection for PostgreSQL, an apsw.Connection for SQLite.
        """
        return self.store(self._intake.accept([("", {**options, "command": command})]), connection=connection)[0]

    def enqueue_many(
        self,
        jobs: Iterable[Mapping[str, Any]],
        *,
        skip_existing: bool = False,
        progress: Callable[[int], None] | None = None,
        connection: object | None = None,
    ) -> builtins.list[Job]:
        """Check all jobs, then store all or none in one transaction, and return them in order.

        Each is a mapping with the JSON fields. With `skip_existing`, those whose id is taken are passed over, and those
        that were stored are returned. `progress` is told how many more were checked, now and then. Raises UsageError
        that counts from `item 1`, ConflictError when an id is taken.
        """
        given = ((f"item {number}", job) for number, job in enumerate(jobs, 1))
        accepted = self._intake.accept(given, progress=progress)
        return [*self.store(accepted, skip_existing=skip_existing, connection=connection)]

    def accept(self, given: Iterable[Given], *, progress: Callable[[int], None] | None = None) -> Accepted:
        """Check jobs that `parse_jobs` read, for `store`. Raises UsageError that names the place."""
        return self._intake.accept(given, progress=progress)

    def store(self, accepted: Accepted, *, skip_existing: bool = False, connection: object | None = None) -> Stored:
        """Store jobs that were accepted, all or none, in one transaction, or in that of a `connection`.

        A sequence of the jobs, whose `ids` are there without making any. An id that nobody chose and that is taken by
        chance is replaced.
        """
        from queuectl.engine.storing import Stored, store

        if not accepted.jobs:
            return Stored((), ())
        return store(self.storage, accepted, skip_existing=skip_existing, connection=connection)

    def get(self, id: str) -> Job:
        """Return a job by its whole id. Raises NotFoundError."""
        job = self.storage.get(id)
        if job is None:
            from queuectl.engine.changing import not_found

            raise not_found(self.storage, [id])
        return job

    def find(self, prefix: str) -> Job:
        """Return the job whose id is, or alone begins with, `prefix`. Raises NotFoundError, with the candidates."""
        ids = self.storage.resolve(prefix, BATCH) if prefix else ()
        if len(ids) > 1:
            some = [*ids[:10], *(["…"] if len(ids) > 10 else [])]
            raise NotFoundError(f"several jobs begin with {prefix!r}", details=some, hint="type more of the id")
        job = self.storage.get(ids[0]) if ids else None
        if job is None:
            raise NotFoundError(f"no job {prefix!r}", hint="queuectl list shows what is stored")
        return job

    def list(
        self,
        *,
        state: State | str | Iterable[State | str] | None = None,
        queue: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
    ) -> builtins.list[Job]:
        """Return the jobs in one of these states, of this queue and with this tag, the newest first."""
        from queuectl.model.query import Query

        if limit is not None and limit < 0:
            raise UsageError(f"limit: expected 0 or more, got {limit}")
        query = Query(states=None if state is None else _states(state), queue=queue, tag=tag)
        return [*islice(self.iterate(query), limit)]

    def iterate(self, query: Query | None = None) -> Iterator[Job]:
        """Yield the jobs that match, the newest first, reading some at a time."""
        cursor = None
        while True:
            page = self.page(query, cursor, BATCH)
            yield from page.jobs
            cursor = page.next_cursor
            if cursor is None:
                return

    def page(self, query: Query | None = None, cursor: str | None = None, limit: int = 50) -> Page:
        """Return some of the jobs that match, the newest first, with the cursor for the next call."""
        from queuectl.model.query import Query

        return self.storage.list(query or Query(), cursor, limit)

    def attempts(self, id: str) -> Sequence[Attempt]:
        """Return the attempts of a job, oldest first. Raises NotFoundError for an unknown job."""
        attempts = self.storage.attempts(id)
        if not attempts:
            self.get(id)
        return attempts

    def output(self, id: str, number: int | None = None) -> Output:
        """Return what is stored of an attempt's output, by default the last attempt's. Raises NotFoundError."""
        if number is None:
            attempts = self.attempts(id)
            if not attempts:
                raise NotFoundError(f"job {id!r} has no attempt that has ended")
            number = attempts[-1].number
        output = self.storage.output(id, number)
        if output is None:
            self.get(id)
            raise NotFoundError(f"job {id!r} has no attempt {number}")
        return output

    def wait(self, id: str, timeout: float | str | None = None) -> Job:
        """Return the job once it is completed, dead or cancelled.

        `timeout` is in seconds, or as `90s`. Raises WaitTimeoutError, and NotFoundError.
        """
        return self.wait_many([id], timeout)[0]

    def wait_many(self, ids: Sequence[str], timeout: float | str | None = None) -> builtins.list[Job]:
        """Return jobs, in this order, once all of them are completed, dead or cancelled; otherwise as `wait`."""
        from queuectl.engine.fields import read_delay
        from queuectl.engine.waiting import wait_for

        return wait_for(self.storage, ids, None if timeout is None else _checked("timeout", read_delay, timeout))

    def retry(self, id: str) -> Job:
        """Run a failed job now, a dead, completed or cancelled one again from the start.

        Raises NotFoundError; ConflictError when it is pending or processing.
        """
        from queuectl.model.query import Action

        return self.change(Action.RETRY, [id])[0]

    def cancel(self, id: str) -> Job:
        """Cancel a job; one that runs is ended by its worker within a second, unless it succeeds before.

        Raises NotFoundError; ConflictError when it is completed, dead or cancelled.
        """
        from queuectl.model.query import Action

        return self.change(Action.CANCEL, [id])[0]

    def delete(self, id: str) -> Job:
        """Delete a job that has ended, with its attempts and their output, and return it as it was.

        Raises NotFoundError; ConflictError when it still has work to do.
        """
        from queuectl.model.query import Action

        return self.change(Action.DELETE, [id])[0]

    def change(
        self,
        action: Action,
        target: Query | Sequence[str],
        *,
        expected: int | None = None,
        edit: Edit | None = None,
    ) -> builtins.list[Job]:
        """Do something to the jobs with these ids, all or none; or to all that match a query and are in a fit state.

        Returns them as they are now, after a delete as they were. With `expected`, changes nothing and raises
        ConflictError when it would change another number of jobs. By ids it raises NotFoundError or ConflictError for
        those that are not stored or in a state that does not allow it.
        """
        from queuectl.engine.changing import change

        return change(self.storage, self.config.logs, action, target, expected=expected, edit=edit)

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs each queue has in each state; zeros may be left out."""
        return self.storage.counts()

    def totals(self) -> dict[State, int]:
        """Return how many jobs there are in each state."""
        totals = dict.fromkeys(State, 0)
        for counts in self.storage.counts().values():
            for state, count in counts.items():
                totals[state] += count
        return totals

    def queues(self) -> Sequence[QueueState]:
        """Return all queues that have or had jobs, or were set, by name."""
        return self.storage.queues()

    def set_queue(
        self, name: str, *, paused: bool | None = None, limit: int | None = None, key_limit: int | None = None
    ) -> QueueState:
        """Pause or resume a queue, bound how many of its jobs run at once; None leaves as is, 0 lifts a limit."""
        from queuectl.engine.fields import read_count, read_name

        _checked("queue", read_name, name)
        for field, value in (("limit", limit), ("key_limit", key_limit)):
            if value is not None:
                _checked(field, read_count, value)
        return self.storage.set_queue(name, paused=paused, limit=limit, key_limit=key_limit)

    def workers(self) -> builtins.list[Worker]:
        """Return the workers, without those of this host that are known to be dead."""
        from queuectl.model.worker import Role

        workers = [worker for worker in self.storage.workers() if worker.role is Role.WORKER]
        if sys.platform == "win32":  # no worker runs there, and no ledger is
            return workers
        from queuectl.engine.ledger import is_alive

        run = self.config.data / "run"
        return [worker for worker in workers if is_alive(run, worker.id) is not False]

    def prune(
        self,
        older_than: float | str,
        *,
        states: Iterable[State | str] | None = None,
        queue: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Delete jobs that ended longer ago than `older_than`, in seconds or as `30d`, and return how many.

        By default the completed and the cancelled ones. Some hundred at a time, so that nobody waits for long; if it
        fails half-way, what was deleted stays deleted. Raises UsageError for states in which jobs have work to do.
        """
        from queuectl.engine.fields import read_delay
        from queuectl.engine.upkeep import FORGETTABLE, prune

        chosen = FORGETTABLE if states is None else _states(states)
        age = _checked("older_than", read_delay, older_than)
        return prune(self.storage, self.config.logs, age, states=chosen, queue=queue, progress=progress)

    def backup(self, path: str | Path) -> None:
        """Write a consistent copy of the store to a new file. Raises ConflictError where the file exists."""
        self.storage.backup(Path(path))

    def status(self) -> dict[str, Any]:
        """Return what `queuectl status --json` prints."""
        totals = self.totals()
        return {
            "jobs": {state.value: totals[state] for state in State},
            "workers": {"active": len(self.workers())},
            "store": self._place(),
            "config": None if self.config.file is None else str(self.config.file),
        }

    def _place(self) -> str:
        """Return where the store is: its path where it has one, else the name of its plugin."""
        path = getattr(self._storage, "path", None)
        return str(path) if path is not None else self.config.storage.found.provider.name


def _states(state: State | str | Iterable[State | str]) -> frozenset[State]:
    try:
        return frozenset(map(State, [state] if isinstance(state, str) else state))
    except (ValueError, TypeError):
        raise UsageError(f"no state {state!r}", hint=f"the states are {', '.join(State)}") from None


def _checked(name: str, read: Callable[[Any], T], value: Any) -> T:
    try:
        return read(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
