"""Settling: how claims ended is written down, for those whose lease still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from queuectl import Job, Result, Run, Settlement, Verdict
from queuectl_postgres import statements as sql
from queuectl_postgres.arrays import arrays, columns
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

Runner = tuple[str, str, int]
"""A worker's id, its host and process."""

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
    origin_worker: str | None
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

    @property
    def runner(self) -> str:
        """The worker under whose lease the run began, whoever settles it."""
        return self.leased.origin_worker or self.settlement.lease.worker


class Told(NamedTuple):
    """What the server tells of leases that are to be settled: their jobs, which are locked, and their workers."""

    leased: Answer | None
    workers: Answer | None


def tell(link: Link, settlements: Sequence[Settlement]) -> Told:
    """Ask for the jobs under the leases of settlements, and who those workers are."""
    if not settlements:
        return Told(None, None)
    leases = [(each.lease.worker, each.lease.token, each.lease.job) for each in settlements]
    return Told(
        link.ask(sql.LEASED, arrays(leases)), link.ask(sql.INCARNATIONS, (sorted({worker for worker, *_ in leases}),))
    )


def settle(tx: Transaction, settlements: Sequence[Settlement], told: Told) -> frozenset[int]:
    """Write how claims ended; return the tokens of the leases that still held."""
    if told.leased is None or told.workers is None:
        return frozenset()
    held = {leased.lease: leased for leased in map(_Leased._make, told.leased.fetchall())}
    accepted = []
    for settlement in settlements:
        leased = held.pop(settlement.lease.token, None)  # popped: a lease can be settled once
        if leased is not None:
            accepted.append(_accept(settlement, leased))
    if accepted:
        starts = _starts(tx, accepted)
        runners = {id: (id, host, pid) for id, host, pid in told.workers.fetchall()}
        _write(tx, accepted, runners)
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


def _write(tx: Transaction, accepted: Sequence[_Accepted], runners: Mapping[str, Runner]) -> None:
    tx.link.ask(sql.SETTLE, {**columns(_JOB, [_job_row(each, tx.now) for each in accepted]), "now": tx.now})
    waits = [
        (each.leased.seq, tx.now + each.settlement.delay)
        for each in accepted
        if each.state == PENDING and each.settlement.delay
    ]
    if waits:
        tx.link.ask(sql.SET_RUN_AT, arrays(waits))
    _keep_attempts(tx, [each for each in accepted if each.run is not None], runners)
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


_JOB = (
    "seq", "phase", "state", "at", "since", "attempts", "lost", "previous_delay", "ran", "runs", "started_at",
    "finished_at", "exit_code", "signal", "error",
)  # fmt: skip


def _job_row(each: _Accepted, now: float) -> tuple[Any, ...]:
    """Return how the job's row changes, in the order of _JOB."""
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
        error = storable(settlement.error)
        return *before, leased.lost, previous_delay, False, None, None, finished_at, None, None, error
    outcome = run.outcome
    return (
        *before, leased.lost + (run.result is Result.LOST), previous_delay, True, run.number, now - run.started_ago,
        now - run.ended_ago, outcome.exit_code, outcome.signal,
        storable(outcome.error if settlement.error is None else settlement.error),
    )  # fmt: skip


ATTEMPT = (
    "job", "number", "result", "exit_code", "signal", "error", "timed_out", "cpu_time", "peak_memory", "pid",
    "started_at", "finished_at", "worker", "host", "worker_pid", "output_size", "output_path", "error_size",
    "error_path",
)  # fmt: skip


def _keep_attempts(tx: Transaction, ran: Sequence[_Accepted], runners: Mapping[str, Runner]) -> None:
    if not ran:
        return
    heirless = sorted({each.runner for each in ran} - runners.keys())
    if heirless:  # the runs of the dead, settled by who took over
        runners = {**runners, **{row[0]: row for row in tx.link.rows(sql.INCARNATIONS, (heirless,))}}
    rows = [_attempt_row(each, runners.get(each.runner, (each.runner, "", 0)), tx.now) for each in ran]
    tx.link.ask(sql.ADD_ATTEMPTS, columns(ATTEMPT, rows))
    outputs = [
        (each.leased.seq, each.run.number, each.run.output.tail, each.run.output.error_tail)
        for each in ran
        if each.run is not None and (each.run.output.tail or each.run.output.error_tail is not None)
    ]
    if outputs:
        tx.link.many(sql.ADD_OUTPUT, outputs)
    _add_up(tx, ran)


def _attempt_row(each: _Accepted, runner: Runner, now: float) -> tuple[Any, ...]:
    run = each.run
    assert run is not None
    outcome, output = run.outcome, run.output
    return (
        each.leased.seq, run.number, run.result.value, outcome.exit_code, outcome.signal, storable(outcome.error),
        outcome.timed_out, outcome.cpu_time, outcome.peak_memory, outcome.pid, now - run.started_ago,
        now - run.ended_ago, *runner, output.size, output.path, output.error_size, output.error_path,
    )  # fmt: skip


def _add_up(tx: Transaction, ran: Sequence[_Accepted]) -> None:
    """Add the runs to the sums of the seconds in which they ended, and now and then forget the oldest."""
    ended: dict[int, list[float]] = {}
    for each in ran:
        run = each.run
        assert run is not None
        sums = ended.setdefault(int(tx.now - run.ended_ago), [0, 0, 0.0, 0.0])
        sums[0] += run.result is Result.COMPLETED
        sums[1] += run.result is Result.FAILED or run.result is Result.LOST
        sums[2] += run.started_ago - run.ended_ago
        sums[3] += max(0.0, tx.now - run.started_ago - each.leased.at)
    rows = [(second, *sums) for second, sums in sorted(ended.items())]
    tx.link.ask(sql.ADD_TO_ENDED, arrays(rows))


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
            tx.announce("job.started", starts[seq], attempt=attempt, worker=each.runner)
        if seq in jobs:
            tx.announce(_EVENTS[each.verdict], jobs[seq], attempt=attempt, worker=each.runner)
