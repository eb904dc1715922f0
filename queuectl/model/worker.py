"""A worker as the storage knows it: one incarnation of one process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a registered process does. Supervisors run no jobs and are not counted as workers."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


class StopMode(StrEnum):
    """How a worker is asked to stop."""

    FINISH = "finish"
    """No new claims; running jobs go on to their end."""
    FORCE = "force"
    """Running jobs are ended and given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorker:
    """What a process tells of itself when it registers.

    `id` is its incarnation: new at each start, never a host name. `lease` is how many seconds its leases hold
    without a beat. `queues` is None when it serves all. `started_at`-like times are the storage's to set.
    """

    id: str
    host: str
    pid: int
    role: Role = Role.WORKER
    supervisor: str | None = None
    queues: tuple[str, ...] | None = None
    concurrency: int = 1
    lease: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A registered process that has neither retired nor been taken over.

    `beat_at` is when it last proved to be alive to the storage; `expired` tells whether that is longer ago than its
    lease, by the storage's clock, or lies further ahead, since the clock was set back. A worker without leases does not
    beat. `running` holds the ids of the jobs that it has claimed.
    """

    id: str
    host: str
    pid: int
    role: Role
    supervisor: str | None
    queues: tuple[str, ...] | None
    concurrency: int
    lease: float
    started_at: float
    beat_at: float
    expired: bool
    stop: StopMode | None = None
    running: tuple[str, ...] = ()
