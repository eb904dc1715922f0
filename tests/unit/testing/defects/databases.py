"""Storages with one defect each that only other processes can see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queuectl.model.job import Job, NewJob
from queuectl.model.lease import Ask, Exchange, Settlement
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


BROKEN = {AnswersEarly: "test_an_acknowledged_enqueue_outlives_its_process"}
"""Each with the one clause that it breaks."""
