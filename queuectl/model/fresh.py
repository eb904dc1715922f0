"""Jobs right after they were stored, for storages to return."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, overload

from queuectl.model.job import Job, NewJob, State


class FreshJobs(Sequence[Job]):
    """Jobs as they were stored at `now`, each made when it is asked for: many take longer to make than to store."""

    def __init__(self, new: Sequence[NewJob], now: float) -> None:
        self._new = new
        self._now = now
        self._made: list[Job] | None = None

    def make(self) -> None:
        """Make all of them now: for a storage that has nothing else to do while they are being stored."""
        self._made = list(_jobs(self._new, self._now))

    def __len__(self) -> int:
        """Return how many were stored."""
        return len(self._new)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | Sequence[Job]:
        """Return one job, or some."""
        if self._made is not None:
            return self._made[index]
        if isinstance(index, slice):
            return FreshJobs(self._new[index], self._now)
        return next(_jobs([self._new[index]], self._now))

    def __iter__(self) -> Iterator[Job]:
        """Make one after the other."""
        return _jobs(self._new, self._now) if self._made is None else iter(self._made)

    def __repr__(self) -> str:
        """Show them as a list."""
        return repr(list(self))


def _jobs(many: Iterable[NewJob], now: float) -> Iterator[Job]:
    """Make jobs as they read right after they were stored.

    Each field of a blank one is set by itself: the constructor of what is frozen takes three times as long.
    """
    blank = Job(
        id="",
        command="",
        state=State.PENDING,
        queue="",
        priority=0,
        attempts=0,
        max_retries=0,
        created_at=now,
        updated_at=now,
    )
    same = [(_SET[name], getattr(blank, name)) for name in _SET.keys() - _ASKED_FOR - {"run_at"}]
    own = [(_SET[name], name) for name in _ASKED_FOR]
    set_run_at = _SET["run_at"]
    for new in many:
        job: Job = object.__new__(Job)
        for put, value in same:
            put(job, value)
        for put, name in own:
            put(job, getattr(new, name))
        set_run_at(job, new.first_run(now))
        yield job


_SET: Mapping[str, Callable[[Job, Any], None]] = {each.name: Job.__dict__[each.name].__set__ for each in fields(Job)}

_ASKED_FOR = _SET.keys() & {each.name for each in fields(NewJob)} - {"run_at"}
