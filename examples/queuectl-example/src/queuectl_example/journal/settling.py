"""Settling: writing down how a claim ended, under its lease only.

The lease is what keeps a worker that was stopped, or cut off, from overwriting what came after it: every write of a
worker's goes through `_held`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from queuectl import FINAL, Attempt, Job, Lease, Result, Run, Settlement, State, Verdict

from queuectl_example.journal.store import Entry, Holding, KeptRun
from queuectl_example.journal.transaction import Transaction

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

NO_RUN: Mapping[str, None] = dict.fromkeys(("worker", "started_at", "finished_at", "exit_code", "signal", "error"))
"""What a job that is pending again tells of its last run. Its attempts tell the rest."""


def settle(tx: Transaction, settlement: Settlement) -> bool:
    """Write how a claim ended, and return whether its lease was still the job's current one."""
    held = _held(tx, settlement.lease)
    if held is None:
        return False
    entry, holding = held
    verdict = _after_cancel(settlement.verdict, entry.job)
    run = settlement.run
    if run is not None:
        _tell_start(tx, entry, holding, run)
        _keep_run(tx, holding, run)
    due_at = tx.now + settlement.delay
    changes = _result(tx, holding.before, settlement) | _next_state(verdict, settlement, entry.job, due_at)
    if changes["state"] in FINAL and run is None:
        changes["finished_at"] = tx.now
    job = tx.update(entry, changes, holding=None, due_at=due_at, since=tx.now)
    if verdict is not Verdict.RELEASED or run is not None:
        _tell(tx, _EVENTS[verdict], job, holding, run)
    return True


def record(tx: Transaction, lease: Lease, handle: str | None, started_ago: float) -> bool:
    """Note that the run under a lease started, and its handle, if the lease still holds."""
    held = _held(tx, lease)
    if held is None:
        return False
    entry, holding = held
    noted = msgspec.structs.replace(holding, recorded=True, handle=handle)
    started_at = entry.job.started_at if holding.recorded else tx.now - started_ago
    job = tx.update(entry, {"started_at": started_at}, holding=noted)
    if not holding.recorded:
        tx.emit("job.started", job=job, queue=job.queue, attempt=job.runs + 1, worker=lease.worker)
    return True


def _held(tx: Transaction, lease: Lease) -> tuple[Entry, Holding] | None:
    entry = tx.store.jobs.get(lease.job)
    if entry is None or entry.holding is None or entry.holding.lease != lease:
        return None
    return entry, entry.holding


def _after_cancel(verdict: Verdict, job: Job) -> Verdict:
    """Let a cancel that came meanwhile count, where the job would else run again."""
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


def _next_state(verdict: Verdict, settlement: Settlement, job: Job, due_at: float) -> dict[str, Any]:
    final = _FINAL_STATES.get(verdict)
    if final is not None:
        return {"state": final}
    if verdict is Verdict.FAILED:
        return {"state": State.FAILED, "next_retry_at": due_at, "previous_delay": settlement.delay}
    if verdict is Verdict.RELEASED and job.attempts + settlement.charge:
        return {"state": State.FAILED, "next_retry_at": due_at}
    waits = {"run_at": due_at} if settlement.delay else {}
    return {"state": State.PENDING, **NO_RUN, **waits}


def _keep_run(tx: Transaction, holding: Holding, run: Run) -> None:
    """Keep the run in the name of the worker that ran it, whoever settles it."""
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
    tx.store.runs[f"{run.number} {job}"] = KeptRun(attempt=attempt, output=run.output, waited=waited)


def _tell_start(tx: Transaction, entry: Entry, holding: Holding, run: Run) -> None:
    """Tell that a run started, where it was over before anybody had recorded it."""
    if not holding.recorded:
        _tell(tx, "job.started", replace(entry.job, started_at=tx.now - run.started_ago), holding, run)


def _tell(tx: Transaction, name: str, job: Job, holding: Holding, run: Run | None) -> None:
    attempt = None if run is None else run.number
    tx.emit(name, job=job, queue=job.queue, attempt=attempt, worker=holding.origin.worker)
