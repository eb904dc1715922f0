"""When there is nothing left to drain."""

from __future__ import annotations

from collections.abc import Sequence

from queuectl.model.job import State
from queuectl.model.query import Query
from queuectl.model.storage import Storage

PAGE = 100


def is_drained(storage: Storage, queues: Sequence[str] | None) -> bool:
    """Whether nothing is processing in these queues, or all, and no failed job there will ever be due by itself.

    To be asked when nothing is due. What is held, or in a paused queue, does not count: somebody would have to release
    it first. Nor does what was enqueued for later.
    """
    counts = storage.counts()
    served = tuple(counts) if queues is None else queues
    if any(counts.get(queue, {}).get(State.PROCESSING) for queue in served):
        return False
    failed = {queue: number for queue in served if (number := counts.get(queue, {}).get(State.FAILED))}
    if not failed:
        return True
    paused = {queue.name for queue in storage.queues() if queue.paused}
    return all(queue in paused or _are_held(storage, queue, number) for queue, number in failed.items())


def _are_held(storage: Storage, queue: str, number: int) -> bool:
    """Whether all failed jobs of a queue are held, as many as were counted: one that is missing may run by now."""
    query = Query(states=frozenset({State.FAILED}), queue=queue)
    held = 0
    cursor = None
    while True:
        page = storage.list(query, cursor, PAGE)
        if not all(job.held for job in page.jobs):
            return False
        held += len(page.jobs)
        cursor = page.next_cursor
        if cursor is None:
            return held >= number
