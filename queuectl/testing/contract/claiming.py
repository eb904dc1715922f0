"""Claiming: who gets which jobs, in what order."""

from __future__ import annotations

import pytest

from queuectl.model.job import State
from queuectl.model.lease import Ask, Verdict
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.fixtures import OpenStorage
from queuectl.testing.contract.steps import (
    ask,
    claim,
    claim_one,
    claimed,
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    give_back,
    register,
    registered,
    settlement,
    stored,
)


class Claiming:
    """The clauses of the claims of `Storage.exchange`."""

    def test_a_claim_makes_the_job_processing(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A claimed job is processing, under the token and the worker of its lease; it has not started yet."""
        enqueue(storage, "a")
        clock.advance(5.0)
        claim = claim_one(storage, worker)
        job = stored(storage, "a")
        assert claim.job == job
        assert (job.state, job.worker, job.lease) == (State.PROCESSING, worker, claim.lease.token)
        assert (job.started_at, job.finished_at, job.updated_at) == (None, None, clock.now)
        assert (job.attempts, job.runs) == (0, 0)

    def test_a_claim_carries_its_lease(self, storage: Storage, worker: str) -> None:
        """A first claim is run 1, its own origin, and nothing of it is recorded."""
        claim = enqueue_and_claim(storage, worker)
        assert (claim.lease.job, claim.lease.worker) == ("a", worker)
        assert claim.lease.token > 0
        assert (claim.number, claim.origin, claim.recorded, claim.handle) == (1, claim.lease, False, None)

    def test_a_job_is_claimed_once(self, storage: Storage, worker: str) -> None:
        """What one worker holds no other is given."""
        enqueue(storage, "a")
        assert claimed(storage, worker) == ["a"]
        assert claimed(storage, worker) == []
        assert claimed(storage, register(storage, "worker-2")) == []

    def test_jobs_are_claimed_in_the_order_in_which_they_came(self, storage: Storage, worker: str) -> None:
        """Of equal priority the job that was enqueued first is claimed first, whatever its id."""
        enqueue(storage, "c", "a")
        enqueue(storage, "b")
        assert claimed(storage, worker) == ["c", "a", "b"]

    def test_higher_priority_goes_first(self, storage: Storage, worker: str) -> None:
        """Higher priority is claimed first, negative last, then enqueue order; so over several queues too."""
        enqueue(storage, "low", priority=-5, queue="one")
        enqueue(storage, "first", queue="two")
        enqueue(storage, "high", priority=10, queue="three")
        enqueue(storage, "second", queue="one")
        enqueue(storage, "higher", priority=1000, queue="one")
        enqueue(storage, "third", queue="two")
        order = ["higher", "high", "first", "second", "third", "low"]
        assert [job for _ in order for job in claimed(storage, worker, limit=1)] == order

    def test_a_batch_of_claims_is_in_claim_order(self, storage: Storage, worker: str) -> None:
        """The claims of one exchange stand in claim order, over all queues that were asked for."""
        enqueue(storage, "low", priority=-5, queue="one")
        enqueue(storage, "first", queue="two")
        enqueue(storage, "high", priority=10, queue="three")
        enqueue(storage, "second", queue="one")
        assert claimed(storage, worker, queues=("one", "two", "three")) == ["high", "first", "second", "low"]

    def test_a_job_that_became_due_takes_its_place_in_enqueue_order(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """When it comes due, a job that waited stands where it was enqueued, not at the end."""
        enqueue(storage, "waited", delay=10.0)
        enqueue(storage, "later")
        clock.advance(11.0)
        assert claimed(storage, worker) == ["waited", "later"]

    def test_a_failed_job_keeps_its_place(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A failed job is claimed again in its old place of the enqueue order, once it is due."""
        fail(storage, enqueue_and_claim(storage, worker, "a"), delay=10.0)
        enqueue(storage, "b")
        assert claimed(storage, worker, limit=1) == ["b"]
        enqueue(storage, "c")
        clock.advance(10.1)
        assert claimed(storage, worker) == ["a", "c"]

    def test_no_more_is_claimed_than_asked(self, storage: Storage, worker: str) -> None:
        """A worker gets as many claims as it asked for, the rest stays."""
        enqueue(storage, "a", "b", "c")
        assert claimed(storage, worker, limit=2) == ["a", "b"]
        assert claimed(storage, worker, limit=2) == ["c"]

    def test_a_limit_of_nothing_claims_nothing(self, storage: Storage, worker: str) -> None:
        """With a limit of 0 nothing is claimed, but `next_due` is told."""
        enqueue(storage, "a")
        enqueue(storage, "b", delay=7.0)
        exchange = ask(storage, worker, limit=0)
        assert exchange.claims == ()
        assert exchange.next_due == pytest.approx(7.0, abs=0.002)
        assert stored(storage, "a").state is State.PENDING

    def test_only_the_queues_asked_for_are_claimed(self, storage: Storage, worker: str) -> None:
        """A worker that names queues gets jobs of these alone."""
        for queue in ("red", "green", "blue", "reddish"):
            enqueue(storage, f"{queue}-job", queue=queue)
        assert claimed(storage, worker, queues=("blue", "red", "unknown")) == ["red-job", "blue-job"]
        assert claimed(storage, worker, queues=("unknown",)) == []
        assert claimed(storage, worker, queues=()) == []
        assert claimed(storage, worker) == ["green-job", "reddish-job"]

    def test_an_unknown_worker_claims_nothing(self, storage: Storage) -> None:
        """A worker that never registered gets no claims."""
        enqueue(storage, "a")
        assert claimed(storage, "nobody") == []
        assert stored(storage, "a").state is State.PENDING

    def test_a_retired_worker_claims_nothing(self, storage: Storage, worker: str) -> None:
        """A worker that has retired gets no claims."""
        enqueue(storage, "a")
        storage.retire(worker)
        assert claimed(storage, worker) == []

    def test_a_worker_that_was_taken_over_claims_nothing(self, storage: Storage, worker: str) -> None:
        """A worker that was declared dead gets no claims, though it lives."""
        enqueue(storage, "a")
        storage.take_over([worker], register(storage, "worker-2"))
        assert claimed(storage, worker) == []

    def test_a_held_job_is_not_claimed(self, storage: Storage, worker: str) -> None:
        """A held job is passed over, until it is released."""
        enqueue(storage, "a", "b")
        storage.change(Action.HOLD, ["a"])
        assert claimed(storage, worker) == ["b"]
        storage.change(Action.RELEASE, ["a"])
        assert claimed(storage, worker) == ["a"]

    def test_a_failed_job_waits_for_its_time(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A failed job is claimed when its delay is over, not before; it is failed until then."""
        fail(storage, enqueue_and_claim(storage, worker), delay=30.0)
        clock.advance(29.9)
        assert claimed(storage, worker) == []
        clock.advance(0.2)
        assert stored(storage, "a").state is State.FAILED
        claim = claim_one(storage, worker)
        assert claim.number == 2
        assert (claim.job.attempts, claim.job.next_retry_at) == (1, None)

    def test_what_becomes_due_brings_nothing_else_forward(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """A job of the same queue whose time is yet to come is not claimed with it."""
        enqueue(storage, "a", delay=10.0)
        enqueue(storage, "b", delay=1000.0)
        clock.advance(10.1)
        assert claimed(storage, worker) == ["a"]
        clock.advance(980.0)
        assert claimed(storage, worker) == []

    def test_a_final_job_is_never_claimed(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """Completed, dead and cancelled jobs are not claimed, however much time passes."""
        enqueue(storage, "completed", "dead", "cancelled", "waiting")
        verdicts = (Verdict.COMPLETED, Verdict.DEAD, Verdict.CANCELLED)
        claims = claim(storage, worker, limit=3)
        settlements = [settlement(each, verdict) for each, verdict in zip(claims, verdicts, strict=True)]
        storage.exchange(worker, settlements, None)
        storage.change(Action.CANCEL, ["waiting"])
        clock.advance(1e6)
        assert claimed(storage, worker) == []

    def test_tokens_grow_with_every_claim(self, storage: Storage, worker: str) -> None:
        """No lease has the token of another, and of one job later ones have higher tokens."""
        tokens: dict[str, list[int]] = {"a": [], "b": []}
        enqueue(storage, "a", "b")
        for _ in range(3):
            for each in claim(storage, worker):
                tokens[each.job.id].append(each.lease.token)
                give_back(storage, each)
        assert tokens["a"] == sorted(set(tokens["a"]))
        assert tokens["b"] == sorted(set(tokens["b"]))
        assert len({*tokens["a"], *tokens["b"]}) == 6

    def test_tokens_grow_for_every_handle(self, storage: Storage, open_storage: OpenStorage, worker: str) -> None:
        """The counter belongs to the store, not to the handle."""
        tokens = []
        enqueue(storage, "a")
        for handle in (storage, open_storage(), storage):
            claim = claim_one(handle, worker)
            tokens.append(claim.lease.token)
            give_back(handle, claim)
        assert tokens == sorted(set(tokens))

    def test_settling_and_claiming_are_one(self, storage: Storage, worker: str) -> None:
        """One exchange settles first, then claims: what it gives back it may get again."""
        first = enqueue_and_claim(storage, worker, "a")
        enqueue(storage, "b")
        back = settlement(first, Verdict.RELEASED, run=None)
        exchange = storage.exchange(worker, [back], Ask(limit=5))
        assert exchange.accepted == {first.lease.token}
        assert [each.job.id for each in exchange.claims] == ["a", "b"]
        assert exchange.claims[0].lease.token > first.lease.token

    def test_a_worker_claims_though_its_settlement_is_stale(self, storage: Storage, worker: str) -> None:
        """A settlement that is not accepted does not keep the worker from claiming."""
        stale = enqueue_and_claim(storage, worker, "a")
        give_back(storage, stale)
        enqueue(storage, "b")
        exchange = storage.exchange(worker, [settlement(stale, Verdict.COMPLETED)], Ask(limit=5))
        assert exchange.accepted == frozenset()
        assert [each.job.id for each in exchange.claims] == ["a", "b"]

    def test_asking_for_nothing_claims_nothing(self, storage: Storage, worker: str) -> None:
        """Without an ask nothing is claimed, and nothing is told of what is due."""
        enqueue(storage, "a")
        enqueue(storage, "b", delay=5.0)
        exchange = storage.exchange(worker, [], None)
        assert (exchange.claims, exchange.next_due, exchange.accepted) == ((), None, frozenset())

    def test_an_idle_exchange_writes_nothing(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """Where nothing is settled and nothing claimed, not even the proof to be alive is written."""
        enqueue(storage, "a", delay=1e6)
        beat_at = registered(storage, worker).beat_at
        clock.advance(3600.0)
        ask(storage, worker)
        assert registered(storage, worker).beat_at == beat_at

    def test_a_claim_proves_that_its_worker_is_alive(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A worker that idled for longer than its lease, and then claims, holds a lease that has not run out."""
        clock.advance(3600.0)
        enqueue_and_claim(storage, worker)
        assert registered(storage, worker).beat_at == clock.now
        assert not registered(storage, worker).expired


class NextDue:
    """The clauses of `Exchange.next_due`."""

    def test_it_is_the_time_to_the_next_job(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """It tells in how many seconds the next waiting job comes due, whatever its priority."""
        enqueue(storage, "later", delay=60.0, priority=9)
        enqueue(storage, "sooner", delay=20.0)
        clock.advance(5.0)
        assert ask(storage, worker).next_due == pytest.approx(15.0, abs=0.002)

    def test_it_is_none_when_nothing_waits(self, storage: Storage, worker: str) -> None:
        """Jobs that are due, claimed or finished do not wait for a time."""
        assert ask(storage, worker).next_due is None
        enqueue(storage, "a", "b", "c")
        complete(storage, claim_one(storage, worker))
        assert ask(storage, worker, limit=1).next_due is None

    def test_it_counts_retries(self, storage: Storage, worker: str) -> None:
        """A failed job waits for its next attempt."""
        fail(storage, enqueue_and_claim(storage, worker), delay=12.5)
        assert ask(storage, worker).next_due == pytest.approx(12.5, abs=0.002)

    def test_it_counts_the_asked_queues_alone(self, storage: Storage, worker: str) -> None:
        """A job of another queue is not waited for."""
        enqueue(storage, "a", delay=10.0, queue="red")
        enqueue(storage, "b", delay=30.0, queue="blue")
        assert ask(storage, worker, queues=("blue",)).next_due == pytest.approx(30.0, abs=0.002)
        assert ask(storage, worker, queues=("green",)).next_due is None

    def test_it_looks_beyond_the_claims(self, storage: Storage, worker: str) -> None:
        """It is told together with claims too."""
        enqueue(storage, "a")
        enqueue(storage, "b", delay=10.0)
        exchange = ask(storage, worker)
        assert [each.job.id for each in exchange.claims] == ["a"]
        assert exchange.next_due == pytest.approx(10.0, abs=0.002)

    def test_a_held_job_is_not_waited_for(self, storage: Storage, worker: str) -> None:
        """A held job does not become claimable by the time."""
        enqueue(storage, "a", delay=10.0)
        storage.change(Action.HOLD, ["a"])
        assert ask(storage, worker).next_due is None
