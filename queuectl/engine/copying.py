"""Copying: all jobs of a store, with their ids and attempts, into another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from queuectl.engine.queue import Queue
from queuectl.errors import ConflictError, UsageError
from queuectl.model.attempt import Output
from queuectl.model.job import State
from queuectl.model.query import Query
from queuectl.model.storage import Storage
from queuectl.model.transfer import AdoptingStorage, Moved

AT_ONCE = 100
"""How many jobs are handed over in one transaction, each with up to 64 KiB of output for every attempt."""

PROCESSING = Query(states=frozenset({State.PROCESSING}))


@dataclass(frozen=True, slots=True)
class Copied:
    """How many jobs were copied, and how many had been before."""

    jobs: int
    there: int


def copy(source: Queue, target: Queue, *, progress: Callable[[int], None] = lambda _: None) -> Copied:
    """Copy the settings of queues, then all jobs in enqueue order; called again it goes on where it was interrupted.

    Nobody may work on the source meanwhile, else a job would run from both stores. Raises ConflictError when somebody
    does, UsageError when the target is no other store, or one that takes no jobs.
    """
    taker = target.storage
    if not isinstance(taker, AdoptingStorage):
        raise UsageError("that storage takes over no jobs of another one", hint="the built-in ones do")
    _refuse_the_same(source, target)
    _refuse_work(source)
    _copy_settings(source, target)
    ids = [job.id for job in source.iterate()]
    ids.reverse()
    copied = 0
    for begin in range(0, len(ids), AT_ONCE):
        moved = [_moved(source.storage, id) for id in ids[begin : begin + AT_ONCE]]
        copied += taker.adopt([each for each in moved if each is not None])
        progress(len(moved))
    _refuse_work(source)
    return Copied(copied, len(ids) - copied)


def _refuse_the_same(source: Queue, target: Queue) -> None:
    places = [queue.status()["store"] for queue in (source, target)]
    if places[0] == places[1]:
        raise UsageError(f"{places[0]} is the store to be copied itself", hint="name a configuration of another store")


def _refuse_work(source: Queue) -> None:
    if source.workers():
        raise ConflictError(
            "workers run on the store to be copied: a job could run twice", hint="queuectl worker stop, then copy again"
        )
    running = source.page(PROCESSING, None, 1).jobs
    if running:
        raise ConflictError(
            f"job {running[0].id!r} is still processing, by a worker that is gone",
            hint="queuectl worker start --drain takes it over; then copy again",
        )


def _copy_settings(source: Queue, target: Queue) -> None:
    for queue in source.queues():
        if queue.paused or queue.limit is not None or queue.key_limit is not None:
            target.set_queue(queue.name, paused=queue.paused, limit=queue.limit, key_limit=queue.key_limit)


def _moved(storage: Storage, id: str) -> Moved | None:
    job = storage.get(id)
    if job is None:  # deleted meanwhile
        return None
    attempts = storage.attempts(id)
    return Moved(job=job, attempts=tuple((each, storage.output(id, each.number) or Output()) for each in attempts))
