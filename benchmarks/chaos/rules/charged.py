"""`attempts` counts the runs since the last reset that their worker survived; lost and given-back ones are free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.chaos.final import Stored
from benchmarks.chaos.history import History
from benchmarks.chaos.lines import Told
from benchmarks.chaos.transition import is_outcome

CHARGED = frozenset({"completed", "failed", "cancelled"})


def breaches(history: History) -> Iterator[str]:
    """Yield jobs that were charged more, or less, than they ran."""
    for job in history.final.jobs:
        charged = _charged(job, history.told_of.get(job.id, ()))
        if charged != job.attempts:
            yield f"{job.id}: {charged} runs are to be charged, and it counts {job.attempts}"


def _charged(job: Stored, told: Sequence[Told]) -> int:
    results = {record.number: record.result for record in job.records}
    charged = 0
    for line in told:
        if is_outcome(line):
            charged += results.get(line.attempt or 0) in CHARGED
        elif line.name == "job.requeued" and line.attempts == 0:  # a retry by hand starts anew
            charged = 0
    return charged
