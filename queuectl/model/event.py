"""An event: one transition that a notifier may want to hear of."""

from __future__ import annotations

from dataclasses import dataclass

from queuectl.model.event_names import EVENT_NAMES
from queuectl.model.job import Job

__all__ = ["EVENT_NAMES", "Event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One transition. `id` grows with each event; `at` is Unix seconds on the storage's clock.

    `job` is the job as it was right after the transition, None for events of workers and queues. `attempt` is the
    number of the run that the event tells of, or None; `worker` is an incarnation, or None; `queue` is set wherever
    the event belongs to one.
    """

    id: int
    name: str
    at: float
    job: Job | None = None
    attempt: int | None = None
    worker: str | None = None
    queue: str | None = None
