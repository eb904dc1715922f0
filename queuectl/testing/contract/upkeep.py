"""Upkeep: a store that stays sound, and says so."""

from __future__ import annotations

import pytest

from queuectl.errors import UsageError
from queuectl.model.lease import Verdict
from queuectl.model.query import Action, Query
from queuectl.model.storage import CAPABILITIES, Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.fixtures import OpenStorage, StorageFactory, needs
from queuectl.testing.contract.steps import (
    claim,
    enqueue,
    enqueue_and_claim,
    listed,
    new_job,
    one_in_each_state,
    register,
    settle,
    stored,
)


class Upkeep:
    """The clauses of `capabilities`, `check`, `migrate`, and of handles that come and go."""

    def test_capabilities_are_known_ones(self, storage: Storage) -> None:
        """A storage claims what there is a word for, and nothing else."""
        assert storage.capabilities <= CAPABILITIES

    def test_a_store_is_sound(self, storage: Storage, worker: str) -> None:
        """`check` finds nothing wrong, empty or after all kinds of work."""
        assert list(storage.check()) == []
        one_in_each_state(storage, worker)
        storage.change(Action.DELETE, ["dead"])
        storage.prune(Query(), 1)
        storage.take_over([worker], register(storage, "heir"))
        assert list(storage.check()) == []

    def test_a_current_store_is_migrated_to_itself(self, storage: Storage, worker: str) -> None:
        """To migrate a store that is current changes nothing."""
        one_in_each_state(storage, worker)
        before = storage.list(Query(), None, 100)
        storage.migrate()
        assert storage.list(Query(), None, 100) == before

    def test_a_handle_is_closed_without_loss(self, storage: Storage, open_storage: OpenStorage) -> None:
        """What a handle stored before it was closed is there for the others."""
        other = open_storage()
        enqueue(other, "a")
        other.close()
        assert listed(storage) == ["a"]

    def test_a_lease_outlives_its_handle(self, storage: Storage, open_storage: OpenStorage, worker: str) -> None:
        """A claim that was made on one handle is settled on another."""
        other = open_storage()
        claim = enqueue_and_claim(other, worker)
        other.close()
        assert settle(storage, claim, Verdict.COMPLETED)

    def test_a_refused_connection_is_a_usage_error(self, storage: Storage) -> None:
        """A storage that does not claim `transactional` refuses a connection, and stores nothing."""
        if "transactional" in storage.capabilities:
            pytest.skip("the storage takes connections")
        with pytest.raises(UsageError):
            storage.enqueue([new_job("a")], connection=object())
        assert listed(storage) == []

    @needs("durable")
    def test_a_store_is_there_when_it_is_opened_again(
        self, storage: Storage, storage_factory: StorageFactory, worker: str, clock: FakeClock
    ) -> None:
        """All that was stored is there after the last handle was closed: jobs, attempts, leases, workers, settings."""
        one_in_each_state(storage, worker)
        storage.set_queue("default", limit=3)
        jobs = storage.list(Query(), None, 100)
        told = storage.events(0, 100)
        claimed = stored(storage, "processing")
        storage.close()
        again = storage_factory(clock=clock)
        try:
            assert again.list(Query(), None, 100) == jobs
            assert list(again.events(0, 100)) == list(told)
            assert len(again.attempts("dead")) == 1
            assert again.queues()[0].limit == 3
            assert [each.running for each in again.workers()] == [("processing",)]
            assert [each.job.id for each in claim(again, worker)] == ["pending"]
            (taken,) = again.take_over([worker], register(again, "heir"))[:1]
            assert taken.lease.token > claimed.lease
        finally:
            again.close()
