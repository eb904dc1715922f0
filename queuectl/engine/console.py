"""The console: what an operator looks at and does, for interfaces that people keep open.

It works through the queue, and is the one place that says whether anything may be changed from there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from queuectl.config import Config
from queuectl.config.explain import settings_of, to_json
from queuectl.engine import wire
from queuectl.engine.backlog import backlog
from queuectl.engine.editing import read_edit
from queuectl.engine.queue import Queue
from queuectl.engine.reading import OutputReader
from queuectl.engine.spool import collect
from queuectl.engine.touching import touched
from queuectl.errors import NotFoundError, ReadOnlyError
from queuectl.model.attempt import Attempt, Output
from queuectl.model.event import Event
from queuectl.model.job import Job, State
from queuectl.model.query import Action, Backlog, Bucket, Edit, Group, Page, Query, QueueState
from queuectl.model.storage import BackloggedStorage
from queuectl.model.worker import StopMode, Worker

_CLONED = ("queue", "priority", "max_retries", "timeout", "cwd", "env", "tags", "backoff", "options")
"""What a clone takes from its job, beside the command."""

SEARCH_PATIENCE = 0.05
"""Seconds after which a search makes a pause, with the page that it has."""


class Console:
    """Jobs, queues and workers as an operator sees them, and all that one may do to them.

    Safe to use from several threads. With `read_only` whatever would change something raises ReadOnlyError. Otherwise
    the methods do and raise what those of `Queue` do.
    """

    def __init__(self, config: Config, *, read_only: bool = False) -> None:
        self.config = config
        self.read_only = read_only
        self._queue = Queue(config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def another(self) -> Console:
        """Open the same once more: for a thread that does nothing but wait."""
        return Console(self.config, read_only=self.read_only)

    def close(self) -> None:
        """Give the store back; idempotent."""
        self._queue.close()

    def status(self) -> dict[str, Any]:
        """Return what `queuectl status --json` prints."""
        return self._queue.status()

    def totals(self) -> Mapping[State, int]:
        """Return how many jobs there are in each state."""
        return self._queue.totals()

    def queues(self) -> Sequence[QueueState]:
        """Return all queues, by name."""
        return self._queue.queues()

    def workers(self) -> Sequence[Worker]:
        """Return the workers, without those that are known to be dead."""
        return self._queue.workers()

    def get(self, id: str) -> Job:
        """Return a job by its whole id. Raises NotFoundError."""
        return self._queue.get(id)

    def page(self, query: Query, cursor: str | None = None, limit: int = 50) -> Page:
        """Return some of the jobs that match, the newest first.

        A text that few of very many jobs hold is looked for no longer than SEARCH_PATIENCE: the page is short then, and
        its cursor leads to the rest.
        """
        until = time.monotonic() + SEARCH_PATIENCE
        found: list[Job] = []
        while True:
            page = self._queue.page(query, cursor, limit - len(found))
            found += page.jobs
            cursor = page.next_cursor
            if cursor is None or len(found) == limit or time.monotonic() > until:
                return Page(jobs=tuple(found), next_cursor=cursor)

    def resolve(self, prefix: str, limit: int) -> Sequence[str]:
        """Return ids that begin with a text."""
        return self._queue.storage.resolve(prefix, limit)

    def attempts(self, id: str) -> Sequence[Attempt]:
        """Return the attempts of a job, oldest first."""
        return self._queue.attempts(id)

    def output(self, job: Job, number: int | None = None) -> Output:
        """Return what a run wrote: of one that goes on at this host, what is there by now.

        By default of the run that goes on, else of the last. Raises NotFoundError for a run that there is not.
        """
        going_on = job.state is State.PROCESSING and job.worker is not None
        if going_on and number in {None, job.runs + 1}:
            assert job.worker is not None
            try:
                return collect(self.config.logs, job.worker, job.lease)
            except OSError:  # it runs at another host, or has not begun
                return Output()
        if number is None and not job.runs:
            return Output()
        return self._queue.output(job.id, number)

    def written(self, job: Job, number: int | None = None, *, errors: bool = False) -> Iterator[bytes]:
        """Yield all that a run wrote: of its file, where that was kept and is at this host, else what is stored.

        With `errors` what was kept apart as standard error. What was dropped from the middle is passed over. Otherwise
        as `output`; a file is read only where this host keeps outputs, whatever the store says.
        """
        stored = self.output(job, number)
        tail, path = (stored.error_tail or b"", stored.error_path) if errors else (stored.tail, stored.path)
        return _kept(path if path is not None and self._is_kept_here(path) else None, tail)

    def has_whole(self, output: Output) -> bool:
        """Whether `written` can give more of an output than what is stored of it."""
        return output.path is not None and self._is_kept_here(output.path) and os.path.exists(output.path)

    def _is_kept_here(self, path: str) -> bool:
        return os.path.realpath(os.path.dirname(path)) == os.path.realpath(self.config.logs)

    def backlog(self) -> Backlog | None:
        """Return the job that could run and has waited longest, None where none waits."""
        storage = self._queue.storage
        return storage.backlog() if isinstance(storage, BackloggedStorage) else backlog(self._queue)

    def groups(self, query: Query) -> Sequence[Group]:
        """Return the jobs that match by how they ended, the largest group first."""
        return self._queue.storage.groups(query)

    def stats(self, since: float, step: float) -> Sequence[Bucket]:
        """Return what ended in each `step` seconds of the last `since` seconds."""
        return self._queue.storage.stats(since, step)

    def events(self, after: int = 0, limit: int = 500) -> Sequence[Event]:
        """Return the events that still wait for a notifier, oldest first."""
        return self._queue.storage.events(after, limit)

    def settings(self) -> list[dict[str, Any]]:
        """Return every key of the configuration with its value, also as a text, its origin and its default."""
        return [
            {
                "key": setting.key,
                "value": to_json(setting.value),
                "text": setting.text,
                "origin": setting.origin,
                "default": to_json(setting.default),
                "description": setting.description,
            }
            for setting in (each.masked() for each in settings_of(self.config))
        ]

    def plugins(self) -> list[dict[str, Any]]:
        """Return every installed plugin, and what of it the configuration uses. Imports nobody who is not used."""
        from queuectl.engine.plugged import plugged

        return plugged(self.config)

    def describe(self, thing: Job | Attempt | Worker) -> dict[str, Any]:
        """Return a job, an attempt or a worker by its JSON fields, without secrets."""
        if isinstance(thing, Job):
            return wire.shown_job(thing)
        return wire.attempt_to_dict(thing) if isinstance(thing, Attempt) else wire.worker_to_dict(thing)

    def count(self, action: Action, query: Query) -> int | None:
        """Return how many jobs an action on a query would change; None for more than can be counted in good time."""
        return touched(self._queue, action, query)

    def wait(self, timeout: float) -> bool:
        """Block until something was committed, `interrupt` was called, or the time has passed: then it is False."""
        if "wakeup" in self._queue.storage.capabilities:
            return self._queue.storage.wait(timeout)
        self._queue.storage.wait(min(timeout, 1.0))
        return True

    def interrupt(self) -> None:
        """Make a `wait` return."""
        self._queue.storage.interrupt()

    def change(
        self, action: Action, target: Query | Sequence[str], *, expected: int | None = None, edit: Edit | None = None
    ) -> list[Job]:
        """Do something to jobs, as `Queue.change` does."""
        return self._writing().change(action, target, expected=expected, edit=edit)

    def edit(self, id: str, fields: Mapping[str, Any]) -> Job:
        """Replace fields of a waiting job. Raises UsageError for a value that is not valid."""
        queue = self._writing()
        return queue.change(Action.EDIT, [id], edit=read_edit(self.config, queue.get(id), fields))[0]

    def run_now(self, id: str) -> Job:
        """Make a waiting job due now."""
        queue = self._writing()
        job = queue.get(id)
        if job.held:
            queue.change(Action.RELEASE, [id])
        if job.state is State.PENDING:
            return queue.change(Action.EDIT, [id], edit=Edit(run_at=time.time()))[0]
        return queue.retry(id)

    def enqueue(self, fields: Mapping[str, Any]) -> Job:
        """Store a job that is given by its JSON fields."""
        return self._writing().enqueue_many([fields])[0]

    def clone(self, id: str) -> Job:
        """Store a job like another one, due now."""
        queue = self._writing()
        job = queue.get(id)
        alike = {name: getattr(job, name) for name in _CLONED}
        return queue.enqueue_many([{"command": job.command, **alike}])[0]

    def set_queue(self, name: str, *, paused: bool | None = None, limit: int | None = None) -> QueueState:
        """Pause or resume a queue, bound how many of its jobs run at once. Raises NotFoundError for an unknown one."""
        queue = self._writing()
        if name not in {each.name for each in queue.queues()}:
            raise NotFoundError(f"no queue {name!r}")
        return queue.set_queue(name, paused=paused, limit=limit)

    def stop_worker(self, id: str, *, force: bool = False) -> Worker:
        """Ask a worker to finish its jobs and stop, or, with `force`, to give them back at once."""
        queue = self._writing()
        found = {worker.id: worker for worker in queue.workers()}
        if id not in found:
            raise NotFoundError(f"no worker {id!r} runs")
        mode = StopMode.FORCE if force else StopMode.FINISH
        queue.storage.request_stop([id], mode)
        return replace(found[id], stop=mode)

    def _writing(self) -> Queue:
        if self.read_only:
            raise ReadOnlyError("this console is read-only", hint="start it without --read-only to change anything")
        return self._queue


def _kept(path: str | None, tail: bytes) -> Iterator[bytes]:
    try:
        reader = None if path is None else OutputReader(path)
    except OSError:  # it was removed
        reader = None
    if reader is None:
        yield tail
        return
    with reader:
        yield from (piece for piece in reader.pieces() if isinstance(piece, bytes))
