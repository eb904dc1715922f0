"""What a worker's configuration says about each job: its executor, its backoff, its exit codes."""

from __future__ import annotations

import threading
from typing import Any

import structlog

from queuectl.config import Choice, Config
from queuectl.engine.retry import Policy
from queuectl.errors import QueuectlError
from queuectl.model.backoff import Backoff
from queuectl.model.executor import Executor
from queuectl.model.job import Job


class Policies:
    """Builds executors and backoffs when they are first needed, and keeps them: one for each way they are set."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._built: dict[object, Any] = {}

    def executor(self, job: Job) -> Executor:
        """Return what runs a job. Raises ConfigError when the job's options do not fit the executor."""
        key = ("executor", job.queue, repr(job.options) if job.options else "")
        executor: Executor = self._once(key, lambda: self._executor_choice(job))
        return executor

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

    def _executor_choice(self, job: Job) -> Choice:
        return self._config.executor_for(job.options, job.queue)

    def _backoff_choice(self, job: Job) -> Choice:
        if job.backoff is None:
            return self._config.backoff(job.queue)
        return self._config.choose("backoff", job.backoff, "backoff", queue=job.queue)

    def _backoff(self, job: Job) -> Backoff:
        key = ("backoff", job.queue, repr(job.backoff))
        try:
            backoff: Backoff = self._once(key, lambda: self._backoff_choice(job))
        except QueuectlError as error:
            # The plugin may have been removed since the job was enqueued.
            structlog.get_logger().warning("backoff not usable, the default decides", job=job.id, error=error.message)
            return self._fallback()
        return backoff

    def _fallback(self) -> Backoff:
        def choose() -> Choice:
            found = self._config.registry.provider("backoff", "exponential")
            return Choice(kind="backoff", found=found, settings=found.provider.settings(), events=None)

        fallback: Backoff = self._once("fallback", choose)
        return fallback

    def _warn(self, job: Job, what: str) -> None:
        plugin = str(self._backoff_choice(job).found)
        structlog.get_logger().warning("backoff broken, the default decides", job=job.id, plugin=plugin, what=what)

    def _once(self, key: object, choose: Any) -> Any:
        with self._lock:
            if key not in self._built:
                self._built[key] = self._config.create(choose())
            return self._built[key]
