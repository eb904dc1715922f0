"""The steps that clauses are told in: enqueue, claim, run, settle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from queuectl.errors import StorageBusyError
from queuectl.model.attempt import Output, Result, Run
from queuectl.model.event import Event
from queuectl.model.job import Job, NewJob, State
from queuectl.model.lease import Ask, Claim, Exchange, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action, Page, Query
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker, Worker

_RESULTS = {
    Verdict.COMPLETED: Result.COMPLETED,
    Verdict.FAILED: Result.FAILED,
    Verdict.DEAD: Result.FAILED,
    Verdict.CANCELLED: Result.CANCELLED,
    Verdict.RELEASED: Result.RELEASED,
    Verdict.LOST: Result.LOST,
}

_NOTHING = Output()

PATIENCE = 60.0
"""How many seconds a clause waits for what must come, before it calls it missing."""


def new_job(id: str, **fields: Any) -> NewJob:
    """Return a job to enqueue; its command is `true` unless told otherwise."""
    return NewJob(id=id, **{"command": "true", **fields})


def enqueue(storage: Storage, *ids: str, **fields: Any) -> Sequence[Job]:
    """Enqueue jobs that are alike but for their ids."""
    return storage.enqueue([new_job(id, **fields) for id in ids])


def stored(storage: Storage, id: str) -> Job:
    """Return a job that must be there."""
    job = storage.get(id)
    assert job is not None, f"{id!r} is not stored"
    return job


def listed(storage: Storage, **fields: Any) -> list[str]:
    """Return the ids of the jobs that a query matches, newest first."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page: Page = storage.list(Query(**fields), cursor, 1000)
        ids += [job.id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def register(storage: Storage, id: str, **fields: Any) -> str:
    """Register a worker, and return its id."""
    storage.register(NewWorker(**{"id": id, "host": "host-1", "pid": 101, **fields}))
    return id


def registered(storage: Storage, id: str) -> Worker:
    """Return a worker that must be known."""
    return {worker.id: worker for worker in storage.workers()}[id]


def ask(storage: Storage, worker: str, limit: int = 100, queues: tuple[str, ...] | None = None) -> Exchange:
    """Claim up to `limit` jobs, and return all that the exchange brought."""
    return storage.exchange(worker, [], Ask(limit=limit, queues=queues))


def claim(storage: Storage, worker: str, limit: int = 100, queues: tuple[str, ...] | None = None) -> Sequence[Claim]:
    """Claim up to `limit` jobs."""
    return ask(storage, worker, limit, queues).claims


def claimed(storage: Storage, worker: str, limit: int = 100, queues: tuple[str, ...] | None = None) -> list[str]:
    """Claim up to `limit` jobs, and return their ids in claim order."""
    return [each.job.id for each in claim(storage, worker, limit, queues)]


def claim_one(storage: Storage, worker: str) -> Claim:
    """Claim the next job, which must be there."""
    (only,) = claim(storage, worker, limit=1)
    return only


def enqueue_and_claim(storage: Storage, worker: str, id: str = "a", **fields: Any) -> Claim:
    """Enqueue a job, and claim it."""
    enqueue(storage, id, **fields)
    return claim_one(storage, worker)


def ran(
    claim: Claim,
    result: Result = Result.COMPLETED,
    *,
    started_ago: float = 0.0,
    ended_ago: float = 0.0,
    output: Output = _NOTHING,
    **outcome: Any,
) -> Run:
    """Return a run of a claim; further fields are those of its outcome."""
    return Run(
        number=claim.number,
        result=result,
        outcome=Outcome(**outcome),
        started_ago=started_ago,
        ended_ago=ended_ago,
        output=output,
    )


def settlement(claim: Claim, verdict: Verdict, **fields: Any) -> Settlement:
    """Return a settlement of a claim that ran at once, and as its verdict suggests."""
    if "run" not in fields:
        fields["run"] = ran(claim, _RESULTS[verdict], exit_code=0 if verdict is Verdict.COMPLETED else 1)
    return Settlement(lease=claim.lease, verdict=verdict, **fields)


def settle(storage: Storage, claim: Claim, verdict: Verdict, **fields: Any) -> bool:
    """Settle a claim, and return whether that was accepted."""
    exchange = storage.exchange(claim.lease.worker, [settlement(claim, verdict, **fields)], None)
    return claim.lease.token in exchange.accepted


def complete(storage: Storage, claim: Claim) -> None:
    """Settle a claim as completed, which must be accepted."""
    assert settle(storage, claim, Verdict.COMPLETED, charge=True)


def fail(storage: Storage, claim: Claim, delay: float = 10.0, **outcome: Any) -> None:
    """Settle a claim as failed, to be retried after `delay` seconds, which must be accepted."""
    run = ran(claim, Result.FAILED, **(outcome or {"exit_code": 1}))
    assert settle(storage, claim, Verdict.FAILED, charge=True, delay=delay, run=run)


def bury(storage: Storage, claim: Claim, **outcome: Any) -> None:
    """Settle a claim as dead, which must be accepted."""
    run = ran(claim, Result.FAILED, **(outcome or {"exit_code": 1}))
    assert settle(storage, claim, Verdict.DEAD, charge=True, run=run)


def give_back(storage: Storage, claim: Claim, delay: float = 0.0) -> None:
    """Give back a claim that never started, which must be accepted."""
    assert settle(storage, claim, Verdict.RELEASED, run=None, delay=delay)


def told(storage: Storage, after: int = 0) -> list[str]:
    """Return the events above an id as `name` or `name subject`, in order."""
    return [tell(event) for event in storage.events(after, 1000)]


def last_event(storage: Storage) -> int:
    """Return the id of the newest event, 0 when there is none."""
    return max((event.id for event in storage.events(0, 1000)), default=0)


def tell(event: Event) -> str:
    """Return an event as `name` or `name subject`."""
    subject = event.job.id if event.job else event.queue or event.worker
    return f"{event.name} {subject}"


Answer = TypeVar("Answer")


def patiently(call: Callable[[], Answer]) -> Answer:
    """Call until the storage is not busy: that is what `StorageBusyError` asks for."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except StorageBusyError:
            if time.monotonic() > deadline:
                raise


def one_in_each_state(storage: Storage, worker: str) -> None:
    """Bring a job into each state, under the state's name."""
    complete(storage, enqueue_and_claim(storage, worker, "completed"))
    bury(storage, enqueue_and_claim(storage, worker, "dead"))
    fail(storage, enqueue_and_claim(storage, worker, "failed"), delay=60.0)
    settle(storage, enqueue_and_claim(storage, worker, "cancelled"), Verdict.CANCELLED)
    enqueue_and_claim(storage, worker, "processing")
    enqueue(storage, "pending")


def enqueue_and_claim_again(storage: Storage, worker: str) -> Claim:
    """Claim the job, which is enqueued first where it is not yet."""
    if storage.get("a") is None:
        enqueue(storage, "a")
    return claim_one(storage, worker)


def finish_as(storage: Storage, worker: str, id: str, state: State, **fields: Any) -> None:
    """Enqueue a job, and bring it into a final state."""
    claim = enqueue_and_claim(storage, worker, id, **fields)
    if state is State.COMPLETED:
        complete(storage, claim)
    elif state is State.DEAD:
        bury(storage, claim)
    else:
        fail(storage, claim)
        storage.change(Action.CANCEL, [id])
