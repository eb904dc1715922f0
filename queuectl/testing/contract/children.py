"""What the other processes do: each function here is the life of one, on a handle of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection

from queuectl.model.lease import Ask, Verdict
from queuectl.model.storage import Storage
from queuectl.testing.contract.steps import enqueue, patiently, register, settlement

Life = Callable[[Storage, Connection], None]


def drain(storage: Storage, parent: Connection) -> None:
    """Register under the name that the parent sends, claim and settle until nothing is left, send the ids."""
    worker = register(storage, parent.recv())
    ids: list[str] = []
    exchange = patiently(partial(storage.exchange, worker, [], Ask(limit=3)))
    while exchange.claims:
        ids += [each.job.id for each in exchange.claims]
        settlements = [settlement(each, Verdict.COMPLETED, charge=True) for each in exchange.claims]
        exchange = patiently(partial(storage.exchange, worker, settlements, Ask(limit=3)))
    parent.send(ids)


def hold(storage: Storage, parent: Connection) -> None:
    """Register under the name that the parent sends, claim two jobs, send their ids, and never settle."""
    worker = register(storage, parent.recv())
    claims = patiently(partial(storage.exchange, worker, [], Ask(limit=2))).claims
    parent.send([each.job.id for each in claims])
    time.sleep(3600.0)


def settle_late(storage: Storage, parent: Connection) -> None:
    """Register under the name that the parent sends, claim a job, and settle it when the parent says so.

    Sends the id of the job, and whether the settlement was accepted.
    """
    worker = register(storage, parent.recv())
    (claim,) = patiently(partial(storage.exchange, worker, [], Ask(limit=1))).claims
    parent.send(claim.job.id)
    parent.recv()
    settlements = [settlement(claim, Verdict.COMPLETED, charge=True)]
    parent.send(bool(patiently(partial(storage.exchange, worker, settlements, None)).accepted))


def enqueue_on(storage: Storage, parent: Connection) -> None:
    """Enqueue one job after another, and send the id of each as soon as it is acknowledged."""
    for number in range(1_000_000):
        id = f"job-{number}"
        patiently(partial(enqueue, storage, id))
        parent.send(id)


def work_on(storage: Storage, parent: Connection) -> None:
    """Register under the name that the parent sends; enqueue, claim and settle without end, sending what is settled."""
    worker = register(storage, parent.recv())
    for number in range(1_000_000):
        id = f"{worker}-{number}"
        patiently(partial(enqueue, storage, id))
        claims = patiently(partial(storage.exchange, worker, [], Ask(limit=2))).claims
        settlements = [settlement(each, Verdict.COMPLETED, charge=True) for each in claims]
        patiently(partial(storage.exchange, worker, settlements, None))
        for each in claims:
            parent.send(each.job.id)


def enqueue_one(storage: Storage, parent: Connection) -> None:
    """Enqueue a job under the id that the parent sends."""
    id = parent.recv()
    patiently(partial(enqueue, storage, id))
