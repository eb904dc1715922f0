"""Storing new jobs, all or none."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import fields

from queuectl.errors import ConflictError
from queuectl.model.job import Job, NewJob, State
from queuectl.testing.memory.store import MemoryStore, Transaction

_KEPT = frozenset(field.name for field in fields(NewJob)) - {"delay", "run_at"}


def enqueue(tx: Transaction, jobs: Sequence[NewJob], *, skip_existing: bool) -> list[Job]:
    """Store jobs, or those of them that nothing speaks against; raise ConflictError before anything is stored."""
    claims = _Names(tx.store)
    fresh = []
    for new in jobs:
        objection = claims.objection(new)
        if objection and not skip_existing:
            raise ConflictError(objection, hint="choose another id, or pass over what is stored with --skip-existing")
        if not objection:
            claims.take(new)
            fresh.append(new)
    return [_store(tx, new) for new in fresh]


class _Names:
    """The names that a job may have to itself: those in the store, and those of this batch."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._ids: set[str] = set()
        self._keys: set[str] = set()
        self._fires: set[tuple[str | None, float | None]] = set()

    def objection(self, new: NewJob) -> str | None:
        """Say why a job may not be stored."""
        if new.id in self._ids:
            return f"job {new.id!r} stands twice in what is to be stored"
        if new.id in self._store.entries:
            return f"job {new.id!r} is stored already"
        if new.unique_key is not None and self._is_held(new.unique_key):
            return f"job {new.id!r}: the unique key {new.unique_key!r} is held by a live job"
        if new.schedule is not None and (new.schedule, new.fire_at) in self._fires | self._store.fires:
            return f"job {new.id!r}: the schedule {new.schedule!r} has fired for {new.fire_at} already"
        return None

    def take(self, new: NewJob) -> None:
        """Count a job as stored."""
        self._ids.add(new.id)
        if new.unique_key is not None:
            self._keys.add(new.unique_key)
        self._fires.add((new.schedule, new.fire_at))

    def _is_held(self, key: str) -> bool:
        return key in self._keys or self._store.holder_of_key(key) is not None


def _store(tx: Transaction, new: NewJob) -> Job:
    run_at = new.first_run(tx.now)
    job = Job(
        **{name: copy.deepcopy(getattr(new, name)) for name in _KEPT},
        state=State.PENDING,
        attempts=0,
        created_at=tx.now,
        updated_at=tx.now,
        run_at=run_at,
    )
    tx.add(job, due_at=tx.now if run_at is None else run_at, since=tx.now if new.run_at is None else None)
    if new.schedule is not None:
        tx.store.fires.add((new.schedule, new.fire_at))
    tx.emit("job.enqueued", job=job, queue=job.queue)
    return job
