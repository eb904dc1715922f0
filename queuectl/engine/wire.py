"""Jobs, attempts and workers as JSON: the names that scripts rely on, in a fixed order, null where there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from queuectl.engine.times import format_time
from queuectl.model.job import Job

if TYPE_CHECKING:
    from queuectl.model.attempt import Attempt
    from queuectl.model.worker import Worker


def job_to_dict(job: Job) -> dict[str, Any]:
    """Return a job by its JSON fields."""
    command = job.command
    return {
        "id": job.id,
        "command": command if isinstance(command, str) else list(command),
        "state": job.state.value,
        "attempts": job.attempts,
        "max_retries": job.max_retries,
        "created_at": format_time(job.created_at),
        "updated_at": format_time(job.updated_at),
        "queue": job.queue,
        "priority": job.priority,
        "run_at": _time(job.run_at),
        "timeout": job.timeout,
        "cwd": job.cwd,
        "env": dict(job.env),
        "tags": list(job.tags),
        "backoff": job.backoff,
        "options": dict(job.options),
        "next_retry_at": _time(job.next_retry_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "exit_code": job.exit_code,
        "signal": job.signal,
        "error": job.error,
        "worker": job.worker,
        "cancel_requested": job.cancel_requested,
    }


def shown_job(job: Job) -> dict[str, Any]:
    """Return the JSON fields of a job, with what looks like a secret masked."""
    from queuectl.secrets import masked

    fields = job_to_dict(job)
    fields["env"] = {name: masked(name, value) for name, value in job.env.items()}
    return fields | {name: masked(name, fields[name]) for name in ("backoff", "options")}


def attempt_to_dict(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt as it stands in `attempts_log`. Times that were used are in seconds, sizes in bytes."""
    outcome = attempt.outcome
    return {
        "number": attempt.number,
        "result": attempt.result.value,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "error": outcome.error,
        "timed_out": outcome.timed_out,
        "started_at": format_time(attempt.started_at),
        "finished_at": format_time(attempt.finished_at),
        "cpu_time": outcome.cpu_time,
        "peak_memory": outcome.peak_memory,
        "worker": attempt.worker,
        "host": attempt.host,
        "worker_pid": attempt.worker_pid,
        "pid": outcome.pid,
        "output_size": attempt.output_size,
        "output_path": attempt.output_path,
    }


def worker_to_dict(worker: Worker) -> dict[str, Any]:
    """Return a worker. `queues` is null when it serves all, `stop` unless it was asked to stop."""
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "supervisor": worker.supervisor,
        "queues": None if worker.queues is None else list(worker.queues),
        "concurrency": worker.concurrency,
        "started_at": format_time(worker.started_at),
        "beat_at": format_time(worker.beat_at),
        "stop": None if worker.stop is None else worker.stop.value,
        "running": list(worker.running),
    }


def _time(moment: float | None) -> str | None:
    return None if moment is None else format_time(moment)
