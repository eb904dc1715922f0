"""Adopting: jobs as they are in another store are stored here, each once."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from queuectl import Attempt, ConflictError, Job, Moved, Output, State
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import CODE_OF_STATE, DONE, DUE, FAILED, HELD, READY
from queuectl_sqlite.enqueueing import queue_id
from queuectl_sqlite.rows import command_columns, json_of
from queuectl_sqlite.transaction import Transaction, Wake

ADOPT_JOB = """
    INSERT INTO job (
        seq, queue, priority, phase, state, at, created_at, updated_at, max_retries, attempts, runs, lost, worker,
        started_at, finished_at, exit_code, signal, error, previous_delay, unique_key, limit_key
    )
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

ADOPT_FIRING = "INSERT OR IGNORE INTO firing (schedule, fire_at) VALUES (?, ?)"


def adopt(tx: Transaction, moved: Sequence[Moved]) -> int:
    """Store jobs that are not stored yet, with their attempts, and return how many those were."""
    fresh = [each for each in moved if not tx.db.execute(sql.ID_TAKEN, (each.job.id,)).get]
    if not fresh:
        return 0
    _refuse(tx.db, [each.job for each in fresh])
    first = tx.db.execute(sql.NEXT_SEQS, (len(fresh),)).get - len(fresh) + 1
    for seq, each in enumerate(fresh, first):
        _store(tx, seq, each)
    tx.concerns(Wake.ALL)
    return len(fresh)


def _refuse(db: apsw.Connection, jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.state is State.PROCESSING:
            raise ConflictError(f"job {job.id!r} is processing")
        key = job.unique_key if CODE_OF_STATE[job.state] <= FAILED else None
        if key is not None and db.execute(sql.KEY_TAKEN, (key,)).get:
            raise ConflictError(f"job {job.id!r}: the unique key {key!r} is held by a live job")


def _store(tx: Transaction, seq: int, moved: Moved) -> None:
    db, job = tx.db, moved.job
    queue, state = queue_id(db, job.queue), CODE_OF_STATE[job.state]
    db.execute(ADOPT_JOB, _job_row(seq, job, queue, tx.now))
    db.execute(sql.ADD_SPEC, _spec_row(seq, job))
    db.executemany(sql.ADD_TAG, ((tag, seq) for tag in job.tags))
    if job.schedule is not None:
        db.execute(ADOPT_FIRING, (job.schedule, job.fire_at))
    db.executemany(sql.ADD_ATTEMPT, (_attempt_row(seq, attempt, output) for attempt, output in moved.attempts))
    wrote = [run for run in moved.attempts if run[1].tail or run[1].error_tail is not None]
    db.executemany(sql.ADD_OUTPUT, ((seq, attempt.number, out.tail, out.error_tail) for attempt, out in wrote))
    tx.arrived(queue, state)


def _job_row(seq: int, job: Job, queue: int, now: float) -> tuple[object, ...]:
    due_at = job.next_retry_at if job.state is State.FAILED else job.run_at
    at = job.created_at if due_at is None else due_at
    state = CODE_OF_STATE[job.state]
    phase = DONE if state > FAILED else HELD if job.held else READY if at <= now else DUE
    return (
        seq, queue, job.priority, phase, state, at, job.created_at, job.updated_at, job.max_retries, job.attempts,
        job.runs, job.lost, job.worker, job.started_at, job.finished_at, job.exit_code, job.signal, job.error,
        job.previous_delay, job.unique_key, job.limit_key,
    )  # fmt: skip


def _spec_row(seq: int, job: Job) -> tuple[object, ...]:
    return (
        seq, job.id, *command_columns(job.command), job.run_at, job.timeout, job.cwd, json_of(job.env),
        json_of(job.tags), json_of(job.backoff), json_of(job.options), job.schedule, job.fire_at,
    )  # fmt: skip


def _attempt_row(seq: int, attempt: Attempt, output: Output) -> tuple[object, ...]:
    outcome = attempt.outcome
    return (
        seq, attempt.number, attempt.result.value, outcome.exit_code, outcome.signal, outcome.error,
        outcome.timed_out, outcome.cpu_time, outcome.peak_memory, outcome.pid, attempt.started_at,
        attempt.finished_at, attempt.worker, attempt.host, attempt.worker_pid, output.size, output.path,
        output.error_size, output.error_path,
    )  # fmt: skip
