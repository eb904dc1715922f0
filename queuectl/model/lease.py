"""Leases, claims and settlements: who may run a job now, and how a run is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from queuectl.model.attempt import Run
from queuectl.model.job import Job
from queuectl.model.worker import StopMode


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one incarnation to run one job now.

    `token` is a counter of the whole store that grows with every claim and take-over and is never reset, so that no two
    leases ever share one; between different jobs a higher token means nothing. Every write of a worker is accepted only
    while its lease is the job's current one.
    """

    job: str
    token: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job with the lease to run it.

    `number` is what the next started run counts as. After a take-over, `origin` is the lease under which the job was
    claimed to run: the ledger of `origin.worker` tells how far it came, however often it was taken over since.
    `recorded` and `handle` are what `Storage.record` was told under that lease.
    """

    job: Job
    lease: Lease
    number: int
    origin: Lease
    recorded: bool = False
    handle: str | None = None


class Verdict(StrEnum):
    """What a settlement makes of the job. The core decides it; the storage applies it."""

    COMPLETED = "completed"
    """Done: state completed."""
    FAILED = "failed"
    """State failed; claimable again after `delay`."""
    DEAD = "dead"
    """State dead: in the dead letter queue."""
    CANCELLED = "cancelled"
    """State cancelled."""
    RELEASED = "released"
    """Given back: claimable again after `delay`; state failed if it has charged attempts, else pending."""
    LOST = "lost"
    """Its worker did not survive the run: state pending, claimable after `delay`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a claim ends, accepted only under its lease.

    `run` is None for a claim that never started: then no attempt is recorded and nothing counted. Otherwise the storage
    appends the attempt, sets the job's `runs` to `run.number`, takes exit code, signal and error from its outcome (an
    `error` here wins), and counts `lost` when its result is lost. `charge` adds one to `attempts`. `delay` (seconds,
    for FAILED, RELEASED and LOST) counts on the storage's clock, and from anew, at the next exchange that asks, when
    that is set back. The job shows its end in `next_retry_at` where it becomes failed, else, when there is a delay, in
    `run_at`. FAILED alone sets `previous_delay`. A FAILED, RELEASED or LOST settlement of a job whose cancel was
    requested meanwhile makes it CANCELLED; COMPLETED and DEAD stand.
    """

    lease: Lease
    verdict: Verdict
    run: Run | None = None
    charge: bool = False
    delay: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How many claims a worker wants, and of which queues (None: of all)."""

    limit: int
    queues: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What one exchange brought.

    `accepted` holds the tokens of the settlements that were written; the others had lost their lease. `claims` are in
    claim order: higher priority first, then enqueue order; a job that was put back stands where it was enqueued. They
    may be fewer than asked though more are due, where another session is just claiming those: `next_due` is then 0.
    `cancelled` holds the leases of this worker, new ones included, whose job is to be cancelled. `next_due` is in how
    many seconds the next waiting job of the asked queues becomes claimable, None when nothing waits for a time (or when
    nothing was asked).
    """

    accepted: frozenset[int] = frozenset()
    claims: tuple[Claim, ...] = ()
    cancelled: frozenset[Lease] = frozenset()
    next_due: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What the storage answers to a worker's beat.

    `alive` is False once the worker was taken over: none of its leases holds any more. `cancelled` holds its leases
    whose job is to be cancelled, `stop` how it was asked to stop, `leases` all that it holds. `proven_ago` is how many
    seconds ago it was proved to be alive, by the storage's clock, after this beat; None where that is not told.
    """

    alive: bool
    cancelled: frozenset[Lease] = field(default_factory=frozenset)
    stop: StopMode | None = None
    leases: frozenset[Lease] = field(default_factory=frozenset)
    proven_ago: float | None = None
