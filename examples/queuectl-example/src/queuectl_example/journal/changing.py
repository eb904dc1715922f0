"""Changing: what a person may do to jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from queuectl import ALLOWED, LIVE, Action, Changed, ConflictError, Edit, Job, Query, State

from queuectl_example.journal.selecting import matching
from queuectl_example.journal.settling import NO_RUN
from queuectl_example.journal.store import Entry
from queuectl_example.journal.transaction import Transaction

Act = Callable[[Transaction, Entry, Edit], Job]


def change_named(tx: Transaction, action: Action, ids: Sequence[str], expected: int | None, edit: Edit) -> Changed:
    """Change the jobs with these ids, all or none."""
    names = list(dict.fromkeys(ids))
    found = [tx.store.jobs[id] for id in names if id in tx.store.jobs]
    missing = tuple(id for id in names if id not in tx.store.jobs)
    refused = tuple(entry.job for entry in found if entry.job.state not in ALLOWED[action])
    _expect(expected, len(found))
    if missing or refused:
        return Changed(missing=missing, refused=refused)
    return _change(tx, action, found, edit)


def change_matching(
    tx: Transaction, action: Action, query: Query, expected: int | None, limit: int, edit: Edit
) -> Changed:
    """Change at most `limit` of the jobs that match, where the action is allowed and alters anything."""
    found = [entry for entry in matching(tx, query) if _alters(tx, action, entry)]
    _expect(expected, len(found))
    return _change(tx, action, found[:limit], edit, remaining=len(found[limit:]))


def prune(tx: Transaction, query: Query, limit: int) -> Changed:
    """Delete the finished jobs that match, those first that finished first."""
    found = [entry for entry in matching(tx, query) if entry.job.state in ALLOWED[Action.DELETE]]
    found.sort(key=lambda entry: (entry.job.finished_at or 0.0, entry.order))
    return _delete(tx, found[:limit], remaining=len(found[limit:]))


def _expect(expected: int | None, found: int) -> None:
    if expected is not None and expected != found:
        raise ConflictError(f"{found} jobs match, not {expected}", hint="look at them again, then repeat the command")


def _alters(tx: Transaction, action: Action, entry: Entry) -> bool:
    """Return whether the job is still to be changed: a caller that goes on until none remains must come to an end."""
    job = entry.job
    if job.state not in ALLOWED[action]:
        return False
    if action is Action.RETRY and job.state is State.FAILED:
        return entry.due_at > tx.now
    if action is Action.CANCEL:
        return not job.cancel_requested
    if action in {Action.HOLD, Action.RELEASE}:
        return job.held is (action is Action.RELEASE)
    return True


def _change(tx: Transaction, action: Action, found: list[Entry], edit: Edit, remaining: int = 0) -> Changed:
    if action is Action.DELETE:
        return _delete(tx, found, remaining)
    return Changed(jobs=tuple(_ACTS[action](tx, entry, edit) for entry in found), remaining=remaining)


def _delete(tx: Transaction, found: list[Entry], remaining: int) -> Changed:
    outputs = tuple(path for entry in found for path in tx.remove(entry))
    return Changed(jobs=tuple(entry.job for entry in found), remaining=remaining, outputs=outputs)


def _retry(tx: Transaction, entry: Entry, _: Edit) -> Job:
    if entry.job.state is State.FAILED:
        job = tx.update(entry, {"next_retry_at": tx.now}, due_at=tx.now, since=tx.now)
    else:
        _refuse_held_key(tx, entry.job)
        job = tx.update(entry, {"state": State.PENDING, **_NEVER_FAILED, **NO_RUN}, due_at=tx.now, since=tx.now)
    tx.emit("job.requeued", job=job, queue=job.queue)
    return job


_NEVER_FAILED: Mapping[str, Any] = {
    "attempts": 0,
    "lost": 0,
    "cancel_requested": False,
    "run_at": None,
    "previous_delay": None,
}


def _refuse_held_key(tx: Transaction, job: Job) -> None:
    """Raise ConflictError where another live job has the key, one that was just retried too."""
    live = (entry.job for entry in tx.store.jobs.values() if entry.job.state in LIVE)
    if job.unique_key is not None and any(other.unique_key == job.unique_key for other in live):
        raise ConflictError(f"job {job.id!r}: the unique key {job.unique_key!r} is held by a live job")


def _cancel(tx: Transaction, entry: Entry, _: Edit) -> Job:
    if entry.job.state is State.PROCESSING:
        return tx.update(entry, {"cancel_requested": True})
    ended = {"state": State.CANCELLED, "held": False, "next_retry_at": None, "finished_at": tx.now}
    job = tx.update(entry, ended)
    tx.emit("job.cancelled", job=job, queue=job.queue)
    return job


def _edit(tx: Transaction, entry: Entry, edit: Edit) -> Job:
    given = {field.name: getattr(edit, field.name) for field in fields(Edit)}
    changes = {name: value for name, value in given.items() if value is not None}
    if edit.run_at is None:
        return tx.update(entry, changes)
    if entry.job.state is State.FAILED:
        changes["next_retry_at"] = edit.run_at
    return tx.update(entry, changes, due_at=edit.run_at, since=None)


def _hold(tx: Transaction, entry: Entry, _: Edit) -> Job:
    return tx.update(entry, {"held": True})


def _release(tx: Transaction, entry: Entry, _: Edit) -> Job:
    return tx.update(entry, {"held": False})


_ACTS: dict[Action, Act] = {
    Action.RETRY: _retry,
    Action.CANCEL: _cancel,
    Action.EDIT: _edit,
    Action.HOLD: _hold,
    Action.RELEASE: _release,
}
