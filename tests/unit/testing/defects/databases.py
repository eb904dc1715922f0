"""Storages with one defect each that only other processes can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from queuectl.model.job import Job, NewJob
from queuectl.model.lease import Ask, Exchange, Lease, Settlement
from queuectl_sqlite.storage import SqliteStorage


class AnswersEarly(SqliteStorage):
    """Collects single jobs, and writes seven at a time."""

    _collected: tuple[NewJob, ...] = ()

    def enqueue(self, jobs: Sequence[NewJob], **options: Any) -> Sequence[Job]:
        """Answer before the job is written."""
        if len(jobs) != 1:
            return super().enqueue(jobs, **options)
        self._collected = (*self._collected, *jobs)
        if len(self._collected) == 7:
            self._write()
        return []

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Write before anything is claimed."""
        self._write()
        return super().exchange(worker, settlements, ask)

    def close(self) -> None:
        """Write what is left."""
        self._write()
        super().close()

    def _write(self) -> None:
        jobs, self._collected = self._collected, ()
        super().enqueue(jobs)


class FencesByMemory(SqliteStorage):
    """Knows what it has claimed, and takes it for its own until it has settled it."""

    def exchange(self, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
        """Settle under whatever lease a job has now."""
        return super().exchange(worker, [replace(each, lease=self._current(each.lease)) for each in settlements], ask)

    def _current(self, lease: Lease) -> Lease:
        job = self.get(lease.job)
        return lease if job is None or job.worker is None else Lease(job.id, job.lease, job.worker)


BROKEN = {
    AnswersEarly: "test_an_acknowledged_enqueue_outlives_its_process",
    FencesByMemory: "test_a_process_that_was_taken_over_settles_nothing",
}
"""Each with the one clause that it breaks."""
