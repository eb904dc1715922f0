"""A retry that was answered with success puts its job back, and nothing puts one back unasked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks.chaos.history import History
from benchmarks.chaos.transition import RETRIES


def breaches(history: History) -> Iterator[str]:
    """Yield jobs that were put back by hand less often than was answered, or more often than was asked."""
    retries = [order for order in history.orders if order.action in RETRIES]
    asked = Counter(job for order in retries for job in order.jobs)
    answered = Counter(job for order in retries if order.code == 0 for job in order.jobs)
    put_back = Counter(line.job for line in history.told if line.name == "job.requeued" and line.attempt is None)
    for job in sorted(asked.keys() | put_back.keys()):
        if put_back[job] < answered[job]:
            yield f"{job}: {answered[job]} retries were answered, and it was put back {put_back[job]} times"
        if put_back[job] > asked[job]:
            yield f"{job}: it was put back {put_back[job]} times, and {asked[job]} retries were asked for"
