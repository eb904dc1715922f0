"""What one store hands to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from queuectl.model.attempt import Attempt, Output
from queuectl.model.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A job with all that is kept of it: its attempts, oldest first, each with its output."""

    job: Job
    attempts: tuple[tuple[Attempt, Output], ...] = ()


@runtime_checkable
class AdoptingStorage(Protocol):
    """A storage that takes over jobs as they are in another one."""

    def adopt(self, moved: Sequence[Moved]) -> int:
        """Store jobs with their ids, states, times and attempts, in this order behind those that are stored.

        Those whose id is stored already are passed over, so that the same call may come twice; returns how many were
        not. None of them may be processing. It is no transition: no event tells of it. Leases start anew. Raises
        ConflictError when a live job holds the unique key of one of them.
        """
        ...
