"""Doing something to stored jobs: by ids all or none, by a query in batches until none is left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from queuectl.errors import ConflictError, NotFoundError, QueuectlError
from queuectl.model.job import Job, State
from queuectl.model.query import ALLOWED, Action, Edit, Query
from queuectl.model.storage import Storage

_DONE = {
    Action.RETRY: "retried",
    Action.CANCEL: "cancelled",
    Action.EDIT: "edited",
    Action.HOLD: "held",
    Action.RELEASE: "released",
    Action.DELETE: "deleted",
}

_STATES = (State.PENDING, State.PROCESSING, State.FAILED, State.DEAD, State.COMPLETED, State.CANCELLED)
"""In the order in which a job may come to them."""

_CANDIDATES = 5
"""How many ids are offered for one that is not stored."""


def change(
    storage: Storage,
    logs: Path,
    action: Action,
    target: Query | Sequence[str],
    *,
    expected: int | None = None,
    edit: Edit | None = None,
) -> list[Job]:
    """Change jobs and return them as they are now; `logs` is where outputs lie that may be removed.

    Raises NotFoundError or ConflictError, both naming the jobs, when an id is not stored or its job is in a state that
    does not allow the action: then nothing is changed.
    """
    if isinstance(target, Query):
        return _change_all(storage, logs, action, target, expected=expected, edit=edit)
    ids = [target] if isinstance(target, str) else list(dict.fromkeys(target))
    changed = storage.change(action, ids, expected=expected, edit=edit)
    if changed.missing:
        raise not_found(storage, changed.missing)
    if changed.refused:
        raise refused(action, changed.refused)
    _remove(changed.outputs, logs)
    return list(changed.jobs)


def _change_all(
    storage: Storage, logs: Path, action: Action, query: Query, *, expected: int | None, edit: Edit | None
) -> list[Job]:
    begun = time.monotonic()
    jobs: list[Job] = []
    batch = query
    while True:
        changed = storage.change(action, batch, expected=expected, edit=edit)
        _remove(changed.outputs, logs)
        jobs += changed.jobs
        if not changed.remaining or not changed.jobs:
            return jobs
        expected = None  # it was for all, and holds since the first batch
        batch = _ended_before(query, action, time.monotonic() - begun)


def _ended_before(query: Query, action: Action, age: float) -> Query:
    """Leave out what ended since we began: a job that is retried and fails at once would come again and again."""
    if action not in {Action.RETRY, Action.DELETE}:
        return query
    return replace(query, finished_before=max(age, query.finished_before or 0.0))


def not_found(storage: Storage, ids: Sequence[str]) -> NotFoundError:
    """Return the error for ids that are not stored, with what may have been meant."""
    near = [near for id in ids if id for near in storage.resolve(id, _CANDIDATES)][:_CANDIDATES]
    hint = f"whole ids are needed; stored: {', '.join(near)}" if near else "queuectl list shows what is stored"
    message, details = _gathered([f"no job {id!r}" for id in ids])
    return NotFoundError(message, hint=hint, details=details)


def refused(action: Action, jobs: Iterable[Job]) -> QueuectlError:
    """Return the error for jobs in a state that does not allow an action."""
    allowed = [state.value for state in _STATES if state in ALLOWED[action]]
    only = f"only {', '.join(allowed[:-1])} or {allowed[-1]} jobs can be {_DONE[action]}"
    message, details = _gathered([f"job {job.id!r} is {job.state.value}" for job in jobs])
    return ConflictError(f"{message}; {only}", details=details)


def _gathered(lines: list[str]) -> tuple[str, list[str]]:
    return lines[0], lines[1:]


def _remove(outputs: Iterable[str], logs: Path) -> None:
    """Remove kept outputs that lie in our own directory; those of other hosts are theirs to remove."""
    if not outputs:
        return
    home = os.path.realpath(logs)
    for output in outputs:
        if os.path.realpath(os.path.dirname(output)) == home:
            with suppress(OSError):
                os.unlink(output)
