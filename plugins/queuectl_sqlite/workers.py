"""Workers: who is registered, and what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from queuectl import NewWorker, Role, StopMode, Worker
from queuectl_sqlite import statements as sql
from queuectl_sqlite.transaction import Transaction, Wake


def register(tx: Transaction, new: NewWorker) -> None:
    """Make an incarnation known; once more changes nothing."""
    queues = None if new.queues is None else msgspec.json.encode(new.queues).decode()
    tx.db.execute(
        sql.ADD_WORKER,
        (
            new.id, new.host, new.pid, new.role.value, new.supervisor, queues, new.concurrency, new.lease,
            tx.now, tx.now,
        ),
    )  # fmt: skip
    if tx.db.changes():
        _tell(tx, "worker.started", new.id, new.role)


def retire(tx: Transaction, id: str) -> None:
    """Forget an incarnation, and give back what it holds."""
    from queuectl import Lease, Settlement, Verdict  # who only asks for the workers needs none of it
    from queuectl_sqlite.settling import settle

    row = tx.db.execute(sql.WORKER, (id,)).get
    if row is None:
        return
    rows: list[Any] = tx.db.execute(sql.LEASES, (id,)).fetchall()
    held = [Lease(job, token, id) for job, token, _ in rows]
    settle(tx, [Settlement(lease=lease, verdict=Verdict.RELEASED) for lease in held])
    tx.db.execute(sql.RETIRE, (id,))
    tx.db.execute(sql.GIVE_UP_DELIVERY, (id,))
    tx.concerns(Wake.CLIENTS)
    _tell(tx, "worker.stopped", id, row[2])


def request_stop(tx: Transaction, ids: Sequence[str], mode: StopMode) -> None:
    """Ask incarnations to stop, and never weaken what was asked before."""
    tx.db.executemany(sql.REQUEST_STOP, [{"worker": id, "mode": mode.value} for id in ids])
    tx.concerns(Wake.ALL)


def workers(db: apsw.Connection, now: float) -> list[Worker]:
    """Return the registered processes, oldest first."""
    return [_worker(db, row, now) for row in db.execute(sql.WORKERS).fetchall()]


def _worker(db: apsw.Connection, row: Any, now: float) -> Worker:
    id, host, pid, role, supervisor, queues, concurrency, lease, started_at, beat_at, stop = row
    leases: list[Any] = db.execute(sql.LEASES, (id,)).fetchall()
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
        running=tuple(job for job, _, _ in leases),
    )


def _tell(tx: Transaction, name: str, worker: str, role: str) -> None:
    if role == Role.WORKER:
        tx.announce(name, worker=worker)
