"""Keys: held by one live job, or used once for ever."""

from __future__ import annotations

import pytest

from queuectl.errors import ConflictError
from queuectl.model.job import State
from queuectl.model.query import Action, Query
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    claim,
    claimed,
    enqueue,
    enqueue_and_claim,
    fail,
    finish_as,
    listed,
    new_job,
    stored,
)


class UniqueKeys:
    """The clauses of unique keys and schedules."""

    def test_a_key_is_held_while_its_job_is_live(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A second job with the key of a pending, processing or failed one is refused, by its own id."""
        enqueue(storage, "first", unique_key="key")
        self._expect_refused(storage, "while-pending")
        claims = claim(storage, worker)
        self._expect_refused(storage, "while-processing")
        fail(storage, claims[0], delay=10.0)
        self._expect_refused(storage, "while-failed")
        clock.advance(11.0)
        self._expect_refused(storage, "while-due-again")

    def _expect_refused(self, storage: Storage, id: str) -> None:
        with pytest.raises(ConflictError, match=id):
            storage.enqueue([new_job(f"other-{id}"), new_job(id, unique_key="key")])
        assert listed(storage) == ["first"]

    @pytest.mark.parametrize("state", [State.COMPLETED, State.DEAD, State.CANCELLED])
    def test_a_key_is_free_once_its_job_is_finished(self, storage: Storage, worker: str, state: State) -> None:
        """A finished job holds its key no more."""
        finish_as(storage, worker, "first", state, unique_key="key")
        enqueue(storage, "second", unique_key="key")
        assert stored(storage, "second").unique_key == "key"

    def test_a_key_twice_in_one_batch_is_refused(self, storage: Storage) -> None:
        """Two jobs of one batch cannot both hold a key; nothing is stored."""
        with pytest.raises(ConflictError, match="second"):
            enqueue(storage, "first", "second", unique_key="key")
        assert listed(storage) == []

    def test_held_keys_are_passed_over_when_asked(self, storage: Storage) -> None:
        """With `skip_existing` jobs whose key is held, in the store or by one of the batch, are passed over."""
        enqueue(storage, "first", unique_key="key")
        batch = [
            new_job("second", unique_key="key"),
            new_job("third", unique_key="free"),
            new_job("fourth", unique_key="free"),
            new_job("fifth"),
        ]
        assert [job.id for job in storage.enqueue(batch, skip_existing=True)] == ["third", "fifth"]

    def test_jobs_without_a_key_do_not_exclude_each_other(self, storage: Storage) -> None:
        """No key is no key: any number of jobs are live without one."""
        enqueue(storage, "a", "b", unique_key=None)
        assert len(listed(storage)) == 2

    def test_a_retry_takes_the_key_again(self, storage: Storage, worker: str) -> None:
        """A finished job that is retried is live, and holds its key."""
        finish_as(storage, worker, "first", State.DEAD, unique_key="key")
        storage.change(Action.RETRY, ["first"])
        with pytest.raises(ConflictError, match="second"):
            enqueue(storage, "second", unique_key="key")

    def test_a_retry_is_refused_while_another_job_holds_the_key(self, storage: Storage, worker: str) -> None:
        """A retry that would make two live jobs with one key raises ConflictError, names the job, changes nothing."""
        finish_as(storage, worker, "first", State.DEAD, unique_key="key")
        finish_as(storage, worker, "innocent", State.DEAD)
        enqueue(storage, "second", unique_key="key")
        with pytest.raises(ConflictError, match="first"):
            storage.change(Action.RETRY, ["innocent", "first"])
        assert stored(storage, "first").state is State.DEAD
        assert stored(storage, "innocent").state is State.DEAD

    def test_a_retry_of_a_failed_job_keeps_its_own_key(self, storage: Storage, worker: str) -> None:
        """A failed job is no rival of itself."""
        fail(storage, enqueue_and_claim(storage, worker, "a", unique_key="key"), delay=60.0)
        storage.change(Action.RETRY, ["a"])
        assert claimed(storage, worker) == ["a"]

    def test_a_schedule_fires_once_for_each_time(self, storage: Storage) -> None:
        """A second job of the same schedule and time is refused, by its own id; another time is another job."""
        enqueue(storage, "monday", schedule="nightly", fire_at=1000.0)
        with pytest.raises(ConflictError, match="again"):
            enqueue(storage, "again", schedule="nightly", fire_at=1000.0)
        enqueue(storage, "tuesday", schedule="nightly", fire_at=2000.0)
        enqueue(storage, "other", schedule="hourly", fire_at=1000.0)
        assert listed(storage) == ["other", "tuesday", "monday"]

    def test_a_fired_time_is_used_for_ever(self, storage: Storage, worker: str) -> None:
        """A time stays fired when its job is finished, and when it is deleted."""
        finish_as(storage, worker, "monday", State.COMPLETED, schedule="nightly", fire_at=1000.0)
        storage.change(Action.DELETE, ["monday"])
        with pytest.raises(ConflictError, match="again"):
            enqueue(storage, "again", schedule="nightly", fire_at=1000.0)
        finish_as(storage, worker, "tuesday", State.COMPLETED, schedule="nightly", fire_at=2000.0)
        storage.prune(Query(), 100)
        again = new_job("again", schedule="nightly", fire_at=2000.0)
        assert list(storage.enqueue([again], skip_existing=True)) == []

    def test_a_refused_fire_is_not_used(self, storage: Storage) -> None:
        """A time whose job was refused with its batch is still free."""
        enqueue(storage, "taken-id")
        with pytest.raises(ConflictError):
            storage.enqueue([new_job("monday", schedule="nightly", fire_at=1000.0), new_job("taken-id")])
        enqueue(storage, "monday", schedule="nightly", fire_at=1000.0)
