"""Leases: how a worker keeps them, and who gets those of the dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from queuectl import Beat, Claim, Lease, Role, StopMode
from queuectl_sqlite import statements as sql
from queuectl_sqlite.rows import job_of
from queuectl_sqlite.transaction import Transaction, Wake


def record(tx: Transaction, lease: Lease, handle: str | None, started_ago: float) -> bool:
    """Note that the run under a lease started, and its handle, if the lease still holds."""
    row = tx.db.execute(sql.RECORDABLE, (lease.worker, lease.token, lease.job)).get
    if row is None:
        return False
    seq, recorded_at = row
    if recorded_at is not None:
        tx.db.execute(sql.RECORD_HANDLE, (handle, seq))
        return True
    tx.db.execute(sql.RECORD_START, (tx.now - started_ago, handle, tx.now, seq))
    tx.concerns(Wake.CLIENTS)
    if "job.started" in tx.wanted:
        job = tx.job(seq)
        tx.announce("job.started", job, attempt=job.runs + 1, worker=lease.worker)
    return True


def beat_of(db: apsw.Connection, worker: str, now: float) -> tuple[Beat, bool]:
    """Return what a worker is to know, and whether it is time to prove that it is alive."""
    row = db.execute(sql.WORKER, (worker,)).get
    if row is None:
        return Beat(alive=False), False
    _, _, _, lease, beat_at, stop = row
    held: list[Any] = db.execute(sql.LEASES, (worker,)).fetchall()
    beat = Beat(
        alive=True,
        cancelled=frozenset(Lease(id, token, worker) for id, token, cancelled in held if cancelled),
        stop=None if stop is None else StopMode(stop),
        leases=frozenset(Lease(id, token, worker) for id, token, _ in held),
        proven_ago=abs(now - beat_at),
    )
    return beat, bool(held) and abs(now - beat_at) > lease / 6


def cancelling(db: apsw.Connection, worker: str) -> frozenset[Lease]:
    """Return the leases of a worker whose job is to be cancelled."""
    rows: list[Any] = db.execute(sql.CANCELLING, (worker,)).fetchall()
    return frozenset(Lease(id, token, worker) for id, token in rows)


def take_over(tx: Transaction, dead: Sequence[str], by: str, *, proven: bool) -> list[Claim]:
    """Forget dead incarnations, and give what they held to `by`; of two rivals the later finds nothing.

    Returns all that `by` has from the dead, since the answer to an earlier call may have been lost.
    """
    if not tx.db.execute(sql.WORKER, (by,)).get:
        return []
    for worker in dict.fromkeys(dead):
        row = tx.db.execute(sql.WORKER, (worker,)).get
        if row is None or worker == by:
            continue
        _, _, role, lease, beat_at, _ = row
        if not proven and abs(tx.now - beat_at) <= lease:
            continue
        _take(tx, worker, by)
        tx.db.execute(sql.GONE, (worker,))
        tx.db.execute(sql.GIVE_UP_DELIVERY, (worker,))
        tx.concerns(Wake.ALL)
        if role == Role.WORKER:
            tx.announce("worker.lost", worker=worker)
    claims = [_inherited(row, by) for row in _rows(tx, sql.INHERITED, by)]
    if claims or not proven:  # asked without proof for nobody it is a probe: does the disk take a write?
        tx.db.execute(sql.PROVE_ALIVE, {"now": tx.now, "worker": by})
    tx.db.execute(sql.FORGET_GONE)
    return claims


def _take(tx: Transaction, dead: str, by: str) -> None:
    rows = _rows(tx, sql.TAKEN, dead)
    if rows:
        last = tx.db.execute(sql.NEXT_LEASES, {"wanted": len(rows)}).get
        tokens = range(last - len(rows) + 1, last + 1)
        changes = [(token, by, tx.now, lease, dead, seq) for token, (lease, seq) in zip(tokens, rows, strict=True)]
        tx.db.executemany(sql.TAKE_OVER, changes)


def _inherited(row: Any, by: str) -> Claim:
    job = job_of(row)
    handle, origin_lease, origin_worker = row[-3:]
    return Claim(
        job=job,
        lease=Lease(job.id, job.lease, by),
        number=job.runs + 1,
        origin=Lease(job.id, origin_lease, origin_worker),
        recorded=job.started_at is not None,
        handle=handle,
    )


def _rows(tx: Transaction, statement: str, worker: str) -> list[Any]:
    return tx.db.execute(statement, (worker,)).fetchall()
