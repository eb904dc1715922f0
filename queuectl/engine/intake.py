"""The intake: from what a person or a program gives, to jobs that can be stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec

from queuectl.config import Config
from queuectl.engine.complaints import Complaints
from queuectl.engine.fields import READERS, shown
from queuectl.engine.identity import new_ids
from queuectl.engine.jobtext import Given, parse_jobs
from queuectl.errors import ConfigError, QueuectlError, UsageError
from queuectl.model.job import DEFAULT_QUEUE, NewJob

__all__ = ["FIELDS", "READ_ONLY", "Accepted", "Given", "Intake", "parse_jobs"]

FIELDS = tuple(READERS)
"""The fields that may be given."""

READ_ONLY = frozenset(
    {
        *("state", "attempts", "created_at", "updated_at", "next_retry_at", "started_at", "finished_at", "exit_code"),
        *("signal", "error", "worker", "cancel_requested", "attempts_log"),
    }
)
"""Fields that only queuectl sets. On input they are passed over, so that what it prints can be enqueued again."""

_KNOWN = frozenset(FIELDS) | READ_ONLY

_OTHER_WORDS = {
    "cmd": "command",
    "argv": "command",
    "name": "id",
    "retries": "max_retries",
    "environment": "env",
    "working_directory": "cwd",
    "dir": "cwd",
    "at": "run_at",
    "tag": "tags",
}

_BARE: dict[str, Any] = {
    **dict.fromkeys(("run_at", "delay", "backoff", "unique_key", "limit_key", "schedule", "fire_at")),
    "env": {},
    "tags": (),
    "options": {},
}
"""What a job has that is not said of it and that no queue decides."""

_CONFIGURED = frozenset({"cwd", "backoff", "options"})
"""Fields of which their reader alone cannot tell whether they can be used."""

_STRIDE = 1000
"""How many jobs are made at once; after each progress is told."""


class Accepted(NamedTuple):
    """Jobs to be stored. `chosen` are the ids that somebody chose; the others may be replaced when they are taken."""

    jobs: list[NewJob]
    chosen: frozenset[str]


class Intake:
    """Checks jobs and fills in the defaults of their queues."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._defaults: dict[str, dict[str, Any]] = {}
        self._backoffs: set[tuple[str, str]] = set()

    def accept(self, given: Iterable[Given], *, progress: Callable[[int], None] | None = None) -> Accepted:
        """Check all jobs, each with the place that errors name, and give ids to those that have none.

        `progress` is told how many more were checked, now and then. Raises UsageError that names all that are wrong.
        """
        jobs: list[NewJob] = []
        chosen: set[str] = set()
        rest = iter(given)
        while stride := list(islice(rest, _STRIDE)):
            try:
                some = [self._read(place, job) for place, job in stride]
            except UsageError:
                self._complain(chain(stride, rest))
                raise
            chosen.update(values["id"] for values in some if "id" in values)
            jobs += self._made(some)
            if progress is not None:
                progress(len(some))
        return Accepted(jobs, frozenset(chosen))

    def _complain(self, given: Iterable[Given]) -> None:
        """Check jobs of which one is wrong, and raise what is wrong with any."""
        complaints = Complaints()
        for place, job in given:
            try:
                self._read(place, job)
            except UsageError as error:
                complaints.add(error)
        complaints.raise_any()

    def _made(self, read: list[dict[str, Any]]) -> list[NewJob]:
        """Make jobs of what was read of them."""
        ids = iter(new_ids(len(read) - sum("id" in values for values in read)))
        cwd = {"cwd": _current_directory()} if any("cwd" not in values for values in read) else {}
        # msgspec takes half the time of the constructor, but has to learn the type first, and wants every field.
        many = len(read) == _STRIDE
        queues = [values.get("queue", DEFAULT_QUEUE) for values in read]
        defaults = {queue: {**(_BARE if many else {}), **self._of_queue(queue), **cwd} for queue in set(queues)}
        filled = [
            {**defaults[queue], **values} if "id" in values else {**defaults[queue], **values, "id": next(ids)}
            for queue, values in zip(queues, read, strict=True)
        ]
        return msgspec.convert(filled, list[NewJob]) if many else [NewJob(**values) for values in filled]

    def _read(self, place: str, job: Mapping[str, Any]) -> dict[str, Any]:
        try:
            values = _values(job)
            if not _CONFIGURED.isdisjoint(values):
                self._check(values)
        except (ValueError, UsageError) as error:
            raise _placed(place, error) from None
        return values

    def _check(self, values: dict[str, Any]) -> None:
        """Check what only the configuration or the current directory can tell."""
        queue = values.get("queue", DEFAULT_QUEUE)
        if "cwd" in values:
            values["cwd"] = _absolute(values["cwd"])
        if values.get("backoff"):
            self._check_backoff(values["backoff"], queue)
        if values.get("options"):
            self._check_options(values["options"], queue)

    def _check_backoff(self, backoff: str | dict[str, Any], queue: str) -> None:
        named = (backoff, queue) if isinstance(backoff, str) else None
        if named in self._backoffs:
            return
        try:
            self._config.choose("backoff", backoff, "backoff", queue=queue)
        except ConfigError as error:
            raise _of_job(error) from None
        if named is not None:
            self._backoffs.add(named)

    def _check_options(self, options: dict[str, Any], queue: str) -> None:
        self._config.executor(queue)  # what is wrong with that is no mistake in the job
        try:
            self._config.executor_for(options, queue)
        except ConfigError as error:
            raise _of_job(error) from None

    def _of_queue(self, queue: str) -> dict[str, Any]:
        defaults = self._defaults.get(queue)
        if defaults is None:
            jobs = self._config.jobs(queue)
            timeout = None if jobs.timeout is None else float(jobs.timeout)
            defaults = self._defaults[queue] = {
                "queue": queue,
                "priority": jobs.priority,
                "max_retries": jobs.max_retries,
                "timeout": timeout,
            }
        return defaults


