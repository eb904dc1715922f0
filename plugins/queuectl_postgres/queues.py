"""Queues: what a person sets of them, and how many jobs they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queuectl import QueueState, State
from queuectl_postgres import orders
from queuectl_postgres import statements as sql
from queuectl_postgres.codes import STATES
from queuectl_postgres.link import Link
from queuectl_postgres.transaction import Transaction, Wake


def set_queue(
    tx: Transaction, number: int, name: str, *, paused: bool | None, limit: int | None, key_limit: int | None
) -> QueueState:
    """Pause, resume or bound a queue; None leaves as is, 0 lifts a limit."""
    wanted = {"queue": number, "paused": paused, "limit": limit, "key_limit": key_limit}
    tx.link.run(orders.SET_QUEUE, wanted)
    if key_limit is not None:
        tx.link.run(sql.UNPARK_QUEUE, (number,))
    tx.concerns(Wake.ALL)
    (state,) = queues(tx.link, name)
    return state


def queues(link: Link, name: str | None = None) -> list[QueueState]:
    """Return all queues that have or had jobs, or were set, by name; or the one with this name."""
    return [_state(row) for row in link.rows(orders.QUEUES, {"name": name})]


def counts(link: Link) -> Mapping[str, Mapping[State, int]]:
    """Return how many jobs each queue has in each state."""
    found: dict[str, dict[State, int]] = {}
    for name, state, jobs in link.rows(orders.COUNTS):
        found.setdefault(name, {})[STATES[state]] = jobs
    return found


def _state(row: tuple[Any, ...]) -> QueueState:
    name, paused, max_jobs, max_key, jobs = row
    return QueueState(
        name=name, paused=paused, limit=max_jobs, key_limit=max_key, counts=dict(zip(STATES, jobs, strict=True))
    )
