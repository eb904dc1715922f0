"""Upkeep by hand: what ended long ago is deleted, in small transactions that stop nobody."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from queuectl.engine.housekeeping import STEP, unlink_outputs
from queuectl.errors import UsageError
from queuectl.model.job import FINAL, State
from queuectl.model.query import Query
from queuectl.model.storage import Storage

FORGETTABLE = frozenset({State.COMPLETED, State.CANCELLED})
"""What is pruned unless states are named: dead jobs stay until somebody has looked at them."""


def prune(
    storage: Storage,
    logs: Path,
    older_than: float,
    *,
    states: Collection[State] = FORGETTABLE,
    queue: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Delete the jobs that ended longer than `older_than` seconds ago, with their outputs; return how many."""
    living = sorted(state.value for state in states if state not in FINAL)
    if living or not states:
        reason = f"{' and '.join(living)} jobs have not ended" if living else "no state is named"
        raise UsageError(reason, hint=f"the states that can be pruned are {', '.join(sorted(FINAL))}")
    query = Query(states=frozenset(states), queue=queue, finished_before=older_than)
    pruned = 0
    while True:
        changed = storage.prune(query, STEP)
        unlink_outputs(logs, changed.outputs)
        pruned += len(changed.jobs)
        if progress is not None:
            progress(len(changed.jobs))
        if not changed.remaining:
            return pruned
