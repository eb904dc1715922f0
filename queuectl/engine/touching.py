"""How many jobs an action on a query would change, told before it is done."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import islice

from queuectl.engine.queue import Queue
from queuectl.model.job import Job, State
from queuectl.model.query import ALLOWED, Action, Query

MOST = 10_000
"""How many jobs are looked at one by one."""

_DOUBTFUL = {
    Action.RETRY: frozenset({State.FAILED}),
    Action.CANCEL: frozenset({State.PROCESSING}),
    Action.HOLD: frozenset({State.PENDING, State.FAILED}),
    Action.RELEASE: frozenset({State.PENDING, State.FAILED}),
}
"""States in which a job may be already as the action would leave it: a query passes over such jobs."""


def touched(queue: Queue, action: Action, query: Query) -> int | None:
    """Return the number, from the kept counts where they tell; None when too many had to be looked at."""
    states = ALLOWED[action] if query.states is None else ALLOWED[action] & query.states
    doubtful = states & _DOUBTFUL.get(action, frozenset())
    certain = states - doubtful
    if query.text is not None or query.finished_before is not None:
        doubtful, certain = states, frozenset()
    kept = _number(queue, replace(query, states=certain)) if certain else 0
    if not doubtful:
        return kept
    now = time.time()
    looked_at = list(islice(queue.iterate(replace(query, states=doubtful)), MOST + 1))
    if len(looked_at) > MOST:
        return None
    return kept + sum(not _done(action, job, now) for job in looked_at)


def _number(queue: Queue, query: Query) -> int:
    """Return how many jobs match: as it is kept, or, by cause or tag, as the storage adds it up."""
    if query.grouped or query.tag is not None:
        return sum(group.count for group in queue.storage.groups(query))
    counts = (counts for name, counts in queue.counts().items() if query.queue in {None, name})
    return sum(each.get(state, 0) for each in counts for state in query.states or State)


def _done(action: Action, job: Job, now: float) -> bool:
    """Whether a job is already as the action would leave it."""
    match action:
        case Action.RETRY:
            return job.state is State.FAILED and job.next_retry_at is not None and job.next_retry_at <= now
        case Action.CANCEL:
            return job.cancel_requested
        case Action.HOLD:
            return job.held
        case Action.RELEASE:
            return not job.held
        case _:
            return False
