"""Storing jobs that were accepted, in spite of ids that happen to be taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from queuectl.engine.identity import LENGTH, new_ids
from queuectl.engine.intake import Accepted
from queuectl.errors import ConflictError
from queuectl.model.job import Job, NewJob

if TYPE_CHECKING:  # the seam names all that workers need: to import it takes longer than to store a job
    from queuectl.model.storage import Storage

_ID = re.compile(rf"[0-9a-z]{{{LENGTH}}}")

_TRIES = 5
"""How often ids are replaced: once is rare enough."""


def store(storage: Storage, accepted: Accepted, *, skip_existing: bool = False) -> Sequence[Job]:
    """Store jobs, all or none; an id that nobody chose and that another process had made as well is replaced.

    Raises ConflictError for an id that somebody chose, unless those are passed over.
    """
    jobs, chosen = accepted
    for _ in range(_TRIES):
        try:
            stored = storage.enqueue(jobs, skip_existing=skip_existing)
        except ConflictError as error:
            taken = set(_ID.findall(error.message)).difference(chosen)
            if taken.isdisjoint(job.id for job in jobs):
                raise
            jobs = _renamed(jobs, taken)
        else:
            return _with_lost(storage, stored, jobs, chosen) if len(stored) < len(jobs) else stored
    return storage.enqueue(jobs, skip_existing=skip_existing)


def _with_lost(
    storage: Storage, stored: Sequence[Job], jobs: Sequence[NewJob], chosen: frozenset[str]
) -> Sequence[Job]:
    """Store what was passed over though nobody chose its id: it is another job than the one that is stored."""
    there = {job.id for job in stored}
    lost = [job for job in jobs if job.id not in there and job.id not in chosen]
    if not lost:
        return stored
    return [*stored, *store(storage, Accepted(_renamed(lost, {job.id for job in lost}), chosen))]


def _renamed(jobs: Sequence[NewJob], taken: set[str]) -> list[NewJob]:
    ids = iter(new_ids(len(taken)))
    return [replace(job, id=next(ids)) if job.id in taken else job for job in jobs]
