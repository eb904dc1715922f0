"""History: what is stored of runs."""

from __future__ import annotations

import math
from typing import Any

from queuectl import Attempt, Bucket, Outcome, Output, Result
from queuectl_postgres import orders
from queuectl_postgres.link import Link


def attempts(link: Link, job: str) -> list[Attempt]:
    """Return the attempts of a job, oldest first."""
    return [_attempt(job, row) for row in link.rows(orders.ATTEMPTS, (job,))]


def output(link: Link, job: str, number: int) -> Output | None:
    """Return what is stored of an attempt's output."""
    row = link.row(orders.OUTPUT, (job, number))
    if row is None:
        return None
    tail, size, path, error_tail, error_size, error_path = row
    return Output(
        tail=tail or b"", size=size, path=path, error_tail=error_tail, error_size=error_size, error_path=error_path
    )


def stats(link: Link, since: float, step: float, now: float) -> list[Bucket]:
    """Return what ended in each step of the time from `since` seconds ago until now."""
    start, steps = now - since, math.ceil(since / step)
    sums = dict.fromkeys(range(steps), (0, 0, 0.0, 0.0))
    for index, *ended in link.rows(orders.STATS, {"start": start, "end": now, "step": step}):
        place = min(index, steps - 1)  # what ends just now belongs to the last step
        completed, failed, run_time, wait_time = (old + new for old, new in zip(sums[place], ended, strict=True))
        sums[place] = completed, failed, run_time, wait_time
    return [
        Bucket(start=start + index * step, completed=completed, failed=failed, run_time=run_time, wait_time=wait_time)
        for index, (completed, failed, run_time, wait_time) in sums.items()
    ]


def _attempt(job: str, row: tuple[Any, ...]) -> Attempt:
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
            timed_out=timed_out,
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
