"""Queues: what a person sets of them, and how many jobs they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import apsw

from queuectl import State
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import STATES
from queuectl_sqlite.enqueueing import queue_id
from queuectl_sqlite.transaction import Transaction, Wake

if TYPE_CHECKING:
    from queuectl import QueueState


def set_queue(
    tx: Transaction, name: str, *, paused: bool | None, limit: int | None, key_limit: int | None
) -> QueueState:
    """Pause, resume or bound a queue; None leaves as is, 0 lifts a limit."""
    number = queue_id(tx.db, name)
    _, _, was_paused, max_jobs, max_key = tx.db.execute(sql.QUEUE, (name,)).get
    tx.db.execute(
        sql.SET_QUEUE,
        (
            was_paused if paused is None else paused,
            max_jobs if limit is None else limit or None,
            max_key if key_limit is None else key_limit or None,
            number,
        ),
    )
    if key_limit is not None:
        tx.db.execute(sql.UNPARK_QUEUE, (number,))
    tx.concerns(Wake.ALL)
    return _state(tx.db, tx.db.execute(sql.QUEUE, (name,)).get)


def queues(db: apsw.Connection) -> list[QueueState]:
    """Return all queues that have or had jobs, or were set, by name."""
    return [_state(db, row) for row in db.execute(sql.QUEUES).fetchall()]


def counts(db: apsw.Connection) -> Mapping[str, Mapping[State, int]]:
    """Return how many jobs each queue has in each state."""
    found: dict[str, dict[State, int]] = {}
    for name, state, jobs in db.execute(sql.COUNTS):
        found.setdefault(name, {})[STATES[state]] = jobs
    return found


def _state(db: apsw.Connection, row: Any) -> QueueState:
    from queuectl import QueueState  # who only counts does not need it

    number, name, paused, max_jobs, max_key = row
    counted = dict.fromkeys(STATES, 0)
    for state, jobs in db.execute(sql.QUEUE_COUNTS, (number,)):
        counted[STATES[state]] = jobs
    return QueueState(name=name, paused=bool(paused), limit=max_jobs, key_limit=max_key, counts=counted)
