"""Fencing: every write of a worker counts only under the job's current lease."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from queuectl.model.job import State
from queuectl.model.lease import Ask, Claim, Verdict
from queuectl.model.query import Action, Query
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    bury,
    claim_one,
    complete,
    enqueue_and_claim,
    fail,
    give_back,
    register,
    settle,
    settlement,
    stored,
    told,
)


def _taken_over(storage: Storage, claim: Claim, _: FakeClock) -> None:
    storage.take_over([claim.lease.worker], register(storage, "worker-2"))


def _run_by_another(storage: Storage, claim: Claim, _: FakeClock) -> None:
    give_back(storage, claim)
    claim_one(storage, register(storage, "worker-2"))


def _claimed_again(storage: Storage, claim: Claim, _: FakeClock) -> None:
    give_back(storage, claim)
    claim_one(storage, claim.lease.worker)


def _settled(storage: Storage, claim: Claim, _: FakeClock) -> None:
    complete(storage, claim)


def _given_back(storage: Storage, claim: Claim, _: FakeClock) -> None:
    give_back(storage, claim)


def _retired(storage: Storage, claim: Claim, _: FakeClock) -> None:
    storage.retire(claim.lease.worker)


def _failed_and_claimed_again(storage: Storage, claim: Claim, clock: FakeClock) -> None:
    fail(storage, claim, delay=1.0)
    clock.advance(2.0)
    claim_one(storage, claim.lease.worker)


def _retried_and_claimed_again(storage: Storage, claim: Claim, _: FakeClock) -> None:
    bury(storage, claim)
    storage.change(Action.RETRY, ["a"])
    claim_one(storage, claim.lease.worker)


def _deleted_and_enqueued_again(storage: Storage, claim: Claim, _: FakeClock) -> None:
    bury(storage, claim)
    storage.change(Action.DELETE, ["a"])
    enqueue_and_claim(storage, claim.lease.worker, "a")


def _pruned_and_enqueued_again(storage: Storage, claim: Claim, _: FakeClock) -> None:
    complete(storage, claim)
    storage.prune(Query(), 10)
    enqueue_and_claim(storage, claim.lease.worker, "a")


def _deleted(storage: Storage, claim: Claim, _: FakeClock) -> None:
    bury(storage, claim)
    storage.change(Action.DELETE, ["a"])


_LOSSES: list[Callable[[Storage, Claim, FakeClock], None]] = [
    _taken_over,
    _run_by_another,
    _claimed_again,
    _settled,
    _given_back,
    _retired,
    _failed_and_claimed_again,
    _retried_and_claimed_again,
    _deleted_and_enqueued_again,
    _pruned_and_enqueued_again,
    _deleted,
]
_ways_to_lose_a_lease = pytest.mark.parametrize("lose", _LOSSES, ids=[each.__name__.strip("_") for each in _LOSSES])


class Fencing:
    """The clauses of writes that come too late."""

    @_ways_to_lose_a_lease
    @pytest.mark.parametrize("verdict", [Verdict.COMPLETED, Verdict.FAILED, Verdict.RELEASED])
    def test_a_stale_settlement_changes_nothing(
        self,
        storage: Storage,
        worker: str,
        clock: FakeClock,
        lose: Callable[[Storage, Claim, FakeClock], None],
        verdict: Verdict,
    ) -> None:
        """A settlement whose lease is lost is not among the accepted, and leaves job, attempts and events alone."""
        stale = enqueue_and_claim(storage, worker, "a")
        lose(storage, stale, clock)
        before = (storage.get("a"), storage.attempts("a"), told(storage), storage.counts())
        clock.advance(1.0)
        exchange = storage.exchange(worker, [settlement(stale, verdict, charge=True)], None)
        assert exchange.accepted == frozenset()
        assert (storage.get("a"), storage.attempts("a"), told(storage), storage.counts()) == before

    @_ways_to_lose_a_lease
    def test_a_stale_record_changes_nothing(
        self, storage: Storage, worker: str, clock: FakeClock, lose: Callable[[Storage, Claim, FakeClock], None]
    ) -> None:
        """`record` under a lost lease is False, and leaves job and events alone."""
        stale = enqueue_and_claim(storage, worker, "a")
        lose(storage, stale, clock)
        before = (storage.get("a"), told(storage))
        clock.advance(1.0)
        assert storage.record(stale.lease, "pid 7") is False
        assert (storage.get("a"), told(storage)) == before

    def test_stale_ones_do_not_spoil_the_others(self, storage: Storage, worker: str) -> None:
        """Of a batch those are written whose leases hold."""
        stale, good = (enqueue_and_claim(storage, worker, id) for id in ("a", "b"))
        give_back(storage, stale)
        settlements = [settlement(each, Verdict.COMPLETED, charge=True) for each in (stale, good)]
        exchange = storage.exchange(worker, settlements, Ask(limit=5))
        assert exchange.accepted == {good.lease.token}
        assert [each.job.id for each in exchange.claims] == ["a"]
        assert stored(storage, "b").state is State.COMPLETED

    def test_a_token_opens_its_own_job_alone(self, storage: Storage, worker: str) -> None:
        """A current token with the id of another job is no lease."""
        first, second = (enqueue_and_claim(storage, worker, id) for id in ("a", "b"))
        forged = settlement(first, Verdict.COMPLETED)
        crossed = replace(forged, lease=replace(first.lease, token=second.lease.token))
        assert storage.exchange(worker, [crossed], None).accepted == frozenset()
        assert [stored(storage, id).state for id in ("a", "b")] == [State.PROCESSING] * 2

    def test_a_lease_is_settled_once(self, storage: Storage, worker: str) -> None:
        """The same settlement a second time, as after an answer that got lost, is not written again."""
        claim = enqueue_and_claim(storage, worker)
        assert settle(storage, claim, Verdict.FAILED, charge=True)
        assert not settle(storage, claim, Verdict.FAILED, charge=True)
        assert (stored(storage, "a").attempts, len(storage.attempts("a"))) == (1, 1)

    def test_a_lease_outlives_its_time_while_nobody_takes_over(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """A worker that comes back late, and was not taken over, still settles: the work is not thrown away."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(3600.0)
        assert settle(storage, claim, Verdict.COMPLETED, charge=True)
        assert stored(storage, "a").state is State.COMPLETED


