"""What the system lets a worker have: enough descriptors for the jobs that it runs at once."""

from __future__ import annotations

import resource

EVERYTHING_ELSE = 256
"""Descriptors for the store, the ledger, the log, and what plugins open."""

EACH_RUN = 8
"""Descriptors for a run: its output twice, its cancel flag, its process, and some for its executor."""


def allow_runs(concurrency: int) -> tuple[int, int]:
    """Raise the soft limit of descriptors to what so many runs need, as far as the hard one allows; return both.

    It is not raised beyond that, since commands inherit it, and old ones cannot do with many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = EVERYTHING_ELSE + EACH_RUN * concurrency
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft == resource.RLIM_INFINITY or soft >= allowed:
        return needed, needed if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return needed, allowed
