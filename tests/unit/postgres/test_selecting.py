"""Selecting: a text is looked for among some jobs at a time."""

from __future__ import annotations

import pytest

from queuectl.model.job import NewJob, State
from queuectl.model.query import Action, Query
from queuectl_postgres import selecting
from queuectl_postgres.storage import PostgresStorage

QUERIES = (Query(text="x"), Query(text="x", queue="mail"), Query(text="x", states=frozenset({State.PENDING})))


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_all_that_hold_a_text_are_found_in_the_end(
    storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch, query: Query, limit: int
) -> None:
    """Given more jobs than are looked at, then pages may be short, and cursors lead through all of them, each once."""
    monkeypatch.setattr(selecting, "LOOKED_AT", 4)
    holding = {0, 1, 7, 8, 9, 21}
    jobs = [NewJob(id=f"job-{n}", command="x" if n in holding else "y", queue="mail") for n in range(22)]
    storage.enqueue(jobs)
    storage.change(Action.CANCEL, gone := [f"job-{n}" for n in range(11, 15)])
    storage.change(Action.DELETE, gone)
    found: list[str] = []
    looks, cursor = 0, None
    while not looks or cursor is not None:
        page = storage.list(query, cursor, limit)
        assert len(page.jobs) <= limit
        found += [job.id for job in page.jobs]
        looks, cursor = looks + 1, page.next_cursor
    assert found == [f"job-{n}" for n in sorted(holding, reverse=True)]
    assert looks > 2


def test_few_are_looked_at_together(storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a queue with few jobs between many of another, then one look is enough."""
    monkeypatch.setattr(selecting, "LOOKED_AT", 4)
    storage.enqueue([NewJob(id=f"job-{n}", command="x", queue="rare" if n % 10 == 0 else "busy") for n in range(30)])
    page = storage.list(Query(text="x", queue="rare"), None, 50)
    assert [job.id for job in page.jobs] == ["job-20", "job-10", "job-0"] and page.next_cursor is None
