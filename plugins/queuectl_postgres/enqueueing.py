"""Enqueueing: jobs are stored all or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from psycopg import errors

from queuectl import ConflictError, FreshJobs, Job, NewJob
from queuectl_postgres import statements as sql
from queuectl_postgres.arrays import array, arrays, columns_or_same
from queuectl_postgres.codes import DUE, PENDING, READY
from queuectl_postgres.link import Link
from queuectl_postgres.rows import command_columns, json_of
from queuectl_postgres.transaction import Transaction, Wake

AT_ONCE = 1000
"""How many jobs one statement stores: the server works on them while the next are made ready for it."""

MADE_AT_ONCE = 10_000
"""Of how many jobs that are stored all are made for the answer while the server works; of more each takes room until
somebody wants it."""

_TRIES = 5
"""How often a collision is looked into: what collided with us may be gone when we look."""


def enqueue(
    tx: Transaction, jobs: Sequence[NewJob], queues: Mapping[str, int], *, skip_existing: bool
) -> Sequence[Job]:
    """Store jobs and return them as stored; raise ConflictError, or pass over, those that something speaks against.

    `queues` are the numbers of all queues that the jobs name. Whether something speaks against a job is asked first
    only where that is likely; else the database says so, and then it is asked.
    """
    for _ in range(_TRIES):
        fresh = [new for new, objection in _objections(tx.link, jobs) if not objection] if skip_existing else jobs
        if not fresh:
            return []
        stored = FreshJobs(fresh, tx.now)
        try:
            with tx.link.savepoint_together():
                _store(tx, fresh, queues)
                if len(fresh) <= MADE_AT_ONCE:
                    stored.make()
        except errors.UniqueViolation as error:
            collision = error
            if not skip_existing:
                _refuse(tx.link, jobs)
        else:
            return _told(tx, stored, fresh, queues)
    raise collision


def _told(tx: Transaction, stored: Sequence[Job], fresh: Sequence[NewJob], queues: Mapping[str, int]) -> Sequence[Job]:
    for name, many in Counter(new.queue for new in fresh).items():
        tx.arrived(queues[name], PENDING, many)
    tx.concerns(Wake.ALL)
    if "job.enqueued" in tx.wanted:
        for job in stored:
            tx.announce("job.enqueued", job)
    return stored


def _store(tx: Transaction, jobs: Sequence[NewJob], queues: Mapping[str, int]) -> None:
    for begin in range(0, len(jobs), AT_ONCE):
        some = jobs[begin : begin + AT_ONCE]
        told = columns_or_same(_columns(some, queues, tx.now))
        tx.link.ask(sql.ADD_JOBS, {**told, "id": array([new.id for new in some]), "now": tx.now})


def _columns(jobs: Sequence[NewJob], queues: Mapping[str, int], now: float) -> dict[str, list[Any]]:
    """Return what is told of new jobs, by the names of NEW_JOB: column by column, which is sooner done than by rows."""
    run_at = [new.first_run(now) for new in jobs]
    at = [now if when is None else when for when in run_at]
    phase = [READY if when <= now else DUE for when in at]
    command, argv = zip(*[command_columns(new.command) for new in jobs], strict=True)
    return {
        "queue": [queues[new.queue] for new in jobs],
        "phase": phase,
        "at": at,
        "since": [
            now if what == DUE and new.delay is not None else None for what, new in zip(phase, jobs, strict=True)
        ],
        "command": [*command],
        "argv": [*argv],
        "run_at": run_at,
        **{name: [json_of(value) if value else None for value in map(attrgetter(name), jobs)] for name in _JSON},
        **{name: [*map(attrgetter(name), jobs)] for name in _AS_THEY_ARE},
    }


_JSON = "env", "tags", "backoff", "options"

_AS_THEY_ARE = "priority", "max_retries", "unique_key", "limit_key", "timeout", "cwd", "schedule", "fire_at"


def _refuse(link: Link, jobs: Sequence[NewJob]) -> None:
    for _, objection in _objections(link, jobs):
        if objection:
            raise ConflictError(objection, hint="choose another id, or pass over what is stored with --skip-existing")


def _objections(link: Link, jobs: Sequence[NewJob]) -> Iterator[tuple[NewJob, str | None]]:
    """Yield each job with what speaks against storing it, given those before it that nothing speaks against."""
    stored_names = _stored_names(link, jobs)
    taken: set[tuple[object, ...]] = set()
    for new in jobs:
        names = _names(new)
        objection = next((text for name, text in names if name in taken), None)
        if objection is None:
            clash = next(((name, text) for name, text in names if name in stored_names), None)
            if clash is not None:
                objection = f"job {new.id!r} is stored already" if clash[0][0] == "id" else clash[1]
        if objection is None:
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


def _stored_names(link: Link, jobs: Sequence[NewJob]) -> set[tuple[object, ...]]:
    """Return which of the names of these jobs are taken in the store."""
    ids = link.rows(sql.IDS_TAKEN, ([new.id for new in jobs],))
    names: set[tuple[object, ...]] = {("id", id) for (id,) in ids}
    keys = [new.unique_key for new in jobs if new.unique_key is not None]
    if keys:
        names |= {("key", key) for (key,) in link.rows(sql.KEYS_TAKEN, (keys,))}
    fires = [(new.schedule, new.fire_at) for new in jobs if new.schedule is not None]
    if fires:
        names |= {("firing", *row) for row in link.rows(sql.FIRED, arrays(fires))}
    return names
