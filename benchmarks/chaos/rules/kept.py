"""An acknowledged enqueue is kept until it is done, a batch is stored whole or not at all, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chaos.history import Batch, History
from benchmarks.chaos.transition import FINAL_STATES


def breaches(history: History) -> Iterator[str]:
    """Yield jobs that are lost, jobs that are not done, halves of batches, and jobs that nobody enqueued."""
    for batch in history.batches:
        yield from _missing(batch, history)
    intended = {id for batch in history.batches for id in batch.jobs}
    for job in history.final.jobs:
        if job.state not in FINAL_STATES:
            yield f"{job.id}: it is {job.state} in the end"
        if job.id not in intended:
            yield f"{job.id}: it is stored, and nobody enqueued it"


def _missing(batch: Batch, history: History) -> Iterator[str]:
    missing = [id for id in batch.jobs if id not in history.stored]
    if batch.acknowledged:
        yield from (f"{id}: its enqueue was acknowledged, and it is not stored" for id in missing)
    elif missing and len(missing) < len(batch.jobs):
        yield f"{missing[0]}: it is not stored, but others of its transaction are"
