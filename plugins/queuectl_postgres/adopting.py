"""Adopting: jobs as they are in another store are stored here, each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from queuectl import Attempt, ConflictError, Job, Moved, Output, State
from queuectl_postgres import orders
from queuectl_postgres import statements as sql
from queuectl_postgres.arrays import columns
from queuectl_postgres.codes import CODE_OF_STATE, DONE, DUE, FAILED, HELD, READY
from queuectl_postgres.rows import command_columns, json_of, storable
from queuectl_postgres.settling import ATTEMPT
from queuectl_postgres.transaction import Transaction, Wake

_COLUMNS = (
    "queue", "priority", "phase", "state", "at", "created_at", "updated_at", "max_retries", "attempts", "runs", "lost",
    "worker", "started_at", "finished_at", "exit_code", "signal", "error", "previous_delay", "unique_key", "limit_key",
    "id", "command", "argv", "run_at", "timeout", "cwd", "env", "tags", "backoff", "options", "schedule", "fire_at",
)  # fmt: skip


def adopt(tx: Transaction, moved: Sequence[Moved], queues: Mapping[str, int]) -> int:
    """Store jobs that are not stored yet, with their attempts, and return how many those were."""
    there = {id for (id,) in tx.link.rows(sql.IDS_TAKEN, ([each.job.id for each in moved],))}
    fresh = [each for each in moved if each.job.id not in there]
    if not fresh:
        return 0
    _refuse(tx, [each.job for each in fresh])
    rows = [_row(each.job, queues[each.job.queue], tx.now) for each in fresh]
    seqs = dict(tx.link.rows(orders.ADOPT_JOBS, columns(_COLUMNS, rows)))
    runs = [(seqs[each.job.id], *run) for each in fresh for run in each.attempts]
    if runs:
        tx.link.run(sql.ADD_ATTEMPTS, columns(ATTEMPT, [_attempt(*run) for run in runs]))
        wrote = [run for run in runs if run[2].tail or run[2].error_tail is not None]
        tx.link.many(
            sql.ADD_OUTPUT,
            [(seq, attempt.number, output.tail, output.error_tail) for seq, attempt, output in wrote],
        )
    for each in fresh:
        tx.arrived(queues[each.job.queue], CODE_OF_STATE[each.job.state])
    tx.concerns(Wake.ALL)
    return len(fresh)


def _refuse(tx: Transaction, jobs: Sequence[Job]) -> None:
    keys = {job.unique_key: job for job in jobs if job.unique_key is not None and CODE_OF_STATE[job.state] <= FAILED}
    for (key,) in tx.link.rows(sql.KEYS_TAKEN, (list(keys),)) if keys else ():
        raise ConflictError(f"job {keys[key].id!r}: the unique key {key!r} is held by a live job")
    for job in jobs:
        if job.state is State.PROCESSING:
            raise ConflictError(f"job {job.id!r} is processing")


def _row(job: Job, queue: int, now: float) -> tuple[Any, ...]:
    due_at = job.next_retry_at if job.state is State.FAILED else job.run_at
    at = job.created_at if due_at is None else due_at
    phase = DONE if CODE_OF_STATE[job.state] > FAILED else HELD if job.held else READY if at <= now else DUE
    return (
        queue, job.priority, phase, CODE_OF_STATE[job.state], at, job.created_at, job.updated_at, job.max_retries,
        job.attempts, job.runs, job.lost, job.worker, job.started_at, job.finished_at, job.exit_code, job.signal,
        storable(job.error), job.previous_delay, job.unique_key, job.limit_key, job.id, *command_columns(job.command),
        job.run_at, job.timeout, job.cwd, json_of(job.env), json_of(job.tags), json_of(job.backoff),
        json_of(job.options), job.schedule, job.fire_at,
    )  # fmt: skip


def _attempt(seq: int, attempt: Attempt, output: Output) -> tuple[Any, ...]:
    outcome = attempt.outcome
    return (
        seq, attempt.number, attempt.result.value, outcome.exit_code, outcome.signal, storable(outcome.error),
        outcome.timed_out, outcome.cpu_time, outcome.peak_memory, outcome.pid, attempt.started_at,
        attempt.finished_at, attempt.worker, attempt.host, attempt.worker_pid, output.size, output.path,
        output.error_size, output.error_path,
    )  # fmt: skip
