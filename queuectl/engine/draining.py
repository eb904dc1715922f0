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
    failed = [queue for queue in served if counts.get(queue, {}).get(State.FAILED)]
    if not failed:
        return True
    paused = {queue.name for queue in storage.queues() if queue.paused}
    return not any(queue not in paused and _has_free(storage, queue) for queue in failed)


def _has_free(storage: Storage, queue: str) -> bool:
    """Whether a failed job of a queue is not held."""
    query = Query(states=frozenset({State.FAILED}), queue=queue)
    cursor = None
    while True:
        page = storage.list(query, cursor, PAGE)
        if not all(job.held for job in page.jobs):
            return True
        cursor = page.next_cursor
        if cursor is None:
            return False
