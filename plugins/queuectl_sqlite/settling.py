"""Settling: how claims ended is written down, for those whose lease still holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from queuectl import Job, Result, Run, Settlement, Verdict
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import CANCELLED, COMPLETED, DEAD, DONE, DUE, FAILED, PENDING, PROCESSING, READY
from queuectl_sqlite.transaction import Transaction, Wake

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


class _Leased(NamedTuple):
    """What LEASED tells of the job under a lease."""

    lease: int
    seq: int
    queue: int
    attempts: int
    lost: int
    cancel_requested: int
    at: float
    recorded_at: float | None
    origin_worker: str | None
    limit_key: str | None
    max_jobs: int | None


ENDED_IS_KEPT = 8 * 86400.0
"""For how many seconds it is kept how many runs ended in each second."""

_MOST_ATTEMPTS = 0xFFFFF
"""As many as the id of an attempt has room for; a job may run more often, but is not told of further runs."""


@dataclass(slots=True)
class _Writes:
    """The rows to write, gathered so that each statement runs once for all settlements."""

    runs: list[tuple[object, ...]] = field(default_factory=list)
    unstarted: list[tuple[object, ...]] = field(default_factory=list)
    pending: list[tuple[int]] = field(default_factory=list)
    run_ats: list[tuple[object, ...]] = field(default_factory=list)
    attempts: list[tuple[object, ...]] = field(default_factory=list)
    outputs: list[tuple[object, ...]] = field(default_factory=list)
    ended: dict[int, list[float]] = field(default_factory=dict)


def settle(tx: Transaction, settlements: Sequence[Settlement]) -> frozenset[int]:
    """Write how claims ended; return the tokens of the leases that still held."""
    if not settlements:
        return frozenset()
    leases = [(each.lease.worker, each.lease.token, each.lease.job) for each in settlements]
    held = {leased.lease: leased for leased in map(_Leased._make, tx.db.executemany(sql.LEASED, leases))}
    accepted: dict[int, tuple[Settlement, _Leased, Verdict]] = {}
    for settlement in settlements:
        leased = held.pop(settlement.lease.token, None)  # popped: a lease can be settled once
        if leased is not None:
            accepted[leased.lease] = settlement, leased, _after_cancel(settlement.verdict, leased)
    starts = _starts(tx, accepted.values())
    _write(tx, accepted.values())
    if not tx.wanted.isdisjoint(_TOLD):
        _tell(tx, accepted.values(), starts)
    return frozenset(accepted)


_TOLD = frozenset({"job.started", *_EVENTS.values()})


def _after_cancel(verdict: Verdict, leased: _Leased) -> Verdict:
    return Verdict.CANCELLED if leased.cancel_requested and verdict in _GIVES_BACK else verdict


def _write(tx: Transaction, accepted: Iterable[tuple[Settlement, _Leased, Verdict]]) -> None:
    writes = _Writes()
    runners = _Runners(tx)
    for settlement, leased, verdict in accepted:
        state = _end(tx, writes, settlement, leased, verdict)
        if settlement.run is not None:
            _keep_attempt(writes, tx.now, settlement.run, leased, runners.of(settlement, leased))
        tx.left(leased.queue, PROCESSING)
        tx.arrived(leased.queue, state)
        gives_work = state in {PENDING, FAILED} or leased.max_jobs is not None
        tx.concerns(Wake.ALL if gives_work else Wake.CLIENTS)
    db = tx.db
    db.executemany(sql.SETTLE_RUN, writes.runs)
    db.executemany(sql.SETTLE_UNSTARTED, writes.unstarted)
    db.executemany(sql.CLEAR_RUN, writes.pending)
    db.executemany(sql.SET_RUN_AT, writes.run_ats)
    db.executemany(sql.ADD_ATTEMPT, writes.attempts)
    db.executemany(sql.ADD_OUTPUT, writes.outputs)
    if writes.ended:
        db.executemany(sql.ADD_TO_ENDED, [(second, *sums) for second, sums in writes.ended.items()])
        db.execute(sql.FORGET_ENDED, (tx.now - ENDED_IS_KEPT,))
    for _, leased, _ in accepted:
        if leased.limit_key is not None:
            tx.unpark(leased.queue, leased.limit_key)


def _end(tx: Transaction, writes: _Writes, settlement: Settlement, leased: _Leased, verdict: Verdict) -> int:
    """Gather how the job's row changes, and return its new state."""
    now, run = tx.now, settlement.run
    attempts = leased.attempts + settlement.charge
    state = _FINAL.get(verdict)
    delay = settlement.delay
    if state is not None:
        phase, at = DONE, leased.at
    else:
        phase, at = (DUE, now + delay) if delay > 0 else (READY, now)
        state = FAILED if verdict is Verdict.FAILED or (verdict is Verdict.RELEASED and attempts) else PENDING
        if state == PENDING:
            writes.pending.append((leased.seq,))
            if delay:
                writes.run_ats.append((at, leased.seq))
    since = now if phase == DUE else None
    previous_delay = delay if verdict is Verdict.FAILED else None
    if run is None:
        finished_at = now if phase == DONE else None
        writes.unstarted.append(
            (phase, state, at, since, now, attempts, previous_delay, finished_at, settlement.error, leased.seq)
        )
        return state
    outcome = run.outcome
    writes.runs.append(
        (
            phase, state, at, since, now, attempts, leased.lost + (run.result is Result.LOST), previous_delay,
            run.number, now - run.started_ago, now - run.ended_ago, outcome.exit_code, outcome.signal,
            outcome.error if settlement.error is None else settlement.error, leased.seq,
        )
    )  # fmt: skip
    return state


