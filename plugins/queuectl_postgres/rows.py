"""Jobs as rows, and rows as jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from queuectl import BackoffChoice, Command, Job
from queuectl_postgres.codes import FAILED, HELD, PROCESSING, STATES

JOB_COLUMNS = """
    spec.id, spec.command, spec.argv, job.state, queue.name, job.priority, job.attempts, job.max_retries,
    job.created_at, job.updated_at, spec.run_at, job.at, job.recorded_at, job.started_at, job.finished_at,
    spec.timeout, spec.cwd,
    spec.env, spec.tags, spec.backoff, spec.options, job.exit_code, job.signal, job.error, job.worker,
    job.cancel_requested, job.phase, job.runs, job.lost, job.lease, job.previous_delay, job.unique_key, job.limit_key,
    spec.schedule, spec.fire_at
"""
"""What `job_of` reads, in its order."""

_NAMES = [name.strip() for name in JOB_COLUMNS.split(",")]
STATE, PRIORITY, UPDATED_AT, AT, WORKER = (
    _NAMES.index(f"job.{name}") for name in ("state", "priority", "updated_at", "at", "worker")
)
CANCEL_REQUESTED, PHASE, RUNS, LEASE, LIMIT_KEY = (
    _NAMES.index(f"job.{name}") for name in ("cancel_requested", "phase", "runs", "lease", "limit_key")
)
ID = 0
SEQ, QUEUE, BEFORE = len(_NAMES), len(_NAMES) + 1, len(_NAMES) + 2
"""Where columns stand in such a row. The last three follow it where a statement asks for them."""

JOB_TABLES = "queuectl.job JOIN queuectl.spec ON spec.seq = job.seq JOIN queuectl.queue ON queue.id = job.queue"
"""Where those columns are."""

Row = tuple[Any, ...]
"""What a statement returns."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def job_of(row: Sequence[Any]) -> Job:
    """Make a job of the columns JOB_COLUMNS; further ones are passed over."""
    (
        id, command, argv, state, queue, priority, attempts, max_retries,
        created_at, updated_at, run_at, at, recorded_at, started_at, finished_at,
        timeout, cwd, env, tags, backoff, options, exit_code, signal, error, worker,
        cancel_requested, phase, runs, lost, lease, previous_delay, unique_key, limit_key,
        schedule, fire_at, *_,
    ) = row  # fmt: skip
    return Job(
        id=id,
        command=command if argv is None else tuple(_decode(argv)),
        state=STATES[state],
        queue=queue,
        priority=priority,
        attempts=attempts,
        max_retries=max_retries,
        created_at=created_at,
        updated_at=updated_at,
        run_at=run_at,
        next_retry_at=at if state == FAILED else None,
        started_at=recorded_at if state == PROCESSING else started_at,
        finished_at=None if state == PROCESSING else finished_at,
        timeout=timeout,
        cwd=cwd,
        env={} if env is None else _decode(env),
        tags=() if tags is None else tuple(_decode(tags)),
        backoff=None if backoff is None else _decode(backoff),
        options={} if options is None else _decode(options),
        exit_code=exit_code,
        signal=signal,
        error=error,
        worker=worker,
        cancel_requested=cancel_requested,
        held=phase == HELD,
        runs=runs,
        lost=lost,
        lease=lease,
        previous_delay=previous_delay,
        unique_key=unique_key,
        limit_key=limit_key,
        schedule=schedule,
        fire_at=fire_at,
    )


def command_columns(command: Command) -> tuple[str | None, str | None]:
    """Return a command as the columns `command` and `argv`."""
    return (command, None) if isinstance(command, str) else (None, json_of(command))


def json_of(value: Mapping[str, Any] | Sequence[str] | BackoffChoice | None) -> str | None:
    """Return a value as JSON text; None for what is empty, which reads back as empty."""
    return _encode(value).decode() if value else None


def storable(text: str | None) -> str | None:
    """Return a text of an executor's as PostgreSQL can keep it: there is no null character in its texts."""
    return None if text is None else text.replace("\0", "\\0")


def snapshot(job: Job) -> str:
    """Return a job as the JSON text that an event carries."""
    return _encode(job).decode()
