"""Leases: how a worker keeps them, and who gets those of the dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queuectl import Beat, Claim, Lease, Role, StopMode
from queuectl_postgres import tenure
from queuectl_postgres.link import Answer, Link
from queuectl_postgres.rows import job_of, storable
from queuectl_postgres.transaction import Transaction, Wake


def record(tx: Transaction, lease: Lease, handle: str | None, started_ago: float) -> bool:
    """Note that the run under a lease started, and its handle, if the lease still holds."""
    row = tx.link.row(tenure.RECORDABLE, (lease.worker, lease.token, lease.job))
    if row is None:
        return False
    seq, recorded_at = row
    handle = storable(handle)
    if recorded_at is not None:
        tx.link.run(tenure.RECORD_HANDLE, (handle, seq))
        return True
    tx.link.run(tenure.RECORD_START, (tx.now - started_ago, handle, tx.now, seq))
    tx.concerns(Wake.CLIENTS)
    if "job.started" in tx.wanted:
        job = tx.jobs_at([seq])[seq]
        tx.announce("job.started", job, attempt=job.runs + 1, worker=lease.worker)
    return True


def beat_of(link: Link, worker: str, now: float | None) -> tuple[Beat, bool]:
    """Return what a worker is to know, and whether it is time to prove that it is alive, at `now` or by the server."""
    rows = link.rows(tenure.BEATING, (worker,))
    if not rows:
        return Beat(alive=False), False
    at, lease, beat_at, stop, *_ = rows[0]
    now = at if now is None else now
    held = [(Lease(id, token, worker), cancelled) for *_, id, token, cancelled in rows if id is not None]
    beat = Beat(
        alive=True,
        cancelled=frozenset(each for each, cancelled in held if cancelled),
        stop=None if stop is None else StopMode(stop),
        leases=frozenset(each for each, _ in held),
        proven_ago=abs(now - beat_at),
    )
    return beat, bool(held) and is_beat_due(now, beat_at, lease)


def is_beat_due(now: float, beat_at: float, lease: float) -> bool:
    """Whether the last proof of a worker is older than a sixth of its lease, or lies as far ahead."""
    return abs(now - beat_at) > lease / 6


def ask_cancelling(link: Link, worker: str) -> Answer:
    """Ask for the leases of a worker whose job is to be cancelled."""
    return link.ask(tenure.CANCELLING, (worker,))


def cancelling_in(answer: Answer, worker: str) -> frozenset[Lease]:
    """Return what was asked for."""
    return frozenset(Lease(id, token, worker) for id, token in answer.fetchall())


def take_over(tx: Transaction, dead: Sequence[str], by: str, *, proven: bool) -> list[Claim]:
    """Forget dead incarnations, and give what they held to `by`; of two rivals the later finds nothing.

    Returns all that `by` has from the dead, since the answer to an earlier call may have been lost.
    """
    known = {row[0]: row[1:] for row in tx.link.rows(tenure.WORKERS_HELD, ([*dead, by],))}
    if by not in known:
        return []
    gone = {
        id: role
        for id, (role, lease, beat_at) in known.items()
        if id != by and (proven or abs(tx.now - beat_at) > lease)
    }
    if gone:
        _take(tx, gone, by)
    claims = [_inherited(row, by) for row in tx.link.rows(tenure.INHERITED, (by,))]
    if claims or not proven:  # asked without proof for nobody it is a probe: does the server take a write?
        tx.link.run(tenure.BEAT, (tx.now, by))
    tx.link.run(tenure.FORGET_GONE)
    return claims


def _take(tx: Transaction, gone: dict[str, str], by: str) -> None:
    ids = sorted(gone)
    seqs = [seq for (seq,) in tx.link.rows(tenure.TAKEN, (ids,))]
    if seqs:
        tx.link.run(tenure.TAKE_OVER, {"seqs": seqs, "by": by, "now": tx.now})
    tx.link.run(tenure.GONE, (ids,))
    tx.link.run(tenure.GIVE_UP_DELIVERY, (ids,))
    tx.concerns(Wake.ALL)
    for id in ids:
        if gone[id] == Role.WORKER:
            tx.announce("worker.lost", worker=id)


def _inherited(row: tuple[Any, ...], by: str) -> Claim:
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
