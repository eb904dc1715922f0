"""Enqueueing: jobs are stored all or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import apsw

from queuectl import ConflictError, FreshJobs, Job, NewJob
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import DUE, PENDING, READY
from queuectl_sqlite.rows import command_columns, json_of
from queuectl_sqlite.transaction import Transaction, Wake


def enqueue(tx: Transaction, jobs: Sequence[NewJob], *, skip_existing: bool) -> Sequence[Job]:
    """Store jobs and return them as stored; raise ConflictError, or pass over, those that something speaks against."""
    fresh = [new for new, objection in _objections(tx.db, jobs) if not objection] if skip_existing else jobs
    if not fresh:
        return []
    tx.db.execute("SAVEPOINT enqueue")
    try:
        _store(tx, fresh)
    except apsw.ConstraintError:
        tx.db.execute("ROLLBACK TO enqueue")
        _refuse(tx.db, jobs)
        raise
    finally:
        tx.db.execute("RELEASE enqueue")
    tx.concerns(Wake.ALL)
    result = FreshJobs(fresh, tx.now)
    if "job.enqueued" in tx.wanted:
        for job in result:
            tx.announce("job.enqueued", job)
    return result


def _store(tx: Transaction, jobs: Sequence[NewJob]) -> None:
    db, now = tx.db, tx.now
    queues = {name: queue_id(db, name) for name in dict.fromkeys(new.queue for new in jobs)}
    first = db.execute(sql.NEXT_SEQS, (len(jobs),)).get - len(jobs) + 1
    db.executemany(sql.ADD_JOB, (_job_row(seq, new, queues[new.queue], now) for seq, new in enumerate(jobs, first)))
    db.executemany(sql.ADD_SPEC, (_spec_row(seq, new, now) for seq, new in enumerate(jobs, first)))
    db.executemany(sql.ADD_TAG, ((tag, seq) for seq, new in enumerate(jobs, first) for tag in new.tags))
    db.executemany(sql.ADD_FIRING, ((new.schedule, new.fire_at) for new in jobs if new.schedule is not None))
    for name, many in Counter(new.queue for new in jobs).items():
        tx.arrived(queues[name], PENDING, many)


def queue_id(db: apsw.Connection, name: str) -> int:
    """Return the number of a queue, a new one for a new name."""
    found: int | None = db.execute(sql.QUEUE_ID, (name,)).get
    if found is None:
        found = db.execute(sql.ADD_QUEUE, (name,)).get
        assert found is not None
    return found


def _job_row(seq: int, new: NewJob, queue: int, now: float) -> tuple[object, ...]:
    run_at = new.first_run(now)
    at = now if run_at is None else run_at
    phase = READY if at <= now else DUE
    since = now if phase == DUE and new.delay is not None else None
    return seq, queue, new.priority, phase, at, since, now, now, new.max_retries, new.unique_key, new.limit_key


def _spec_row(seq: int, new: NewJob, now: float) -> tuple[object, ...]:
    return (
        seq, new.id, *command_columns(new.command), new.first_run(now), new.timeout, new.cwd, json_of(new.env),
        json_of(new.tags), json_of(new.backoff), json_of(new.options), new.schedule, new.fire_at,
    )  # fmt: skip


def _refuse(db: apsw.Connection, jobs: Sequence[NewJob]) -> None:
    for _, objection in _objections(db, jobs):
        if objection:
            raise ConflictError(objection, hint="choose another id, or pass over what is stored with --skip-existing")


def _objections(db: apsw.Connection, jobs: Sequence[NewJob]) -> Iterator[tuple[NewJob, str | None]]:
    """Yield each job with what speaks against storing it, given those before it that nothing speaks against."""
    taken: set[tuple[object, ...]] = set()
    for new in jobs:
        names = _names(new)
        objection = next((text for name, text in names if name in taken), None) or _stored_objection(db, new, names)
        if not objection:
            taken.update(name for name, _ in names)
        yield new, objection


def _names(new: NewJob) -> list[tuple[tuple[object, ...], str]]:
    """Return what a job must have to itself, each with what to say when another has it."""
    names: list[tuple[tuple[object, ...], str]] = [
        (("id", new.id), f"job {new.id!r} stands twice in what is to be stored")
    ]
    if new.unique_key is not None:
        held = f"job {new.id!r}: the unique key {new.unique_key!r} is held by a live job"
        names.append((("key", new.unique_key), held))
    if new.schedule is not None:
        fired = f"job {new.id!r}: the schedule {new.schedule!r} has fired for {new.fire_at} already"
        names.append((("firing", new.schedule, new.fire_at), fired))
    return names


_TAKEN = {"id": sql.ID_TAKEN, "key": sql.KEY_TAKEN, "firing": sql.FIRED}


def _stored_objection(db: apsw.Connection, new: NewJob, names: list[tuple[tuple[object, ...], str]]) -> str | None:
    for (kind, *values), text in names:
        if db.execute(_TAKEN[str(kind)], values).get:
            return f"job {new.id!r} is stored already" if kind == "id" else text
    return None
