"""Workers: who is registered, who proved to be alive, and who takes over whose jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from queuectl.model.lease import Beat, Claim, Lease, Settlement, Verdict
from queuectl.model.worker import NewWorker, Role, StopMode, Worker
from queuectl.testing.memory.claiming import claim_of
from queuectl.testing.memory.settling import settle
from queuectl.testing.memory.store import Entry, Holding, MemoryStore, Transaction


def register(tx: Transaction, new: NewWorker) -> None:
    """Make an incarnation known; once more changes nothing."""
    if new.id in tx.store.workers:
        return
    told = {field.name: getattr(new, field.name) for field in fields(NewWorker)}
    worker = Worker(**told, started_at=tx.now, beat_at=tx.now, expired=False)
    tx.keep_worker(worker)
    _tell(tx, "worker.started", worker)


def retire(tx: Transaction, id: str) -> None:
    """Forget an incarnation, and give back what it holds."""
    worker = tx.store.workers.get(id)
    if worker is None:
        return
    for _, holding in tx.store.held_by(id):
        settle(tx, Settlement(lease=holding.lease, verdict=Verdict.RELEASED))
    _forget(tx, worker, "worker.stopped")


def request_stop(tx: Transaction, ids: Sequence[str], mode: StopMode) -> None:
    """Ask incarnations to stop, and never weaken what was asked before."""
    for id in ids:
        worker = tx.store.workers.get(id)
        if worker is not None and worker.stop not in {mode, StopMode.FORCE}:
            tx.keep_worker(replace(worker, stop=mode))


def beat(tx: Transaction, id: str) -> Beat:
    """Note that a worker is alive, if it holds a lease and did not prove it lately, and tell what is asked of it."""
    worker = tx.store.workers.get(id)
    if worker is None:
        return Beat(alive=False)
    held = tx.store.held_by(id)
    if held:
        tx.prove_alive(id)
    return Beat(
        alive=True,
        cancelled=to_cancel(tx.store, id),
        stop=worker.stop,
        leases=frozenset(holding.lease for _, holding in held),
        proven_ago=abs(tx.now - tx.store.workers[id].beat_at),
    )


def to_cancel(store: MemoryStore, id: str) -> frozenset[Lease]:
    """Return the leases of a worker whose job is to be cancelled."""
    return frozenset(holding.lease for entry, holding in store.held_by(id) if entry.job.cancel_requested)


def take_over(tx: Transaction, dead: Sequence[str], by: str, *, proven: bool) -> list[Claim]:
    """Forget dead incarnations, give what they held to `by`, and return all that it has from the dead."""
    if by not in tx.store.workers:
        return []
    for id in dict.fromkeys(dead):
        worker = tx.store.workers.get(id)
        if worker is None or id == by or not (proven or _is_expired(tx, worker)):
            continue
        for entry, holding in tx.store.held_by(id):
            _hand_over(tx, entry, holding, by)
        _forget(tx, worker, "worker.lost")
    inherited = [claim_of(entry, held) for entry, held in tx.store.held_by(by) if held.origin != held.lease]
    if inherited or not proven:  # asked without proof for nobody it is a probe: can anything be written?
        tx.keep_worker(replace(tx.store.workers[by], beat_at=tx.now))
    return inherited


def view(tx: Transaction, worker: Worker) -> Worker:
    """Show a worker as it is now."""
    running = tuple(entry.job.id for entry, _ in tx.store.held_by(worker.id))
    return replace(worker, expired=_is_expired(tx, worker), running=running)


def _is_expired(tx: Transaction, worker: Worker) -> bool:
    return abs(tx.now - worker.beat_at) > worker.lease


def _hand_over(tx: Transaction, entry: Entry, holding: Holding, by: str) -> None:
    lease = Lease(entry.job.id, tx.next_token(), by)
    entry.holding = replace(holding, lease=lease)
    tx.update(entry, worker=by, lease=lease.token)


def _forget(tx: Transaction, worker: Worker, event: str) -> None:
    tx.wrote = True
    del tx.store.workers[worker.id]
    _tell(tx, event, worker)


def _tell(tx: Transaction, name: str, worker: Worker) -> None:
    if worker.role is Role.WORKER:
        tx.emit(name, worker=worker.id)
