"""Workers: who is registered, and what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from queuectl import Lease, NewWorker, Role, Settlement, StopMode, Verdict, Worker
from queuectl_postgres import tenure
from queuectl_postgres.link import Link
from queuectl_postgres.settling import settle, tell
from queuectl_postgres.transaction import Transaction, Wake


def register(tx: Transaction, new: NewWorker) -> None:
    """Make an incarnation known; once more changes nothing."""
    queues = None if new.queues is None else msgspec.json.encode(new.queues).decode()
    added = tx.link.run(
        tenure.ADD_WORKER,
        (
            new.id, new.host, new.pid, new.role.value, new.supervisor, queues, new.concurrency, new.lease,
            tx.now, tx.now,
        ),
    )  # fmt: skip
    if added:
        _tell(tx, "worker.started", new.id, new.role)


def retire(tx: Transaction, id: str) -> None:
    """Forget an incarnation, and give back what it holds."""
    row = tx.link.row(tenure.WORKER, (id,))
    if row is None:
        return
    held = [Lease(job, token, id) for job, token, _ in tx.link.rows(tenure.LEASES, (id,))]
    settlements = [Settlement(lease=lease, verdict=Verdict.RELEASED) for lease in held]
    settle(tx, settlements, tell(tx.link, settlements))
    tx.link.run(tenure.RETIRE, (id,))
    tx.link.run(tenure.GIVE_UP_DELIVERY, ([id],))
    tx.concerns(Wake.CLIENTS)
    _tell(tx, "worker.stopped", id, row[0])


def request_stop(tx: Transaction, ids: Sequence[str], mode: StopMode) -> None:
    """Ask incarnations to stop, and never weaken what was asked before."""
    tx.link.run(tenure.REQUEST_STOP, (mode.value, list(ids)))
    tx.concerns(Wake.ALL)


def workers(link: Link, now: float) -> list[Worker]:
    """Return the registered processes, oldest first."""
    return [_worker(row, now) for row in link.rows(tenure.WORKERS)]


def _worker(row: tuple[Any, ...], now: float) -> Worker:
    id, host, pid, role, supervisor, queues, concurrency, lease, started_at, beat_at, stop, running = row
    return Worker(
        id=id,
        host=host,
        pid=pid,
        role=Role(role),
        supervisor=supervisor,
        queues=None if queues is None else tuple(msgspec.json.decode(queues)),
        concurrency=concurrency,
        lease=lease,
        started_at=started_at,
        beat_at=beat_at,
        expired=abs(now - beat_at) > lease,
        stop=None if stop is None else StopMode(stop),
        running=tuple(running),
    )


def _tell(tx: Transaction, name: str, worker: str, role: str) -> None:
    if role == Role.WORKER:
        tx.announce(name, worker=worker)