class Recording:
    """The clauses of `Storage.record`."""

    def test_it_notes_when_the_run_started(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """The job shows `started_at`, by the storage's clock, while it runs."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(10.0)
        assert storage.record(claim.lease, "pid 7", started_ago=2.5) is True
        job = stored(storage, "a")
        assert job.state is State.PROCESSING
        assert job.started_at == pytest.approx(clock.now - 2.5, abs=0.002)
        assert (job.finished_at, job.runs, job.attempts) == (None, 0, 0)

    def test_a_later_record_keeps_the_start(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A handle that becomes known later replaces the handle; the run started when it started."""
        claim = enqueue_and_claim(storage, worker)
        storage.record(claim.lease, None)
        started_at = clock.now
        clock.advance(5.0)
        assert storage.record(claim.lease, "pid 7", started_ago=5.0) is True
        assert stored(storage, "a").started_at == started_at
        (taken,) = storage.take_over([worker], register(storage, "worker-2"))
        assert (taken.recorded, taken.handle) == (True, "pid 7")

    def test_a_handle_is_any_text(self, storage: Storage, worker: str) -> None:
        """A handle of 400 bytes in any script comes back as it was."""
        handle = "größe 😀 " * 25 + "x" * 100
        storage.record(enqueue_and_claim(storage, worker).lease, handle)
        (taken,) = storage.take_over([worker], register(storage, "worker-2"))
        assert taken.handle == handle

    def test_the_next_claim_starts_from_nothing(self, storage: Storage, worker: str) -> None:
        """What was recorded of one claim is not told of the next."""
        first = enqueue_and_claim(storage, worker)
        storage.record(first.lease, "pid 7")
        assert settle(storage, first, Verdict.RELEASED)
        claim = claim_one(storage, worker)
        assert (claim.recorded, claim.handle, claim.job.started_at) == (False, None, None)

    def test_the_settlement_has_the_last_word_on_times(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A settled run has the times of its settlement, recorded or not."""
        claim = enqueue_and_claim(storage, worker)
        storage.record(claim.lease, "pid 7")
        clock.advance(60.0)
        complete(storage, claim)
        job = stored(storage, "a")
        assert (job.started_at, job.finished_at) == (clock.now, clock.now)
