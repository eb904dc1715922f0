"""Settling: how claims ended is written down, for those whose lease still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from queuectl import Job, Result, Run, Settlement, Verdict
from queuectl_postgres import statements as sql
from queuectl_postgres.arrays import array, arrays, columns
from queuectl_postgres.codes import CANCELLED, COMPLETED, DEAD, DONE, DUE, FAILED, PENDING, PROCESSING, READY
from queuectl_postgres.link import Answer, Link
from queuectl_postgres.rows import storable
from queuectl_postgres.transaction import Transaction, Wake

_FINAL = {Verdict.COMPLETED: COMPLETED, Verdict.DEAD: DEAD, Verdict.CANCELLED: CANCELLED}
_GIVES_BACK = frozenset({Verdict.FAILED, Verdict.RELEASED, Verdict.LOST})
_EVENTS = {
    Verdict.COMPLETED: "job.completed",
    Verdict.FAILED: "job.failed",
    Verdict.DEAD: "job.dead",
    Verdict.CANCELLED: "job.cancelled",
    Verdict.RELEASED: "job.requeued",
    Verdict.LOST: "job.lost",
}
_TOLD = frozenset({"job.started", *_EVENTS.values()})

ENDED_IS_KEPT = 8 * 86400.0
"""For how many seconds it is kept how many runs ended in each second."""


class _Leased(NamedTuple):
    """What LEASED tells of the job under a lease."""

    lease: int
    seq: int
    queue: int
    attempts: int
    lost: int
    cancel_requested: bool
    at: float
    recorded_at: float | None
    runner: str
    """The worker under whose lease the run began, whoever settles it."""
    host: str
    pid: int
    limit_key: str | None
    max_jobs: int | None
    max_key: int | None


class _Accepted(NamedTuple):
    """A settlement whose lease held, and what becomes of its job."""

    settlement: Settlement
    leased: _Leased
    verdict: Verdict
    state: int

    @property
    def run(self) -> Run | None:
        """The run that it tells of."""
        return self.settlement.run


def tell(link: Link, settlements: Sequence[Settlement]) -> Answer | None:
    """Ask for the jobs under the leases of settlements, which are locked, and for the workers that began the runs."""
    leases = [(each.lease.worker, each.lease.token, each.lease.job) for each in settlements]
    return link.ask(sql.LEASED, arrays(leases)) if leases else None


def settle(tx: Transaction, settlements: Sequence[Settlement], told: Answer | None) -> frozenset[int]:
    """Write how claims ended; return the tokens of the leases that still held."""
    if told is None:
        return frozenset()
    held = {leased.lease: leased for leased in map(_Leased._make, told.fetchall())}
    accepted = []
    for settlement in settlements:
        leased = held.pop(settlement.lease.token, None)  # popped: a lease can be settled once
        if leased is not None:
            accepted.append(_accept(settlement, leased))
    if accepted:
        starts = _starts(tx, accepted)
        _write(tx, accepted)
        if not tx.wanted.isdisjoint(_TOLD):
            _tell(tx, accepted, starts)
    return frozenset(each.leased.lease for each in accepted)


def _accept(settlement: Settlement, leased: _Leased) -> _Accepted:
    verdict = settlement.verdict
    if leased.cancel_requested and verdict in _GIVES_BACK:
        verdict = Verdict.CANCELLED
    state = _FINAL.get(verdict)
    if state is None:
        charged = leased.attempts + settlement.charge
        state = FAILED if verdict is Verdict.FAILED or (verdict is Verdict.RELEASED and charged) else PENDING
    return _Accepted(settlement, leased, verdict, state)


def _write(tx: Transaction, accepted: Sequence[_Accepted]) -> None:
    rows = [_row(each, tx.now) for each in accepted]
    tx.link.ask(sql.SETTLE, {**columns(_COLUMNS, rows), "now": tx.now})
    waits = [
        (each.leased.seq, tx.now + each.settlement.delay)
        for each in accepted
        if each.state == PENDING and each.settlement.delay
    ]
    if waits:
        tx.link.ask(sql.SET_RUN_AT, arrays(waits))
    _keep_outputs(tx, accepted)
    for each in accepted:
        tx.left(each.leased.queue, PROCESSING)
        tx.arrived(each.leased.queue, each.state)
        gives_work = each.state in {PENDING, FAILED} or each.leased.max_jobs is not None
        tx.concerns(Wake.ALL if gives_work else Wake.CLIENTS)
    tx.unpark(
        {
            (each.leased.queue, each.leased.limit_key)
            for each in accepted
            if each.leased.limit_key is not None and each.leased.max_key is not None
        }
    )


_COLUMNS = (
    "seq", "phase", "state", "at", "since", "attempts", "lost", "previous_delay", "error", "finished_at", "number",
    "result", "exit_code", "signal", "run_error", "timed_out", "cpu_time", "peak_memory", "pid", "started_at",
    "worker", "host", "worker_pid", "output_size", "output_path", "error_size", "error_path", "waited",
)  # fmt: skip

_NEVER_RAN = (None,) * (len(_COLUMNS) - _COLUMNS.index("number"))


def _row(each: _Accepted, now: float) -> tuple[Any, ...]:
    """Return how the job's row changes, and its attempt, in the order of _COLUMNS."""
    settlement, leased, run = each.settlement, each.leased, each.run
    if each.state >= COMPLETED:
        phase, at = DONE, leased.at
    else:
        phase, at = (DUE, now + settlement.delay) if settlement.delay > 0 else (READY, now)
    previous_delay = settlement.delay if each.verdict is Verdict.FAILED else None
    since = now if phase == DUE else None
    before = leased.seq, phase, each.state, at, since, leased.attempts + settlement.charge
    if run is None:
        finished_at = now if phase == DONE else None
        return *before, leased.lost, previous_delay, storable(settlement.error), finished_at, *_NEVER_RAN
    outcome, output = run.outcome, run.output
    return (
        *before, leased.lost + (run.result is Result.LOST), previous_delay,
        storable(outcome.error if settlement.error is None else settlement.error), now - run.ended_ago, run.number,
        run.result.value, outcome.exit_code, outcome.signal, storable(outcome.error), outcome.timed_out,
        outcome.cpu_time, outcome.peak_memory, outcome.pid, now - run.started_ago, leased.runner, leased.host,
        leased.pid, output.size, output.path, output.error_size, output.error_path,
        max(0.0, now - run.started_ago - leased.at),
    )  # fmt: skip


