"""A job whose cancel was answered is not started again, unless somebody asks for that later.

A worker that had it in hand at that moment may still begin it, and ends it when it hears of the cancel.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chaos.history import History, Order
from benchmarks.chaos.transition import RETRIES


def breaches(history: History) -> Iterator[str]:
    """Yield jobs that began more than once after the answer to a cancel."""
    retries = [order for order in history.orders if order.action in RETRIES]
    for order in history.orders:
        if order.action == "cancel" and order.code == 0 and order.answered is not None:
            for job in order.jobs:
                if not any(_undoes(retry, order, job) for retry in retries):
                    yield from _restarted(history, job, order.answered)


def _undoes(retry: Order, cancel: Order, job: str) -> bool:
    return retry.concerns(job) and (retry.answered is None or retry.answered > cancel.asked)


def _restarted(history: History, job: str, answered: float) -> Iterator[str]:
    later = [run for run in history.runs_of.get(job, ()) if run.begin > answered]
    if len(later) > 1:
        yield f"{later[1]} began after its job had been cancelled"
