"""What needs attention: what a person on call has to see first, with what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from queuectl import Bucket, Group, QueueState, State, Worker
from queuectl_dashboard.filters import Filter
from queuectl_dashboard.words import cause, jobs, short

SHOWN_GROUPS = 4

LATELY = 300
"""Seconds: in how many of them most runs must have failed for it to be told."""

FEW = 10
"""So many failed runs may be chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something to see to; `where` and `at` say where and when it was so last.

    `action` and `fields` make the form that mends it; `command` is what to type instead.
    """

    text: str
    detail: str = ""
    where: str = ""
    at: float | None = None
    grave: bool = False
    link: str = ""
    verb: str = ""
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    command: str = ""


def alerts(
    queues: Sequence[QueueState], workers: Sequence[Worker], groups: Sequence[Group], lately: Bucket | None = None
) -> list[Alert]:
    """Return all that there is to see to, the gravest first; `lately` is what ended within the last minutes."""
    found = [*_unserved(queues, workers), *_silent(workers), *_failing(lately), *_paused(queues), *_dead(groups)]
    return sorted(found, key=lambda alert: not alert.grave)


def _waiting(queue: QueueState) -> int:
    return queue.counts.get(State.PENDING, 0) + queue.counts.get(State.FAILED, 0)


def _unserved(queues: Sequence[QueueState], workers: Sequence[Worker]) -> Iterator[Alert]:
    waiting = sum(map(_waiting, queues))
    if not workers and waiting:
        yield Alert(
            text="No worker runs",
            detail=f"{jobs(waiting)} to run",
            grave=True,
            link="/jobs?state=pending,failed",
            command="queuectl worker start --count 2",
        )
    if not workers or any(worker.queues is None for worker in workers):
        return
    served = {name for worker in workers for name in worker.queues or ()}
    for queue in queues:
        if _waiting(queue) and queue.name not in served:
            yield Alert(
                text=f"No worker serves {queue.name}",
                detail=f"{jobs(_waiting(queue))} to run",
                grave=True,
                link=Filter(queue=queue.name, state="pending,failed").address(),
                command=f"queuectl worker start --queue={queue.name}",
            )


def _silent(workers: Sequence[Worker]) -> Iterator[Alert]:
    for worker in workers:
        if worker.expired and worker.running:
            yield Alert(
                text=f"Worker {worker.pid} on {worker.host} is silent",
                detail=f"it holds {jobs(len(worker.running))}",
                grave=True,
                link="/workers",
            )


def _failing(lately: Bucket | None) -> Iterator[Alert]:
    if lately is not None and lately.failed >= FEW and lately.failed >= lately.completed:
        runs = lately.completed + lately.failed
        yield Alert(
            text=f"{lately.failed:,} of {runs:,} runs failed",
            detail=f"within the last {LATELY // 60} minutes",
            grave=True,
            link="/jobs?state=failed,dead",
        )


def _paused(queues: Sequence[QueueState]) -> Iterator[Alert]:
    for queue in queues:
        if queue.paused and _waiting(queue):
            yield Alert(
                text=f"{queue.name} is paused",
                detail=f"{jobs(_waiting(queue))} to run",
                link=Filter(queue=queue.name, state="pending,failed").address(),
                verb="Resume",
                action="/queues/set",
                fields={"name": queue.name, "paused": "no"},
            )


def _dead(groups: Sequence[Group]) -> Iterator[Alert]:
    for group in groups[:SHOWN_GROUPS]:
        filter = filter_of(group)
        yield Alert(
            text=f"{jobs(group.count)} gave up",
            detail=short(cause(group.error, group.exit_code, group.signal) or "no reason given", 100),
            where=f"in {short(group.newest.queue, 40)}"
            if group.count == 1
            else f"last in {short(group.newest.queue, 40)}",
            at=group.newest.finished_at,
            grave=True,
            link=filter.address(),
            verb="Retry" if group.count == 1 else f"Retry all {group.count:,}",
            action="/jobs/bulk",
            fields={**filter.fields, "action": "retry"},
        )
    if len(groups) > SHOWN_GROUPS:
        more = len(groups) - SHOWN_GROUPS
        yield Alert(text=f"{more} more {'reason' if more == 1 else 'reasons'} for giving up", grave=True, link="/dlq")


def filter_of(group: Group, state: State = State.DEAD) -> Filter:
    """Return the filter that means the jobs of a group."""
    return Filter(state=state.value, grouped=True, error=group.error, exit_code=group.exit_code, signal=group.signal)