ATTEMPT = (
    "job", "number", "result", "exit_code", "signal", "error", "timed_out", "cpu_time", "peak_memory", "pid",
    "started_at", "finished_at", "worker", "host", "worker_pid", "output_size", "output_path", "error_size",
    "error_path",
)  # fmt: skip


def _keep_outputs(tx: Transaction, accepted: Sequence[_Accepted]) -> None:
    outputs = [
        (each.leased.seq, each.run.number, each.run.output.tail, each.run.output.error_tail)
        for each in accepted
        if each.run is not None and (each.run.output.tail or each.run.output.error_tail is not None)
    ]
    if outputs:
        seqs, numbers, tails, error_tails = map(list, zip(*outputs, strict=True))
        tx.link.ask(sql.ADD_OUTPUTS, (array(seqs), array(numbers), tails, error_tails))


def _starts(tx: Transaction, accepted: Sequence[_Accepted]) -> Mapping[int, Job]:
    """Return the jobs whose start was never recorded, as they were when they started."""
    if "job.started" not in tx.wanted:
        return {}
    started = {each.leased.seq: each.run for each in accepted if each.leased.recorded_at is None}
    jobs = tx.jobs_at([seq for seq, run in started.items() if run is not None])
    return {
        seq: replace(jobs[seq], started_at=tx.now - run.started_ago) for seq, run in started.items() if run is not None
    }


def _tell(tx: Transaction, accepted: Sequence[_Accepted], starts: Mapping[int, Job]) -> None:
    wanted = [
        each
        for each in accepted
        if _EVENTS[each.verdict] in tx.wanted and not (each.verdict is Verdict.RELEASED and each.run is None)
    ]
    jobs = tx.jobs_at([each.leased.seq for each in wanted]) if wanted else {}
    for each in accepted:
        seq = each.leased.seq
        attempt = None if each.run is None else each.run.number
        if seq in starts:
            tx.announce("job.started", starts[seq], attempt=attempt, worker=each.leased.runner)
        if seq in jobs:
            tx.announce(_EVENTS[each.verdict], jobs[seq], attempt=attempt, worker=each.leased.runner)
