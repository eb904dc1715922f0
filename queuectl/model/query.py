"""Queries over jobs, and what storages answer to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from queuectl.model.job import BackoffChoice, Command, Job, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which jobs are meant; every field that is set narrows the choice.

    `text` is found anywhere in the id, the command as people see it, or the error. `error`, `exit_code` and `signal`
    together name a group of `Storage.groups`, and count only with `grouped`. `finished_before` is an age in seconds.
    """

    states: frozenset[State] | None = None
    queue: str | None = None
    tag: str | None = None
    text: str | None = None
    finished_before: float | None = None
    grouped: bool = False
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some jobs, newest first, and the cursor that continues after them (None: there are no more).

    A page without jobs that has a cursor: none of those that were looked at matches, older ones may.
    """

    jobs: tuple[Job, ...]
    next_cursor: str | None = None


class Action(StrEnum):
    """What `Storage.change` can do to jobs, and in which states."""

    RETRY = "retry"
    """failed: due now, attempts kept, held if it was.

    dead, completed, cancelled: pending and due now; `attempts`, `lost` and all that tells of the last run, of a time to
    wait for or of a cancel is reset, `runs` and the attempts stay.
    """
    CANCEL = "cancel"
    """pending, failed: cancelled now, a hold ends. processing: cancel requested."""
    EDIT = "edit"
    """pending, failed: the fields of the given `Edit` replaced."""
    HOLD = "hold"
    """pending, failed: not claimable until released; state unchanged."""
    RELEASE = "release"
    """pending, failed: claimable again after a hold."""
    DELETE = "delete"
    """completed, dead, cancelled: the job, its attempts and their output are gone."""


ALLOWED: Mapping[Action, frozenset[State]] = {
    Action.RETRY: frozenset({State.FAILED, State.DEAD, State.COMPLETED, State.CANCELLED}),
    Action.CANCEL: frozenset({State.PENDING, State.FAILED, State.PROCESSING}),
    Action.EDIT: frozenset({State.PENDING, State.FAILED}),
    Action.HOLD: frozenset({State.PENDING, State.FAILED}),
    Action.RELEASE: frozenset({State.PENDING, State.FAILED}),
    Action.DELETE: frozenset({State.COMPLETED, State.DEAD, State.CANCELLED}),
}
"""The states in which each action is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """New values for a waiting job; None leaves a field as it is.

    `run_at` is Unix seconds: when it may next be claimed.
    """

    command: Command | None = None
    priority: int | None = None
    run_at: float | None = None
    timeout: float | None = None
    max_retries: int | None = None
    env: Mapping[str, str] | None = None
    tags: tuple[str, ...] | None = None
    backoff: BackoffChoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change did.

    For ids it is all or nothing: when any is `missing` or `refused` (in a state that does not allow the action), `jobs`
    is empty and nothing was written. For a query, the jobs in other states are passed over, and those that are already
    as the action would leave them (held, due, their cancel requested), and `remaining` is how many more are to be
    changed, or, where that takes long to count, fewer but at least 1: call again until it is 0. `jobs` are as they are
    now, after a DELETE or a prune as they were. `outputs` are the paths of kept output files that no attempt refers to
    any more, for their host to unlink.
    """

    jobs: tuple[Job, ...] = ()
    missing: tuple[str, ...] = ()
    refused: tuple[Job, ...] = ()
    remaining: int = 0
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Jobs that ended alike: the same error, exit code and signal. `newest` is the one that ended last."""

    error: str | None
    exit_code: int | None
    signal: int | None
    count: int
    newest: Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The job that waits longest, and since when it could have been claimed, in Unix seconds."""

    oldest: Job
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """A queue that has been used or set.

    `counts` has every state; `key_limit` bounds the running jobs per `limit_key`.
    """

    name: str
    paused: bool = False
    limit: int | None = None
    key_limit: int | None = None
    counts: Mapping[State, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The attempts that ended in one step of time. `start` is Unix seconds; times are sums in seconds."""

    start: float
    completed: int
    failed: int
    run_time: float
    wait_time: float
