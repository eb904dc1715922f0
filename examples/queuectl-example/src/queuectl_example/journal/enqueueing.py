"""Storing new jobs, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from queuectl import LIVE, ConflictError, Job, NewJob, State

from queuectl_example.journal.store import Store
from queuectl_example.journal.transaction import Transaction

_KEPT = [field.name for field in fields(NewJob) if field.name not in {"delay", "run_at"}]


def enqueue(tx: Transaction, jobs: Sequence[NewJob], *, skip_existing: bool) -> list[Job]:
    """Store jobs, or those of them that nothing speaks against; raise ConflictError when none may be passed over.

    They are stored one after the other, so that the second of two with one id finds the first. Those that were stored
    before a refusal are gone with the transaction.
    """
    stored = []
    keys = {entry.job.unique_key for entry in tx.store.jobs.values() if entry.job.state in LIVE}
    for new in jobs:
        objection = _objection(tx.store, new, keys)
        if objection and not skip_existing:
            raise ConflictError(objection, hint="choose another id, or pass over what is stored with --skip-existing")
        if not objection:
            stored.append(_store(tx, new))
            keys.add(new.unique_key)
    return stored


def _objection(store: Store, new: NewJob, keys: set[str | None]) -> str | None:
    if new.id in store.jobs:
        return f"job {new.id!r} is stored already"
    if new.unique_key is not None and new.unique_key in keys:
        return f"job {new.id!r}: the unique key {new.unique_key!r} is held by a live job"
    if new.schedule is not None and _fire(new) in store.fires:
        return f"job {new.id!r}: the schedule {new.schedule!r} has fired for {new.fire_at} already"
    return None


def _store(tx: Transaction, new: NewJob) -> Job:
    run_at = new.run_at if new.delay is None else tx.now + new.delay
    job = Job(
        **{name: getattr(new, name) for name in _KEPT},
        state=State.PENDING,
        attempts=0,
        created_at=tx.now,
        updated_at=tx.now,
        run_at=run_at,
    )
    tx.add(job, due_at=tx.now if run_at is None else run_at, since=tx.now if new.run_at is None else None)
    if new.schedule is not None:
        tx.store.fires[_fire(new)] = True
    tx.emit("job.enqueued", job=job, queue=job.queue)
    return job


def _fire(new: NewJob) -> str:
    return f"{new.fire_at} {new.schedule}"
