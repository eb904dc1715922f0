"""Settling: writing down how a claim ended, under its lease only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from queuectl.model.attempt import Attempt, Result, Run
from queuectl.model.job import FINAL, Job, State
from queuectl.model.lease import Lease, Settlement, Verdict
from queuectl.testing.memory.store import Entry, Holding, KeptRun, Transaction

_FINAL_STATES = {
    Verdict.COMPLETED: State.COMPLETED,
    Verdict.DEAD: State.DEAD,
    Verdict.CANCELLED: State.CANCELLED,
}
_EVENTS = {
    Verdict.COMPLETED: "job.completed",
    Verdict.FAILED: "job.failed",
    Verdict.DEAD: "job.dead",
    Verdict.CANCELLED: "job.cancelled",
    Verdict.RELEASED: "job.requeued",
    Verdict.LOST: "job.lost",
}


NO_RUN: dict[str, None] = dict.fromkeys(("worker", "started_at", "finished_at", "exit_code", "signal", "error"))
"""What a job that is pending again tells of its last run; its attempts tell the rest."""


def settle(tx: Transaction, settlement: Settlement) -> bool:
    """Write how a claim ended, and return whether its lease was still the job's current one."""
    entry = tx.store.entries.get(settlement.lease.job)
    holding = entry.holding if entry else None
    if entry is None or holding is None or holding.lease != settlement.lease:
        return False
    verdict = _after_cancel(settlement.verdict, entry.job)
    run = settlement.run
    if run is not None:
        _tell_start(tx, entry, holding, run)
        _keep_attempt(tx, holding, run)
    entry.holding = None
    changes = _result(tx, holding.before, settlement) | _next_state(tx, entry, verdict, settlement)
    if changes["state"] in FINAL and run is None:
        changes["finished_at"] = tx.now
    job = tx.update(entry, **changes)
    if verdict is not Verdict.RELEASED or run is not None:
        _tell(tx, _EVENTS[verdict], job, holding, run)
    return True


def record(tx: Transaction, lease: Lease, handle: str | None, started_ago: float) -> bool:
    """Note that the run under a lease started, and its handle, if the lease still holds."""
    entry = tx.store.entries.get(lease.job)
    holding = entry.holding if entry else None
    if entry is None or holding is None or holding.lease != lease:
        return False
    entry.holding = replace(holding, recorded=True, handle=handle)
    if not holding.recorded:
        job = tx.update(entry, started_at=tx.now - started_ago)
        tx.emit("job.started", job=job, queue=job.queue, attempt=job.runs + 1, worker=lease.worker)
    tx.wrote = True
    return True


def _after_cancel(verdict: Verdict, job: Job) -> Verdict:
    back = verdict in {Verdict.FAILED, Verdict.RELEASED, Verdict.LOST}
    return Verdict.CANCELLED if back and job.cancel_requested else verdict


def _result(tx: Transaction, before: Job, settlement: Settlement) -> dict[str, Any]:
    """Return what is known of the last run: this one, or, when it never started, the one before."""
    changes: dict[str, Any] = {"started_at": before.started_at, "finished_at": before.finished_at}
    changes["attempts"] = before.attempts + settlement.charge
    run = settlement.run
    if run is not None:
        changes |= {
            "runs": run.number,
            "lost": before.lost + (run.result is Result.LOST),
            "started_at": tx.now - run.started_ago,
            "finished_at": tx.now - run.ended_ago,
            "exit_code": run.outcome.exit_code,
            "signal": run.outcome.signal,
            "error": run.outcome.error,
        }
    if settlement.error is not None:
        changes["error"] = settlement.error
    return changes


def _next_state(tx: Transaction, entry: Entry, verdict: Verdict, settlement: Settlement) -> dict[str, Any]:
    final = _FINAL_STATES.get(verdict)
    if final is not None:
        return {"state": final}
    entry.due_at, entry.since = tx.now + settlement.delay, tx.now
    if verdict is Verdict.FAILED:
        return {"state": State.FAILED, "next_retry_at": entry.due_at, "previous_delay": settlement.delay}
    if verdict is Verdict.RELEASED and entry.job.attempts + settlement.charge:
        return {"state": State.FAILED, "next_retry_at": entry.due_at}
    waits = {"run_at": entry.due_at} if settlement.delay else {}
    return {"state": State.PENDING, **NO_RUN, **waits}


def _keep_attempt(tx: Transaction, holding: Holding, run: Run) -> None:
    """Record the run in the name of the worker that ran it, whoever settles it."""
    job, runner = holding.lease.job, holding.runner
    attempt = Attempt(
        job=job,
        number=run.number,
        result=run.result,
        outcome=run.outcome,
        started_at=tx.now - run.started_ago,
        finished_at=tx.now - run.ended_ago,
        worker=runner.id,
        host=runner.host,
        worker_pid=runner.pid,
        output_size=run.output.size,
        output_path=run.output.path,
    )
    waited = max(0.0, attempt.started_at - holding.due_at)
    tx.store.runs[job].append(KeptRun(attempt=attempt, output=run.output, waited=waited))


def _tell_start(tx: Transaction, entry: Entry, holding: Holding, run: Run) -> None:
    if not holding.recorded:
        _tell(tx, "job.started", replace(entry.job, started_at=tx.now - run.started_ago), holding, run)


def _tell(tx: Transaction, name: str, job: Job, holding: Holding, run: Run | None) -> None:
    attempt = None if run is None else run.number
    tx.emit(name, job=job, queue=job.queue, attempt=attempt, worker=holding.origin.worker)
