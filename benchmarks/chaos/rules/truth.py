"""What is recorded is what the command did: exit code for exit code, as the command itself and its worker saw it."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chaos.final import Record
from benchmarks.chaos.history import History, Run, Try


def breaches(history: History) -> Iterator[str]:
    """Yield attempts with an exit code that their command did not end with."""
    runs = {(run.job, run.attempt): run for run in history.runs}
    tries = {(run.job, run.attempt): run for run in history.tries}
    for job in history.final.jobs:
        for record in job.records:
            key = job.id, record.number
            yield from _untrue(job.id, record, runs.get(key), tries.get(key))


def _untrue(job: str, record: Record, run: Run | None, seen: Try | None) -> Iterator[str]:
    what = f"{job}: attempt {record.number} is recorded as {record.result}"
    if record.result == "completed" and record.exit_code != 0:
        yield f"{what} with exit code {record.exit_code}"
    if record.exit_code is None or record.result == "lost":
        return
    if run is None or run.end is None:
        yield f"{what} with exit code {record.exit_code}, and its command never came to an end"
    elif run.code != record.exit_code:
        yield f"{what} with exit code {record.exit_code}, and its command ended with {run.code}"
    if seen is not None and seen.returned is not None and seen.exit_code != record.exit_code:
        yield f"{what} with exit code {record.exit_code}, and its worker saw {seen.exit_code}"
