"""Workers: who is registered, who proved to be alive, and who takes over whose jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import msgspec
from queuectl import Beat, Claim, Lease, NewWorker, Role, Settlement, StopMode, Verdict, Worker

from queuectl_example.journal.claiming import claim_of
from queuectl_example.journal.settling import settle
from queuectl_example.journal.store import Entry, Holding
from queuectl_example.journal.transaction import Transaction


def register(tx: Transaction, new: NewWorker) -> None:
    """Make an incarnation known; once more changes nothing."""
    if new.id in tx.store.workers:
        return
    told = {field.name: getattr(new, field.name) for field in fields(NewWorker)}
    worker = Worker(**told, started_at=tx.now, beat_at=tx.now, expired=False)
    tx.store.workers[new.id] = worker
    _tell(tx, "worker.started", worker)


def retire(tx: Transaction, id: str) -> None:
    """Forget an incarnation, and give back what it holds."""
    worker = tx.store.workers.get(id)
    if worker is None:
        return
    for _, holding in tx.held_by(id):
        settle(tx, Settlement(lease=holding.lease, verdict=Verdict.RELEASED))
    _forget(tx, worker, "worker.stopped")


def request_stop(tx: Transaction, ids: Sequence[str], mode: StopMode) -> None:
    """Ask incarnations to stop, and never weaken what was asked before."""
    for id in ids:
        worker = tx.store.workers.get(id)
        if worker is not None and worker.stop not in {mode, StopMode.FORCE}:
            tx.store.workers[id] = replace(worker, stop=mode)


def beat(tx: Transaction, id: str) -> Beat:
    """Note that a worker is alive, if it holds a lease, and tell what is asked of it."""
    worker = tx.store.workers.get(id)
    if worker is None:
        return Beat(alive=False)
    leases = frozenset(holding.lease for _, holding in tx.held_by(id))
    if leases:
        tx.prove_alive(id)
    return Beat(alive=True, cancelled=to_cancel(tx, id), stop=worker.stop, leases=leases)


def to_cancel(tx: Transaction, id: str) -> frozenset[Lease]:
    """Return the leases of a worker whose job is to be cancelled."""
    return frozenset(holding.lease for entry, holding in tx.held_by(id) if entry.job.cancel_requested)


def take_over(tx: Transaction, dead: Sequence[str], by: str, *, proven: bool) -> list[Claim]:
    """Forget dead incarnations, give what they held to `by`, and return all that it has from the dead."""
    if by not in tx.store.workers:
        return []
    for id in dict.fromkeys(dead):
        worker = tx.store.workers.get(id)
        if worker is None or id == by or not (proven or _is_expired(tx, worker)):
            continue
        for entry, holding in tx.held_by(id):
            _hand_over(tx, entry, holding, by)
        _forget(tx, worker, "worker.lost")
    inherited = [claim_of(entry, held) for entry, held in tx.held_by(by) if held.origin != held.lease]
    if inherited or not proven:  # asked without proof for nobody it is a probe: can anything be written?
        tx.store.workers[by] = replace(tx.store.workers[by], beat_at=tx.now)
    return inherited


def view(tx: Transaction, worker: Worker) -> Worker:
    """Show a worker as it is now."""
    running = tuple(entry.job.id for entry, _ in tx.held_by(worker.id))
    return replace(worker, expired=_is_expired(tx, worker), running=running)


def _is_expired(tx: Transaction, worker: Worker) -> bool:
    return abs(tx.now - worker.beat_at) > worker.lease


def _hand_over(tx: Transaction, entry: Entry, holding: Holding, by: str) -> None:
    """Give a job to `by` under a new lease: whatever the dead one still says under the old one is refused."""
    lease = Lease(entry.job.id, tx.store.next("leases"), by)
    changes = {"worker": by, "lease": lease.token}
    tx.update(entry, changes, holding=msgspec.structs.replace(holding, lease=lease))


def _forget(tx: Transaction, worker: Worker, event: str) -> None:
    del tx.store.workers[worker.id]
    _tell(tx, event, worker)


def _tell(tx: Transaction, name: str, worker: Worker) -> None:
    if worker.role is Role.WORKER:
        tx.emit(name, worker=worker.id)
