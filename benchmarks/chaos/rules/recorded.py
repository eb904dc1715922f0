"""Each run that began is recorded as an attempt, a lost one as lost; and each attempt was accepted once, as it stands.

What began is known from both sides: the worker that was about to start a command, and the command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.chaos.final import Record, Stored
from benchmarks.chaos.history import History, Run, Try
from benchmarks.chaos.lines import Told
from benchmarks.chaos.transition import RESULTS, is_outcome


def breaches(history: History) -> Iterator[str]:
    """Yield runs without a record, runs that share one, and records that no transition or another one tells of."""
    for job in history.final.jobs:
        records = {record.number: record for record in job.records}
        yield from _unrecorded("the command", history.runs_of.get(job.id, ()), records)
        tries = [run for run in history.tries_of.get(job.id, ()) if run.may_have_begun]
        yield from _unrecorded("the worker", tries, records)
        yield from _untold(job, history.told_of.get(job.id, ()))


def _unrecorded(side: str, runs: Sequence[Run] | Sequence[Try], records: dict[int, Record]) -> Iterator[str]:
    for run in runs:
        record = records.get(run.attempt)
        if record is None:
            yield f"{run} began, says {side}, and is not recorded"
        elif record.worker != run.worker:
            yield f"{run} was of worker {run.worker}, and is recorded as one of {record.worker}"
    for number, count in Counter(run.attempt for run in runs).items():
        if count > 1:
            yield f"{runs[0].job}: attempt {number} began {count} times, says {side}"


def _untold(job: Stored, told: Sequence[Told]) -> Iterator[str]:
    outcomes = {line.attempt: line for line in told if is_outcome(line)}
    for record in job.records:
        line = outcomes.pop(record.number, None)
        if line is None:
            yield f"{job.id}: attempt {record.number} is recorded, and no transition told of it"
        elif record.result not in RESULTS[line.name]:
            yield f"{job.id}: attempt {record.number} is recorded as {record.result}, and {line.name} was told"
    for number in outcomes:
        yield f"{job.id}: an outcome of attempt {number} was accepted, and it is not recorded"
