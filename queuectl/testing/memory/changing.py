"""Changing: what a person may do to jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

from queuectl.errors import ConflictError, UsageError
from queuectl.model.job import Job, State
from queuectl.model.query import ALLOWED, Action, Changed, Edit, Query
from queuectl.testing.memory.selecting import matching
from queuectl.testing.memory.settling import NO_RUN
from queuectl.testing.memory.store import Entry, Transaction


def change_named(
    tx: Transaction, action: Action, ids: Sequence[str], expected: int | None, edit: Edit | None
) -> Changed:
    """Change the jobs with these ids, all or none."""
    names = list(dict.fromkeys(ids))
    found = [tx.store.entries[id] for id in names if id in tx.store.entries]
    missing = tuple(id for id in names if id not in tx.store.entries)
    refused = tuple(entry.job for entry in found if entry.job.state not in ALLOWED[action])
    _expect(expected, len(found))
    if missing or refused:
        return Changed(missing=missing, refused=refused)
    return _change(tx, action, found, edit)


def change_matching(
    tx: Transaction, action: Action, query: Query, expected: int | None, limit: int, edit: Edit | None
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
    """Return whether the job is still to be changed: what was changed already must not come again and again."""
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


def _change(tx: Transaction, action: Action, found: list[Entry], edit: Edit | None, remaining: int = 0) -> Changed:
    if action is Action.DELETE:
        return _delete(tx, found, remaining)
    if action is Action.RETRY:
        _refuse_held_keys(tx, found)
    if action is Action.EDIT and edit is None:
        raise UsageError("an edit needs the new values")
    jobs = tuple(_ACTIONS[action](tx, entry, edit or Edit()) for entry in found)
    return Changed(jobs=jobs, remaining=remaining)


def _delete(tx: Transaction, found: list[Entry], remaining: int) -> Changed:
    outputs = tuple(path for entry in found for path in tx.remove(entry))
    return Changed(jobs=tuple(entry.job for entry in found), remaining=remaining, outputs=outputs)


def _refuse_held_keys(tx: Transaction, found: list[Entry]) -> None:
    taken: set[str] = set()
    for job in (entry.job for entry in found):
        if job.unique_key is None or job.state is State.FAILED:
            continue
        if job.unique_key in taken or tx.store.holder_of_key(job.unique_key) is not None:
            raise ConflictError(f"job {job.id!r}: the unique key {job.unique_key!r} is held by a live job")
        taken.add(job.unique_key)


def _retry(tx: Transaction, entry: Entry, _: Edit) -> Job:
    entry.due_at = entry.since = tx.now
    if entry.job.state is State.FAILED:
        job = tx.update(entry, next_retry_at=tx.now)
    else:
        job = tx.update(
            entry,
            state=State.PENDING,
            attempts=0,
            lost=0,
            cancel_requested=False,
            run_at=None,
            previous_delay=None,
            **NO_RUN,
        )
    tx.emit("job.requeued", job=job, queue=job.queue)
    return job


def _cancel(tx: Transaction, entry: Entry, _: Edit) -> Job:
    if entry.job.state is State.PROCESSING:
        return tx.update(entry, cancel_requested=True)
    job = tx.update(entry, state=State.CANCELLED, held=False, next_retry_at=None, finished_at=tx.now)
    tx.emit("job.cancelled", job=job, queue=job.queue)
    return job


def _edit(tx: Transaction, entry: Entry, edit: Edit) -> Job:
    given = {field.name: getattr(edit, field.name) for field in fields(Edit)}
    changes = {name: value for name, value in given.items() if value is not None}
    if edit.run_at is not None:
        entry.due_at, entry.since = edit.run_at, None
        if entry.job.state is State.FAILED:
            changes["next_retry_at"] = edit.run_at
    return tx.update(entry, **changes)


def _hold(tx: Transaction, entry: Entry, _: Edit) -> Job:
    return tx.update(entry, held=True)


def _release(tx: Transaction, entry: Entry, _: Edit) -> Job:
    return tx.update(entry, held=False)


_ACTIONS: dict[Action, Callable[[Transaction, Entry, Edit], Job]] = {
    Action.RETRY: _retry,
    Action.CANCEL: _cancel,
    Action.EDIT: _edit,
    Action.HOLD: _hold,
    Action.RELEASE: _release,
}
