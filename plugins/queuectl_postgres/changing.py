"""Changing: what a person may do to jobs, many of them in a few statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from queuectl import ALLOWED, Action, Changed, ConflictError, Edit, Job, Query, State, UsageError
from queuectl_postgres import orders, partitions
from queuectl_postgres import statements as sql
from queuectl_postgres.codes import CANCELLED, CODE_OF_STATE, FAILED, HELD, PARKED, PENDING, PROCESSING, READY
from queuectl_postgres.editing import edit_jobs
from queuectl_postgres.rows import AT, CANCEL_REQUESTED, ID, LIMIT_KEY, PHASE, QUEUE, SEQ, STATE, Row, job_of
from queuectl_postgres.selecting import Selection, count, finished, matching, selection
from queuectl_postgres.settling import ENDED_IS_KEPT
from queuectl_postgres.transaction import Transaction, Wake

COUNTED_AHEAD = 10_000
"""How many of the jobs that remain after a batch are counted."""

_STILL_TO_CHANGE: dict[Action, dict[int, str]] = {
    Action.RETRY: {FAILED: "job.at > %(now)s"},
    Action.CANCEL: {PROCESSING: "NOT job.cancel_requested"},
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
    names = list(dict.fromkeys(ids))
    found = {row[ID]: row for row in tx.link.rows(orders.JOBS_BY_ID, (names,))}
    missing = tuple(id for id in names if id not in found)
    rows = [found[id] for id in names if id in found]
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
    found = selection(tx.link, _with_states(query, states), tx.now, only=_STILL_TO_CHANGE[action])
    if expected is not None:
        _expect(expected, count(tx.link, found))
    rows = matching(tx.link, found, limit)
    remaining = _remaining(tx, found, rows, limit)
    codes = {CODE_OF_STATE[state] for state in states}
    held = [row for row in _held(tx, rows) if row[STATE] in codes and _is_to_change(action, row, tx.now)]
    return _change(tx, action, held, edit, remaining)


def prune(tx: Transaction, query: Query, limit: int) -> Changed:
    """Delete the finished jobs that match, those first that finished first."""
    tx.link.run(sql.FORGET_ENDED, (tx.now - ENDED_IS_KEPT,))
    found = finished(query, tx.now)
    rows = matching(tx.link, found, limit)
    remaining = _remaining(tx, found, rows, limit)
    codes = {CODE_OF_STATE[state] for state in ALLOWED[Action.DELETE]}
    held = {row[SEQ]: row for row in _held(tx, rows) if row[STATE] in codes}
    return _delete(tx, [held[row[SEQ]] for row in rows if row[SEQ] in held], remaining, runs_of=partitions.leave)


def _held(tx: Transaction, rows: Sequence[Row]) -> list[Row]:
    """Lock jobs, and return them as they are now: somebody may have been faster."""
    return tx.link.rows(orders.JOBS_HELD, ([row[SEQ] for row in rows],)) if rows else []


def _is_to_change(action: Action, row: Row, now: float) -> bool:
    """Return what `_STILL_TO_CHANGE` says of a row."""
    state = row[STATE]
    match action:
        case Action.RETRY:
            return state != FAILED or bool(row[AT] > now)
        case Action.CANCEL:
            return state != PROCESSING or not row[CANCEL_REQUESTED]
        case Action.HOLD:
            return bool(row[PHASE] != HELD)
        case Action.RELEASE:
            return bool(row[PHASE] == HELD)
        case _:
            return True


def _remaining(tx: Transaction, found: Selection, rows: Sequence[Row], limit: int) -> int:
    """Return how many more there are; of very many at least some: to count all for each batch would be quadratic."""
    if len(rows) < limit:
        return 0
    return count(tx.link, found, at_most=limit + COUNTED_AHEAD) - len(rows)


def _with_states(query: Query, states: frozenset[State]) -> Query:
    from dataclasses import replace

    return replace(query, states=states)


def _expect(expected: int | None, found: int) -> None:
    if expected is not None and expected != found:
        raise ConflictError(f"{found} jobs match, not {expected}", hint="look at them again, then repeat the command")


def _change(tx: Transaction, action: Action, rows: Sequence[Row], edit: Edit | None, remaining: int) -> Changed:
    if action is Action.DELETE:
        return _delete(tx, rows, remaining)
    if action is Action.EDIT and edit is None:
        raise UsageError("an edit needs the new values")
    if not rows:
        return Changed(remaining=remaining)
    tx.concerns(Wake.ALL)
    return Changed(jobs=tuple(_ACTIONS[action](tx, rows, edit or Edit())), remaining=remaining)


def _all(_: Transaction, seqs: Sequence[int]) -> Sequence[int]:
    return seqs


def _delete(
    tx: Transaction,
    rows: Sequence[Row],
    remaining: int,
    *,
    runs_of: Callable[[Transaction, Sequence[int]], Sequence[int]] = _all,
) -> Changed:
    """Delete jobs; of which of them the attempts and outputs are deleted now is told by `runs_of`."""
    jobs = tuple(job_of(row) for row in rows)
    if not rows:
        return Changed(remaining=remaining)
    place = _place(tx, rows)
    outputs = [path for paths in tx.link.rows(orders.OUTPUT_PATHS, (place["seqs"],)) for path in paths if path]
    tags = [(tag, row[SEQ]) for row, job in zip(rows, jobs, strict=True) for tag in job.tags]
    if tags:
        tx.link.run(orders.REMOVE_TAGS, [list(column) for column in zip(*tags, strict=True)])
    runs = runs_of(tx, place["seqs"])
    for statement in orders.DELETE_RUNS if runs else ():
        tx.link.run(statement, {"seqs": runs})
    for statement in orders.DELETE_JOBS:
        tx.link.run(statement, place)
    for row in rows:
        tx.left(row[QUEUE], row[STATE])
    tx.concerns(Wake.CLIENTS)
    return Changed(jobs=jobs, remaining=remaining, outputs=tuple(outputs))


def _place(tx: Transaction, rows: Sequence[Row]) -> dict[str, Any]:
    return {"now": tx.now, "seqs": [row[SEQ] for row in rows]}


def _now(tx: Transaction, rows: Sequence[Row], event: str | None = None) -> list[Job]:
    """Return jobs as they are after the change, and tell of each."""
    jobs = tx.jobs_at([row[SEQ] for row in rows])
    changed = [jobs[row[SEQ]] for row in rows]
    if event is not None:
        for job in changed:
            tx.announce(event, job)
    return changed


def _refuse_held_keys(tx: Transaction, rows: Sequence[Row]) -> None:
    jobs = [job_of(row) for row in rows if row[STATE] != FAILED]
    keys = [job.unique_key for job in jobs if job.unique_key is not None]
    taken = {key for (key,) in tx.link.rows(sql.KEYS_TAKEN, (keys,))} if keys else set()
    for job in jobs:
        if job.unique_key is None:
            continue
        if job.unique_key in taken:
            raise ConflictError(f"job {job.id!r}: the unique key {job.unique_key!r} is held by a live job")
        taken.add(job.unique_key)


def _retry(tx: Transaction, rows: Sequence[Row], _: Edit) -> list[Job]:
    _refuse_held_keys(tx, rows)
    failed = [row for row in rows if row[STATE] == FAILED]
    ended = [row for row in rows if row[STATE] != FAILED]
    if failed:
        tx.link.run(orders.RETRY_FAILED, _place(tx, failed))
    if ended:
        tx.link.run(orders.RETRY_ENDED, _place(tx, ended))
        tx.link.run(orders.CLEAR_RUN_AT, _place(tx, ended))
    for row in ended:
        tx.left(row[QUEUE], row[STATE])
        tx.arrived(row[QUEUE], PENDING)
    return _now(tx, rows, "job.requeued")


def _cancel(tx: Transaction, rows: Sequence[Row], _: Edit) -> list[Job]:
    running = [row for row in rows if row[STATE] == PROCESSING]
    waiting = [row for row in rows if row[STATE] != PROCESSING]
    if running:
        tx.link.run(orders.REQUEST_CANCEL, _place(tx, running))
    if waiting:
        tx.link.run(orders.CANCEL_WAITING, _place(tx, waiting))
    for row in waiting:
        tx.left(row[QUEUE], row[STATE])
        tx.arrived(row[QUEUE], CANCELLED)
    _make_room(tx, waiting)
    _now(tx, waiting, "job.cancelled")
    return _now(tx, rows)


def _edit(tx: Transaction, rows: Sequence[Row], edit: Edit) -> list[Job]:
    edit_jobs(tx, [row[SEQ] for row in rows], [job_of(row) for row in rows], edit)
    _make_room(tx, rows)
    return _now(tx, rows)


def _hold(tx: Transaction, rows: Sequence[Row], _: Edit) -> list[Job]:
    tx.link.run(orders.HOLD, _place(tx, rows))
    _make_room(tx, rows)
    return _now(tx, rows)


def _release(tx: Transaction, rows: Sequence[Row], _: Edit) -> list[Job]:
    tx.link.run(orders.RELEASE, _place(tx, rows))
    return _now(tx, rows)


def _make_room(tx: Transaction, rows: Sequence[Row]) -> None:
    """Let another job of each limit key be looked at, where one was ready and no longer is.

    Also where one was put aside: while it is locked here, who would have made it ready passed it over.
    """
    tx.unpark({(row[QUEUE], row[LIMIT_KEY]) for row in rows if row[LIMIT_KEY] and row[PHASE] in {READY, PARKED}})


_ACTIONS: dict[Action, Callable[[Transaction, Sequence[Row], Edit], list[Job]]] = {
    Action.RETRY: _retry,
    Action.CANCEL: _cancel,
    Action.EDIT: _edit,
    Action.HOLD: _hold,
    Action.RELEASE: _release,
}
