"""Storing jobs that were accepted, in spite of ids that happen to be taken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, overload

from queuectl.engine.identity import LENGTH, new_ids
from queuectl.engine.intake import Accepted
from queuectl.errors import ConflictError
from queuectl.model.job import Job, NewJob

if TYPE_CHECKING:  # the seam names all that workers need: to import it takes longer than to store a job
    from queuectl.model.storage import Storage

_ID = rf"[0-9a-z]{{{LENGTH}}}"

_TRIES = 5
"""How often it is tried: to have to try twice is rare enough."""


class Stored(Sequence[Job]):
    """Jobs as they were stored, in order. A storage may make each when it is asked for.

    `new` holds what was asked for in their places, for those who can do without the jobs: to make many of them takes
    as long as to store them.
    """

    def __init__(self, jobs: Sequence[Job], new: Sequence[NewJob]) -> None:
        self.new = new
        self._jobs = jobs

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs."""
        return [job.id for job in self.new]

    def __len__(self) -> int:
        """Return how many were stored."""
        return len(self.new)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | Sequence[Job]:
        """Return one job, or some."""
        return self._jobs[index]

    def __iter__(self) -> Iterator[Job]:
        """Make one after the other."""
        return iter(self._jobs)


def store(
    storage: Storage, accepted: Accepted, *, skip_existing: bool = False, connection: object | None = None
) -> Stored:
    """Store jobs, all or none; an id that nobody chose and that another process had made as well is replaced.

    Raises ConflictError for an id that somebody chose, unless those are passed over.
    """
    jobs, chosen = accepted
    tries = 0
    while True:
        try:
            stored = storage.enqueue(jobs, skip_existing=skip_existing, connection=connection)
        except ConflictError as error:
            taken = set(re.findall(_ID, error.message)).difference(chosen)
            tries += 1
            if tries == _TRIES or taken.isdisjoint(job.id for job in jobs):
                raise
            jobs = _renamed(jobs, taken)
        else:
            return _told(storage, stored, jobs, chosen, connection)


def _told(
    storage: Storage,
    stored: Sequence[Job],
    jobs: Sequence[NewJob],
    chosen: frozenset[str],
    connection: object | None,
) -> Stored:
    """Return what was stored, and store what was passed over though nobody chose its id: it is another job."""
    if len(stored) == len(jobs):
        return Stored(stored, jobs)
    of_id = {job.id: job for job in reversed(jobs)}  # of several with one id the first was stored
    there = [of_id.pop(job.id) for job in stored]
    lost = [job for id, job in of_id.items() if id not in chosen]
    if not lost:
        return Stored(stored, there)
    again = store(storage, Accepted(_renamed(lost, {job.id for job in lost}), chosen), connection=connection)
    return Stored([*stored, *again], [*there, *again.new])


def _renamed(jobs: Sequence[NewJob], taken: set[str]) -> list[NewJob]:
    ids = iter(new_ids(len(taken)))
    return [replace(job, id=next(ids)) if job.id in taken else job for job in jobs]
