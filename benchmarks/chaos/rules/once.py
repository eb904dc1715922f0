"""A lease has one outcome at most that is accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmarks.chaos.history import History
from benchmarks.chaos.transition import is_outcome


def breaches(history: History) -> Iterator[str]:
    """Yield leases under which several outcomes were written."""
    for job, told in history.told_of.items():
        outcomes = Counter(line.token for line in told if is_outcome(line))
        for token, count in outcomes.items():
            if count > 1:
                yield f"{job}: {count} outcomes were accepted under lease {token}"
