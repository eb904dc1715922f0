"""Waiting for jobs to end."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, sleep

from queuectl.engine.changing import not_found
from queuectl.errors import NotFoundError, WaitTimeoutError
from queuectl.model.job import FINAL, Job
from queuectl.model.storage import Storage

SHORTEST = 0.005
LONGEST = 0.1
"""The pauses between two looks, in seconds: they grow from the one to the other, while jobs take their time."""

_SHARE = 10
"""Looking takes at most one part in this many of the time."""


def wait_for(storage: Storage, ids: Sequence[str], timeout: float | None) -> list[Job]:
    """Return the jobs, in the order of `ids`, once all of them are completed, dead or cancelled.

    Raises NotFoundError when one is not stored, or is deleted meanwhile before it was seen to end; WaitTimeoutError
    after `timeout` seconds, None to wait for ever.
    """
    deadline = None if timeout is None else monotonic() + timeout
    ended: dict[str, Job] = {}
    waiting: dict[str, Job | None] = dict.fromkeys(ids)
    pause = SHORTEST
    while True:
        begun = monotonic()
        _look(storage, waiting, ended)
        if not waiting:
            return [ended[id] for id in ids]
        now = monotonic()
        if deadline is not None and now >= deadline:
            raise _too_late(waiting, timeout)
        pause = max(pause, (now - begun) * _SHARE)
        sleep(pause if deadline is None else min(pause, deadline - now))
        pause = min(pause * 1.25, LONGEST)


def _look(storage: Storage, waiting: dict[str, Job | None], ended: dict[str, Job]) -> None:
    gone = []
    for id, known in list(waiting.items()):
        job = storage.get(id)
        if job is None and known is None:
            gone.append(id)
        elif job is None:
            raise NotFoundError(f"job {id!r} was deleted while it was waited for")
        elif job.state in FINAL:
            ended[id] = job
            del waiting[id]
        else:
            waiting[id] = job
    if gone:
        raise not_found(storage, gone)


def _too_late(waiting: dict[str, Job | None], timeout: float | None) -> WaitTimeoutError:
    first, *rest = [f"job {id!r} is {job.state.value}" for id, job in waiting.items() if job is not None]
    return WaitTimeoutError(f"{first} after {timeout:g} s", details=rest)
