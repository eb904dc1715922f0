"""In the end the store finds itself sound, no process is left behind, and nothing around the run went wrong."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.chaos.history import History


def breaches(history: History) -> Iterator[str]:
    """Yield what the storage says is wrong, who still runs, and what else failed."""
    final = history.final
    yield from (f"the store: {problem}" for problem in final.problems)
    yield from (f"left behind: {process}" for process in final.left)
    yield from final.faults
