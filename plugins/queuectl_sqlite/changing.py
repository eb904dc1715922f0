"""Changing: what a person may do to jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from queuectl import ALLOWED, Action, Changed, ConflictError, Edit, Job, Query, State, UsageError
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import CANCELLED, CODE_OF_STATE, FAILED, HELD, PENDING, PROCESSING, READY
from queuectl_sqlite.editing import edit_job
from queuectl_sqlite.rows import LIMIT_KEY, PHASE, QUEUE, SEQ, STATE, job_of
from queuectl_sqlite.selecting import Lane, count, finished_lanes, lanes, matching
from queuectl_sqlite.transaction import Transaction, Wake

COUNTED_AHEAD = 10_000
"""How many of the jobs that remain after a batch are counted."""

_STILL_TO_CHANGE: dict[Action, dict[int, str]] = {
    Action.RETRY: {FAILED: "job.at > :now"},
    Action.CANCEL: {PROCESSING: "job.cancel_requested = 0"},
    Action.HOLD: {PENDING: "job.phase <> 3", FAILED: "job.phase <> 3"},
    Action.RELEASE: {PENDING: "job.phase = 3", FAILED: "job.phase = 3"},
    Action.EDIT: {},
    Action.DELETE: {},
}
"""What a job of a state must be for a query to mean it: what was changed already must not come again and again."""


def change_named(
    tx: Transaction, action: Action, ids: Sequence[str], expected: int | None, edit: Edit | None
) -> Changed:
    """Change the jobs with these ids, all or none."""
    found = {id: tx.db.execute(sql.JOB_BY_ID, (id,)).get for id in dict.fromkeys(ids)}
    missing = tuple(id for id, row in found.items() if row is None)
    rows = [row for row in found.values() if row is not None]
    allowed = {CODE_OF_STATE[state] for state in ALLOWED[action]}
    refused = tuple(job_of(row) for row in rows if row[STATE] not in allowed)
    _expect(expected, len(rows))
    if missing or refused:
        return Changed(missing=missing, refused=refused)
    return _change(tx, action, rows, edit, remaining=0)


def change_matching(
    tx: Transaction, action: Action, query: Query, expected: int | None, limit: int, edit: Edit | None
) -> Changed:
    """Change at most `limit` of the jobs that match, oldest first, where the action is allowed and alters anything."""
    states = ALLOWED[action] if query.states is None else ALLOWED[action] & query.states
    found = lanes(tx.db, _with_states(query, states), tx.now, only=_STILL_TO_CHANGE[action])
    if expected is not None:
        _expect(expected, count(tx.db, found))
    rows = matching(tx.db, found, limit)
    return _change(tx, action, rows, edit, remaining=_remaining(tx, found, rows, limit))


def prune(tx: Transaction, query: Query, limit: int) -> Changed:
    """Delete the finished jobs that match, those first that finished first."""
    found = finished_lanes(tx.db, query, tx.now)
    rows = matching(tx.db, found, limit)
    return _delete(tx, rows, _remaining(tx, found, rows, limit))


def _remaining(tx: Transaction, found: Sequence[Lane], rows: Sequence[Any], limit: int) -> int:
    """Return how many more there are; of very many at least some: to count all for each batch would be quadratic."""
    if len(rows) < limit:
        return 0
    return count(tx.db, found, at_most=limit + COUNTED_AHEAD) - len(rows)


def _with_states(query: Query, states: frozenset[State]) -> Query:
    from dataclasses import replace

    return replace(query, states=states)


def _expect(expected: int | None, found: int) -> None:
    if expected is not None and expected != found:
        raise ConflictError(f"{found} jobs match, not {expected}", hint="look at them again, then repeat the command")


def _change(tx: Transaction, action: Action, rows: Sequence[Any], edit: Edit | None, remaining: int) -> Changed:
    if action is Action.DELETE:
        return _delete(tx, rows, remaining)
    if action is Action.EDIT and edit is None:
        raise UsageError("an edit needs the new values")
    if action is Action.RETRY:
        _refuse_held_keys(tx, rows)
    if rows:
        tx.concerns(Wake.ALL)
    jobs = tuple(_ACTIONS[action](tx, row, edit or Edit()) for row in rows)
    return Changed(jobs=jobs, remaining=remaining)


def _delete(tx: Transaction, rows: Sequence[Any], remaining: int) -> Changed:
    outputs: list[str] = []
    jobs = tuple(job_of(row) for row in rows)
    for row, job in zip(rows, jobs, strict=True):
        outputs += [path for paths in tx.db.execute(sql.OUTPUT_PATHS, (row[SEQ],)) for path in paths if path]
        tx.db.executemany(sql.REMOVE_TAGS, [(tag, row[SEQ]) for tag in job.tags])
        tx.left(row[QUEUE], row[STATE])
    for statement in sql.DELETE_JOB:
        tx.db.executemany(statement, [(row[SEQ],) for row in rows])
    if rows:
        tx.concerns(Wake.CLIENTS)
    return Changed(jobs=jobs, remaining=remaining, outputs=tuple(outputs))


def _refuse_held_keys(tx: Transaction, rows: Sequence[Any]) -> None:
    taken: set[str] = set()
    for job in (job_of(row) for row in rows if row[STATE] != FAILED):
        if job.unique_key is None:
            continue
        if job.unique_key in taken or tx.db.execute(sql.KEY_TAKEN, (job.unique_key,)).get:
            raise ConflictError(f"job {job.id!r}: the unique key {job.unique_key!r} is held by a live job")
        taken.add(job.unique_key)


def _retry(tx: Transaction, row: Any, _: Edit) -> Job:
    place = {"now": tx.now, "seq": row[SEQ]}
    if row[STATE] == FAILED:
        tx.db.execute(sql.RETRY_FAILED, place)
    else:
        tx.db.execute(sql.RETRY_ENDED, place)
        tx.db.execute(sql.SET_RUN_AT, (None, row[SEQ]))
        tx.left(row[QUEUE], row[STATE])
        tx.arrived(row[QUEUE], PENDING)
    job = tx.job(row[SEQ])
    tx.announce("job.requeued", job)
    return job


def _cancel(tx: Transaction, row: Any, _: Edit) -> Job:
    place = {"now": tx.now, "seq": row[SEQ]}
    if row[STATE] == PROCESSING:
        tx.db.execute(sql.REQUEST_CANCEL, place)
        return tx.job(row[SEQ])
    tx.db.execute(sql.CANCEL_WAITING, place)
    tx.left(row[QUEUE], row[STATE])
    tx.arrived(row[QUEUE], CANCELLED)
    _make_room(tx, row)
    job = tx.job(row[SEQ])
    tx.announce("job.cancelled", job)
    return job


def _edit(tx: Transaction, row: Any, edit: Edit) -> Job:
    edit_job(tx, row[SEQ], job_of(row), edit)
    if edit.run_at is not None:
        _make_room(tx, row)
    return tx.job(row[SEQ])


def _hold(tx: Transaction, row: Any, _: Edit) -> Job:
    tx.db.execute(sql.HOLD, {"now": tx.now, "seq": row[SEQ]})
    _make_room(tx, row)
    return tx.job(row[SEQ])


def _release(tx: Transaction, row: Any, _: Edit) -> Job:
    if row[PHASE] == HELD:
        tx.db.execute(sql.RELEASE, {"now": tx.now, "seq": row[SEQ]})
    return tx.job(row[SEQ])


def _make_room(tx: Transaction, row: Any) -> None:
    """Let another job of its limit key be looked at, where this one was ready and no longer is."""
    if row[PHASE] == READY:
        tx.unpark(row[QUEUE], row[LIMIT_KEY])


_ACTIONS: dict[Action, Callable[[Transaction, Any, Edit], Job]] = {
    Action.RETRY: _retry,
    Action.CANCEL: _cancel,
    Action.EDIT: _edit,
    Action.HOLD: _hold,
    Action.RELEASE: _release,
}
