"""What transitions mean: which of them are outcomes of runs, and as what those runs are recorded then."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.chaos.lines import Told

RESULTS: Mapping[str, frozenset[str]] = {
    "job.completed": frozenset({"completed"}),
    "job.failed": frozenset({"failed"}),
    "job.dead": frozenset({"failed", "lost"}),
    "job.lost": frozenset({"lost"}),
    # A cancel that came meanwhile makes all of these cancelled, and the run stays what it was.
    "job.cancelled": frozenset({"cancelled", "failed", "lost", "released"}),
    "job.requeued": frozenset({"released"}),
}
"""As what the run may be recorded whose outcome is told by this name."""

FINAL_STATES = frozenset({"completed", "dead", "cancelled"})
"""What a job is in when nothing more is to be done; it leaves them only when a person retries it."""

RETRIES = frozenset({"retry", "dlq retry"})
"""The commands by which a person puts a job back."""


def is_outcome(told: Told) -> bool:
    """Whether a transition is the accepted outcome of a run."""
    return told.attempt is not None and told.name in RESULTS
