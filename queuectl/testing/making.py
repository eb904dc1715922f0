"""Making what plugins are given: jobs, failures and events, all of whose fields make sense together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queuectl.model.backoff import Failure
from queuectl.model.event import EVENT_NAMES, Event
from queuectl.model.job import DEFAULT_QUEUE, Job, State
from queuectl.model.outcome import Outcome

_NOW = 1_699_999_200.0
_STATES: Mapping[str, State] = {
    "job.enqueued": State.PENDING,
    "job.started": State.PROCESSING,
    "job.completed": State.COMPLETED,
    "job.failed": State.FAILED,
    "job.dead": State.DEAD,
    "job.lost": State.PENDING,
    "job.cancelled": State.CANCELLED,
    "job.requeued": State.PENDING,
}
_ENDINGS: Mapping[State, Mapping[str, Any]] = {
    State.COMPLETED: {"exit_code": 0, "attempts": 1},
    State.FAILED: {"exit_code": 1, "attempts": 1, "next_retry_at": _NOW + 2.0, "previous_delay": 2.0},
    State.DEAD: {"exit_code": 1, "attempts": 4},
}
_WITHOUT_A_RUN = frozenset({"job.enqueued", "job.requeued"})


def make_job(**fields: Any) -> Job:
    """Return a job as an executor is given one: it is processing, and its command is `true`, unless told otherwise."""
    given: dict[str, Any] = {
        "id": "job-1",
        "command": "true",
        "state": State.PROCESSING,
        "queue": DEFAULT_QUEUE,
        "priority": 0,
        "attempts": 0,
        "max_retries": 3,
        "created_at": _NOW,
        "updated_at": _NOW,
    }
    return Job(**given | fields)


def make_failure(attempts: int = 1, **fields: Any) -> Failure:
    """Return a failure as a backoff is given one: the `attempts`-th in a row, of a job that has a retry left.

    Its outcome is exit code 1, and before all but the first attempt there were ten seconds, unless told otherwise.
    """
    previous_delay = None if attempts == 1 else 10.0
    job = make_job(attempts=attempts - 1, max_retries=max(3, attempts), previous_delay=previous_delay)
    given: dict[str, Any] = {"job": job, "outcome": Outcome(exit_code=1), "previous_delay": previous_delay}
    return Failure(attempts=attempts, **given | fields)


def make_event(name: str, **fields: Any) -> Event:
    """Return an event as a notifier is given one, with the job, attempt, worker and queue that events of its name have.

    Raises ValueError for a name that no event has.
    """
    if name not in EVENT_NAMES:
        raise ValueError(f"no event is named {name!r}; the events are {', '.join(sorted(EVENT_NAMES))}")
    return Event(**{"id": 1, "name": name, "at": _NOW, **_fields(name), **fields})


def _fields(name: str) -> dict[str, Any]:
    kind = name.partition(".")[0]
    if kind == "worker":
        return {"worker": "worker-1"}
    if kind == "queue":
        return {"queue": DEFAULT_QUEUE}
    state = _STATES[name]
    if name in _WITHOUT_A_RUN:
        return {"job": make_job(state=state), "queue": DEFAULT_QUEUE}
    run = {"runs": 1, "started_at": _NOW - 1.0, "finished_at": _NOW, "worker": "worker-1"}
    job = make_job(**{"state": state, **run, **_ENDINGS.get(state, {})})
    return {"job": job, "queue": DEFAULT_QUEUE, "attempt": 1, "worker": "worker-1"}
