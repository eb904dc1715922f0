"""History: what is stored of runs."""

from __future__ import annotations

import math
from typing import Any

import apsw

from queuectl import Attempt, Bucket, Outcome, Output, Result
from queuectl_sqlite import statements as sql


def attempts(db: apsw.Connection, job: str) -> list[Attempt]:
    """Return the attempts of a job, oldest first."""
    return [_attempt(job, row) for row in db.execute(sql.ATTEMPTS, (job,)).fetchall()]


def output(db: apsw.Connection, job: str, number: int) -> Output | None:
    """Return what is stored of an attempt's output."""
    row = db.execute(sql.OUTPUT, (job, number)).get
    if row is None:
        return None
    tail, size, path, error_tail, error_size, error_path = row
    return Output(
        tail=tail or b"", size=size, path=path, error_tail=error_tail, error_size=error_size, error_path=error_path
    )


def stats(db: apsw.Connection, since: float, step: float, now: float) -> list[Bucket]:
    """Return what ended in each step of the time from `since` seconds ago until now."""
    start, steps = now - since, math.ceil(since / step)
    sums = dict.fromkeys(range(steps), (0, 0, 0.0, 0.0))
    for index, *ended in db.execute(sql.STATS, {"start": start, "end": now, "step": step}):
        place = min(index, steps - 1)  # what ends just now belongs to the last step
        completed, failed, run_time, wait_time = (old + new for old, new in zip(sums[place], ended, strict=True))
        sums[place] = int(completed), int(failed), run_time, wait_time
    return [
        Bucket(start=start + index * step, completed=completed, failed=failed, run_time=run_time, wait_time=wait_time)
        for index, (completed, failed, run_time, wait_time) in sums.items()
    ]


def _attempt(job: str, row: Any) -> Attempt:
    (
        number, result, exit_code, signal, error, timed_out, cpu_time, peak_memory, pid, started_at, finished_at,
        worker, host, worker_pid, output_size, output_path,
    ) = row  # fmt: skip
    return Attempt(
        job=job,
        number=number,
        result=Result(result),
        outcome=Outcome(
            exit_code=exit_code,
            signal=signal,
            error=error,
            timed_out=bool(timed_out),
            cpu_time=cpu_time,
            peak_memory=peak_memory,
            pid=pid,
        ),
        started_at=started_at,
        finished_at=finished_at,
        worker=worker,
        host=host,
        worker_pid=worker_pid,
        output_size=output_size,
        output_path=output_path,
    )
