"""Jobs right after they were stored, for storages to return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from queuectl.model.job import Job, NewJob, State


class FreshJobs(Sequence[Job]):
    """Jobs as they were stored at `now`, each made when it is asked for: many take longer to make than to store."""

    def __init__(self, new: Sequence[NewJob], now: float) -> None:
        self._new = new
        self._now = now

    def __len__(self) -> int:
        """Return how many were stored."""
        return len(self._new)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | Sequence[Job]:
        """Return one job, or some."""
        if isinstance(index, slice):
            return FreshJobs(self._new[index], self._now)
        return _job(self._new[index], self._now)

    def __iter__(self) -> Iterator[Job]:
        """Make one after the other."""
        now = self._now
        return (_job(new, now) for new in self._new)

    def __repr__(self) -> str:
        """Show them as a list."""
        return repr(list(self))


def _job(new: NewJob, now: float) -> Job:
    """Return a new job as it reads right after it was stored."""
    return Job(
        id=new.id,
        command=new.command,
        state=State.PENDING,
        queue=new.queue,
        priority=new.priority,
        attempts=0,
        max_retries=new.max_retries,
        created_at=now,
        updated_at=now,
        run_at=new.first_run(now),
        timeout=new.timeout,
        cwd=new.cwd,
        env=new.env,
        tags=new.tags,
        backoff=new.backoff,
        options=new.options,
        unique_key=new.unique_key,
        limit_key=new.limit_key,
        schedule=new.schedule,
        fire_at=new.fire_at,
    )
