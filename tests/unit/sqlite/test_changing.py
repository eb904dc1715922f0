"""Changing: batches of very many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from queuectl import Action, ConflictError, Query, State
from queuectl_sqlite import changing
from queuectl_sqlite.storage import SqliteStorage


@pytest.fixture(autouse=True)
def count_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few count as many."""
    monkeypatch.setattr(changing, "COUNTED_AHEAD", 3)


@pytest.fixture
def many(enqueue: Callable[..., None]) -> list[str]:
    """Return the ids of twenty jobs that wait."""
    ids = [f"job-{number:02}" for number in range(20)]
    enqueue(*ids, delay=60.0)
    return ids


@pytest.mark.parametrize("action", [Action.HOLD, Action.CANCEL])
def test_batches_come_to_an_end(storage: SqliteStorage, many: list[str], action: Action) -> None:
    """What remains may be less than there is, but not none before there is none."""
    changed: list[str] = []
    remaining = 1
    while remaining:
        batch = storage.change(action, Query(), limit=2)
        changed += [job.id for job in batch.jobs]
        remaining = batch.remaining
        assert (remaining == 0) == (len(changed) == len(many))
    assert changed == many


def test_all_are_counted_where_a_number_is_expected(storage: SqliteStorage, many: list[str]) -> None:
    """An expected number is compared with all that would change, however many."""
    with pytest.raises(ConflictError, match="20 jobs match, not 5"):
        storage.change(Action.HOLD, Query(), expected=5, limit=2)
    assert len(storage.change(Action.HOLD, Query(), expected=20, limit=2).jobs) == 2


def test_retention_comes_to_an_end(storage: SqliteStorage, many: list[str]) -> None:
    """Pruning in batches deletes all that match."""
    storage.change(Action.CANCEL, many)
    rounds = 1
    while storage.prune(Query(states=frozenset({State.CANCELLED})), 2).remaining:
        rounds += 1
    assert rounds == 10
    assert storage.list(Query(), None, 100).jobs == ()
