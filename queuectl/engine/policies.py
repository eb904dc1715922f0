"""What a worker's configuration says about each job: its executor, its backoff, its exit codes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog

from queuectl.config import Choice, Config
from queuectl.engine.retry import Policy
from queuectl.errors import PluginError, QueuectlError
from queuectl.model.backoff import Backoff
from queuectl.model.executor import Executor
from queuectl.model.job import Job
from queuectl.registry.blame import brief

MOST_CHOSEN = 256
"""How many components are kept that jobs set for themselves: there may be as many as jobs."""

ANY_OTHER = ""
"""Stands for the queues that the configuration does not name."""


class Policies:
    """Builds executors and backoffs when they are first needed, and keeps them: one for each way they are set."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._executors: dict[str, Executor] = {}
        self._selected: dict[object, Any] = {}
        self._chosen: dict[object, Any] = {}

    def prepare(self) -> None:
        """Build what third parties offer and the configuration selects, for every queue.

        Raises QueuectlError for the first that cannot be built: later it would fail one job after the other.
        """
        for queue in (ANY_OTHER, *self._config.queues):
            for choice in (self._config.executor(queue), self._config.backoff(queue)):
                if not choice.found.builtin:
                    self._select(choice)

    def executor(self, job: Job) -> Executor:
        """Return what runs a job.

        Raises ConfigError when the job's options do not fit the executor, PluginError when it cannot be built.
        """
        if job.options:
            selected = self._config.executor(job.queue)
            chosen: Executor = self._choose(
                selected, job.options, lambda: self._config.executor_for(job.options, job.queue)
            )
            return chosen
        queue = job.queue if job.queue in self._config.queues else ANY_OTHER
        if queue not in self._executors:
            self._executors[queue] = self._select(self._config.executor(queue))
        return self._executors[queue]

    def executor_name(self, job: Job) -> str:
        """Return what people are told of a job's executor: its plugin and distribution."""
        return str(self._config.executor(job.queue).found)

    def policy(self, job: Job) -> Policy:
        """Return what a job's queue, and the job itself, say about a failure."""
        defaults = self._config.jobs(job.queue)
        return Policy(
            backoff=self._backoff(job),
            fallback=self._fallback(),
            retry_on=defaults.retry_on,
            give_up_on=defaults.give_up_on,
            warn=lambda what: self._warn(job, what),
        )

    def _backoff(self, job: Job) -> Backoff:
        selected = self._config.backoff(job.queue)
        try:
            backoff: Backoff = (
                self._select(selected)
                if job.backoff is None
                else self._choose(selected, job.backoff, lambda: self._backoff_choice(job))
            )
        except QueuectlError as error:
            # The plugin may have been removed since the job was enqueued.
            structlog.get_logger().warning("backoff not usable, the default decides", job=job.id, error=error.message)
            return self._fallback()
        return backoff

    def _backoff_choice(self, job: Job) -> Choice:
        if job.backoff is None:
            return self._config.backoff(job.queue)
        return self._config.choose("backoff", job.backoff, "backoff", queue=job.queue)

    def _fallback(self) -> Backoff:
        found = self._config.registry.provider("backoff", "exponential")
        fallback: Backoff = self._keep(
            self._selected, "fallback", lambda: Choice("backoff", found, found.provider.settings())
        )
        return fallback

    def _warn(self, job: Job, what: str) -> None:
        plugin = str(self._backoff_choice(job).found)
        structlog.get_logger().warning("backoff broken, the default decides", job=job.id, plugin=plugin, what=what)

    def _select(self, choice: Choice) -> Any:
        """Return the component of a choice of the configuration's, which keeps one for all queues that share it."""
        return self._keep(self._selected, id(choice), lambda: choice)

    def _choose(self, selected: Choice, own: object, choose: Callable[[], Choice]) -> Any:
        """Return the component of a choice that a job makes in the place of what is selected for its queue."""
        return self._keep(self._chosen, (id(selected), repr(own)), choose)

    def _keep(self, kept: dict[object, Any], key: object, choose: Callable[[], Choice]) -> Any:
        with self._lock:
            # What was used last stands last.
            component = kept.pop(key) if key in kept else self._create(choose())
            if kept is self._chosen and len(kept) >= MOST_CHOSEN:
                kept.pop(next(iter(kept)))
            kept[key] = component
            return component

    def _create(self, choice: Choice) -> Any:
        try:
            return self._config.create(choice)
        except QueuectlError:
            raise
        except Exception as error:  # a wall: a built-in plugin may lack what it needs, such as a descriptor
            raise PluginError(f"{choice.found} could not make its {choice.kind}: {brief(error)}") from error
