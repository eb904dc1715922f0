"""Nothing is accepted from a lease that was superseded.

Each transition tells of the lease that it was made under. A later lease shows in two places: in a transition before
it, and in a command that had begun under it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.chaos.history import History, Run
from benchmarks.chaos.lines import Told
from benchmarks.chaos.transition import is_outcome


def breaches(history: History) -> Iterator[str]:
    """Yield outcomes that were accepted although a later lease was out."""
    for job, told in history.told_of.items():
        highest = 0
        for line in told:
            if line.token < highest:
                yield f"{job}: {line.name} under lease {line.token} came after lease {highest}"
            highest = max(highest, line.token)
            if is_outcome(line):
                yield from _outrun(line, history.runs_of.get(job, ()))


def _outrun(line: Told, runs: Sequence[Run]) -> Iterator[str]:
    for run in runs:
        if run.token > line.token and run.began_at < line.at:
            yield f"{line.job}: {line.name} under lease {line.token} was accepted after {run} had begun"