def _keep_attempt(writes: _Writes, now: float, run: Run, leased: _Leased, runner: tuple[str, str, int]) -> None:
    outcome, output = run.outcome, run.output
    number = min(run.number, _MOST_ATTEMPTS)
    started_at, finished_at = now - run.started_ago, now - run.ended_ago
    writes.attempts.append(
        (
            leased.seq, number, run.result.value, outcome.exit_code, outcome.signal, outcome.error, outcome.timed_out,
            outcome.cpu_time, outcome.peak_memory, outcome.pid, started_at, finished_at, *runner,
            output.size, output.path, output.error_size, output.error_path,
        )
    )  # fmt: skip
    if output.tail or output.error_tail is not None:
        writes.outputs.append((leased.seq, number, output.tail, output.error_tail))
    sums = writes.ended.setdefault(int(finished_at), [0, 0, 0.0, 0.0])
    sums[0] += run.result is Result.COMPLETED
    sums[1] += run.result is Result.FAILED or run.result is Result.LOST
    sums[2] += finished_at - started_at
    sums[3] += max(0.0, started_at - leased.at)


class _Runners:
    """Who ran what is settled: the worker under whose lease the run began, whoever settles it."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._known: dict[str, tuple[str, str, int]] = {}

    def of(self, settlement: Settlement, leased: _Leased) -> tuple[str, str, int]:
        """Return incarnation, host and pid."""
        worker = leased.origin_worker or settlement.lease.worker
        if worker not in self._known:
            host, pid = self._tx.db.execute(sql.INCARNATION, (worker,)).get or ("", 0)
            self._known[worker] = worker, host, pid
        return self._known[worker]


def _starts(tx: Transaction, accepted: Iterable[tuple[Settlement, _Leased, Verdict]]) -> dict[int, Job]:
    """Return the jobs whose start was never recorded, as they were when they started."""
    if "job.started" not in tx.wanted:
        return {}
    return {
        leased.seq: replace(tx.job(leased.seq), started_at=tx.now - settlement.run.started_ago)
        for settlement, leased, _ in accepted
        if settlement.run is not None and leased.recorded_at is None
    }


def _tell(tx: Transaction, accepted: Iterable[tuple[Settlement, _Leased, Verdict]], starts: dict[int, Job]) -> None:
    for settlement, leased, verdict in accepted:
        told: dict[str, Any] = {
            "attempt": None if settlement.run is None else settlement.run.number,
            "worker": leased.origin_worker or settlement.lease.worker,
        }
        if leased.seq in starts:
            tx.announce("job.started", starts[leased.seq], **told)
        name = _EVENTS[verdict]
        if name in tx.wanted and not (verdict is Verdict.RELEASED and settlement.run is None):
            tx.announce(name, tx.job(leased.seq), **told)
