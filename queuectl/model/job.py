"""A job: one command with its options, stored under an id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Command = str | tuple[str, ...]
"""A string is for `/bin/sh -c`; a tuple is executed as it is."""

BackoffChoice = str | Mapping[str, Any]
"""A provider's name, or a mapping with `plugin` and its settings, as in the configuration file."""

DEFAULT_QUEUE = "default"


class State(StrEnum):
    """What people see of a job."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"


LIVE = frozenset({State.PENDING, State.PROCESSING, State.FAILED})
"""States in which a job still has work to do; unique keys are held in all of them."""

FINAL = frozenset({State.COMPLETED, State.DEAD, State.CANCELLED})
"""States that a job leaves only by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job as the storage receives it: validated, its defaults filled in.

    `delay` (seconds) counts on the storage's clock from the moment of the insert, and from anew when that clock is set
    back; `run_at` is Unix seconds, a moment of that clock; at most one of them is set. `unique_key` is held while the
    job is live: a second live job with the key is refused. `limit_key` names the group that `set_queue(key_limit=…)`
    bounds. `(schedule, fire_at)` is unique for ever.
    """

    id: str
    command: Command
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    max_retries: int = 3
    run_at: float | None = None
    delay: float | None = None
    timeout: float | None = None
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    backoff: BackoffChoice | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    unique_key: str | None = None
    limit_key: str | None = None
    schedule: str | None = None
    fire_at: float | None = None

    def first_run(self, now: float) -> float | None:
        """Return when the job is to run if it is stored at `now`; None for at once."""
        return self.run_at if self.delay is None else now + self.delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is stored. Times are Unix seconds on the storage's clock.

    `attempts` counts charged runs since the last reset; `runs` counts every started run and is never reset; `lost`
    counts the runs since the last reset that their worker did not survive; `lease` and `worker` are token and
    incarnation of the last claim or take-over, 0 and None before the first; `exit_code`, `signal` and `error` tell of
    the last run that was settled. So do `started_at` and `finished_at`, but while the job is processing: then
    `started_at` is what was recorded of this run, or None. A job that becomes final without a run has that moment as
    its `finished_at`. A pending job tells of no run: all of these but `lease` are None, whatever its attempts tell.
    """

    id: str
    command: Command
    state: State
    queue: str
    priority: int
    attempts: int
    max_retries: int
    created_at: float
    updated_at: float
    run_at: float | None = None
    next_retry_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    timeout: float | None = None
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    backoff: BackoffChoice | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    signal: int | None = None
    error: str | None = None
    worker: str | None = None
    cancel_requested: bool = False
    held: bool = False
    runs: int = 0
    lost: int = 0
    lease: int = 0
    previous_delay: float | None = None
    unique_key: str | None = None
    limit_key: str | None = None
    schedule: str | None = None
    fire_at: float | None = None
