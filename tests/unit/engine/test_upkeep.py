"""Upkeep by hand: many jobs go in small steps, between which others come to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl.engine.housekeeping import STEP
from queuectl.engine.upkeep import prune
from queuectl.errors import UsageError
from queuectl.model.job import NewJob, State
from queuectl.model.query import Action, Changed, Query
from queuectl.testing import FakeClock, MemoryStorage


class Watched(MemoryStorage):
    """Notes how many jobs were deleted at once."""

    steps: tuple[int, ...] = ()

    def prune(self, query: Query, limit: int) -> Changed:
        """Delete, and note how many."""
        changed = super().prune(query, limit)
        self.steps = (*self.steps, len(changed.jobs))
        return changed


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock to turn."""
    return FakeClock()


@pytest.fixture
def storage(clock: FakeClock) -> Watched:
    """Return a storage in which more was cancelled, two days ago, than goes in two steps."""
    storage = Watched(clock=clock)
    jobs = [NewJob(id=f"job-{number}", command="true") for number in range(2 * STEP + 10)]
    storage.enqueue(jobs)
    for first in range(0, len(jobs), STEP):
        storage.change(Action.CANCEL, [job.id for job in jobs[first : first + STEP]])
    clock.advance(2 * 86400.0)
    return storage


def test_many_go_in_steps(storage: Watched, tmp_path: Path) -> None:
    """None of them larger than others can wait for."""
    told: list[int] = []
    assert prune(storage, tmp_path, 86400.0, progress=told.append) == 2 * STEP + 10
    assert storage.steps == (STEP, STEP, 10)
    assert told == [STEP, STEP, 10]
    assert storage.list(Query(), None, 10).jobs == ()


def test_what_is_young_stays(storage: Watched, tmp_path: Path) -> None:
    """And is not looked at twice."""
    assert prune(storage, tmp_path, 3 * 86400.0) == 0
    assert storage.steps == (0,)


def test_what_has_not_ended_cannot_be_pruned(storage: Watched, tmp_path: Path) -> None:
    """Nor can no state at all."""
    with pytest.raises(UsageError, match="pending jobs have not ended"):
        prune(storage, tmp_path, 0.0, states={State.PENDING})
    with pytest.raises(UsageError, match="no state is named"):
        prune(storage, tmp_path, 0.0, states=())
    assert storage.steps == ()