def _values(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are set, each as it is stored."""
    if type(job) is not dict and not isinstance(job, Mapping):
        raise ValueError(f"expected a mapping of fields such as `command`, got {shown(job)}")
    if not job.keys() <= _KNOWN:
        raise _unknown(job)
    values = {}
    for name, value in job.items():
        read = READERS.get(name)
        if read is not None and value is not None:
            try:
                values[name] = read(value)
            except (ValueError, UsageError) as error:
                raise ValueError(f"{name}: {error}") from None
    if "command" not in values:
        raise ValueError("a job needs a command")
    if "run_at" in values and "delay" in values:
        raise ValueError("run_at and delay exclude each other")
    return values


def _unknown(job: Mapping[str, Any]) -> UsageError:
    name = next(name for name in job if name not in _KNOWN)
    if not isinstance(name, str):
        return UsageError(f"expected the name of a field, got {shown(name)}")
    from queuectl.registry.suggestion import did_you_mean

    meant = did_you_mean(name.lower().replace("-", "_"), {**{field: field for field in FIELDS}, **_OTHER_WORDS})
    return UsageError(f"unknown field {shown(name)}{meant}", hint=f"the fields are {' '.join(FIELDS)}")


def _placed(place: str, error: Exception) -> UsageError:
    text = f"{place}: {error}" if place else str(error)
    return _of_job(error, text) if isinstance(error, UsageError) else UsageError(text)


def _of_job(error: QueuectlError, text: str | None = None) -> UsageError:
    return UsageError(text or error.message, hint=error.hint, details=error.details)


def _absolute(path: str) -> str:
    if os.path.isabs(path):
        return path
    absolute = os.path.join(_current_directory(), path)
    # Where a link is on the way, what comes before `..` is not what the text says: the kernel follows it.
    return absolute if ".." in path.split(os.sep) else os.path.normpath(absolute)


def _current_directory() -> str:
    try:
        directory = os.getcwd()
        directory.encode()
    except FileNotFoundError:
        raise UsageError("the current directory is gone", hint="say with cwd where the job is to run") from None
    except UnicodeEncodeError:
        raise UsageError("the name of the current directory is not UTF-8", hint="say with cwd where to run") from None
    return directory
