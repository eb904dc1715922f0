"""Changing: jobs that a person names, by their ids or by a query."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from queuectl.errors import ConflictError
from queuectl.model.job import State
from queuectl.model.query import ALLOWED, Action, Edit, Query
from queuectl.model.storage import Storage
from queuectl.testing.contract.steps import (
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    listed,
    one_in_each_state,
    stored,
)

_EDIT = Edit(priority=3)


class ChangingByIds:
    """The clauses of `Storage.change` for jobs that are named: all or nothing."""

    @pytest.mark.parametrize("action", Action)
    def test_an_action_is_allowed_in_its_states_alone(self, storage: Storage, worker: str, action: Action) -> None:
        """In any other state than those of `ALLOWED` the job is refused, as it is, and nothing changes."""
        one_in_each_state(storage, worker)
        for state in State:
            before = stored(storage, state.value)
            changed = storage.change(action, [state.value], edit=_EDIT if action is Action.EDIT else None)
            if state in ALLOWED[action]:
                assert ([job.id for job in changed.jobs], changed.refused) == ([state.value], ())
            else:
                assert (changed.jobs, changed.refused) == ((), (before,))
                assert stored(storage, state.value) == before

    def test_an_unknown_id_spoils_all(self, storage: Storage) -> None:
        """When an id is missing it is named, and nothing is changed."""
        enqueue(storage, "a", "b")
        changed = storage.change(Action.CANCEL, ["a", "unknown", "b", "unheard of"])
        assert (changed.jobs, changed.missing, changed.refused) == ((), ("unknown", "unheard of"), ())
        assert [stored(storage, id).state for id in ("a", "b")] == [State.PENDING] * 2

    def test_a_wrong_state_spoils_all(self, storage: Storage, worker: str) -> None:
        """When a job is in a wrong state it is told, and nothing is changed."""
        complete(storage, enqueue_and_claim(storage, worker, "done"))
        enqueue(storage, "a", "b")
        changed = storage.change(Action.CANCEL, ["a", "done", "b"])
        assert (changed.jobs, changed.refused) == ((), (stored(storage, "done"),))
        assert [stored(storage, id).state for id in ("a", "b")] == [State.PENDING] * 2

    def test_all_of_them_are_changed(self, storage: Storage) -> None:
        """Any number of ids is changed at once, without regard to `limit`."""
        ids = [f"job-{number:03}" for number in range(700)]
        enqueue(storage, *ids)
        changed = storage.change(Action.CANCEL, ids, limit=10)
        assert sorted(job.id for job in changed.jobs) == ids
        assert changed.remaining == 0
        assert listed(storage, states=frozenset({State.PENDING})) == []

    def test_an_id_twice_is_one_job(self, storage: Storage) -> None:
        """An id that is named twice is changed once."""
        enqueue(storage, "a")
        assert len(storage.change(Action.CANCEL, ["a", "a"]).jobs) == 1

    def test_ids_are_no_patterns(self, storage: Storage) -> None:
        """An id names one job, whatever characters it has."""
        enqueue(storage, "a%", "ab", "a_")
        storage.change(Action.CANCEL, ["a%"])
        assert sorted(listed(storage, states=frozenset({State.PENDING}))) == ["a_", "ab"]

    def test_no_ids_are_no_jobs(self, storage: Storage) -> None:
        """An empty list names no job: not all."""
        enqueue(storage, "a")
        assert storage.change(Action.CANCEL, []).jobs == ()
        assert stored(storage, "a").state is State.PENDING


class ChangingByQuery:
    """The clauses of `Storage.change` for all jobs that match."""

    def test_jobs_in_other_states_are_passed_over(self, storage: Storage, worker: str) -> None:
        """The jobs in which the action is not allowed are neither changed nor refused."""
        one_in_each_state(storage, worker)
        changed = storage.change(Action.RETRY, Query())
        assert {job.id for job in changed.jobs} == {"failed", "dead", "completed", "cancelled"}
        assert (changed.missing, changed.refused, changed.remaining) == ((), (), 0)

    def test_only_what_matches_is_changed(self, storage: Storage) -> None:
        """The query narrows the choice."""
        enqueue(storage, "a", "b", queue="red")
        enqueue(storage, "c", queue="blue")
        storage.change(Action.CANCEL, Query(queue="red"))
        assert listed(storage, states=frozenset({State.PENDING})) == ["c"]

    def test_a_call_changes_so_many_at_most(self, storage: Storage) -> None:
        """At most `limit` jobs are changed, and `remaining` is 0 only when none is left."""
        enqueue(storage, *(f"job-{number}" for number in range(5)))
        changed = [storage.change(Action.CANCEL, Query(), limit=2) for _ in range(3)]
        assert [(len(each.jobs), each.remaining > 0) for each in changed] == [(2, True), (2, True), (1, False)]

    @pytest.mark.parametrize("action", [Action.RETRY, Action.CANCEL, Action.HOLD, Action.RELEASE])
    def test_calling_on_comes_to_an_end(self, storage: Storage, worker: str, action: Action) -> None:
        """What a call has changed the next one passes over, also where the state stays the same."""
        ids = ["a", "b", "c"]
        _prepare(storage, worker, action, ids)
        changed = [storage.change(action, Query(), limit=1) for _ in ids]
        assert [each.remaining > 0 for each in changed] == [True, True, False]
        assert sorted(job.id for each in changed for job in each.jobs) == ids
        assert storage.change(action, Query(), limit=1).jobs == ()

    def test_as_many_as_expected_are_changed(self, storage: Storage) -> None:
        """With `expected`, and so many that match, the change goes on, `limit` or not."""
        enqueue(storage, "a", "b", "c")
        changed = storage.change(Action.CANCEL, Query(), expected=3, limit=2)
        assert (len(changed.jobs), changed.remaining) == (2, 1)

    @pytest.mark.parametrize("expected", [0, 2, 4])
    def test_another_number_than_expected_is_a_conflict(self, storage: Storage, expected: int) -> None:
        """With `expected`, and another number that match, ConflictError is raised and nothing is changed."""
        enqueue(storage, "a", "b", "c")
        with pytest.raises(ConflictError):
            storage.change(Action.CANCEL, Query(), expected=expected)
        assert len(listed(storage, states=frozenset({State.PENDING}))) == 3

    def test_what_cannot_be_changed_is_not_expected(self, storage: Storage, worker: str) -> None:
        """`expected` counts the jobs that the change would touch: those in a state that allows it."""
        one_in_each_state(storage, worker)
        assert len(storage.change(Action.DELETE, Query(), expected=3).jobs) == 3


def _prepare(storage: Storage, worker: str, action: Action, ids: Sequence[str]) -> None:
    """Enqueue jobs on which the action leaves the state as it is."""
    for id in ids:
        if action in {Action.CANCEL, Action.RETRY}:
            claim = enqueue_and_claim(storage, worker, id)
            if action is Action.RETRY:
                fail(storage, claim, delay=60.0)
        else:
            enqueue(storage, id)
    if action is Action.RELEASE:
        storage.change(Action.HOLD, ids)
