"""Cancelling what runs: a request that the holder carries out, and that its settlement honours."""

from __future__ import annotations

import pytest

from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    claim_one,
    enqueue_and_claim,
    fail,
    give_back,
    register,
    settle,
    settlement,
    stored,
)

_BACK = (Verdict.FAILED, Verdict.RELEASED, Verdict.LOST)


class CancelMeanwhile:
    """The clauses of a cancel that comes while a job is processing."""

    def test_it_is_asked_of_the_holder(self, storage: Storage, worker: str) -> None:
        """The lease is among the `cancelled` of the worker's next exchange and beat, and of no other's."""
        claim = enqueue_and_claim(storage, worker, "a")
        enqueue_and_claim(storage, worker, "b")
        other = register(storage, "worker-2")
        storage.change(Action.CANCEL, ["a"])
        assert storage.exchange(worker, [], None).cancelled == {claim.lease}
        assert storage.beat(worker).cancelled == {claim.lease}
        assert storage.exchange(other, [], None).cancelled == frozenset()
        assert storage.beat(other).cancelled == frozenset()

    def test_the_job_shows_it(self, storage: Storage, worker: str) -> None:
        """The job stays processing, under the same lease, with `cancel_requested`."""
        claim = enqueue_and_claim(storage, worker)
        (job,) = storage.change(Action.CANCEL, ["a"]).jobs
        assert (job.state, job.cancel_requested, job.lease) == (State.PROCESSING, True, claim.lease.token)
        assert stored(storage, "a") == job

    @pytest.mark.parametrize("verdict", _BACK)
    def test_what_would_run_again_is_cancelled(self, storage: Storage, worker: str, verdict: Verdict) -> None:
        """FAILED, RELEASED and LOST make it cancelled; the run is kept as it was."""
        claim = enqueue_and_claim(storage, worker)
        storage.change(Action.CANCEL, ["a"])
        assert settle(storage, claim, verdict, delay=1.0)
        job = stored(storage, "a")
        assert (job.state, job.next_retry_at, job.runs) == (State.CANCELLED, None, 1)
        assert job.finished_at is not None
        assert [attempt.result.value for attempt in storage.attempts("a")] == [verdict.value]
        assert storage.beat(worker).cancelled == frozenset()

    def test_what_never_started_is_cancelled(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A claim that is given back unstarted is cancelled, and has no attempt."""
        claim = enqueue_and_claim(storage, worker)
        storage.change(Action.CANCEL, ["a"])
        give_back(storage, claim)
        job = stored(storage, "a")
        assert (job.state, job.runs, job.finished_at) == (State.CANCELLED, 0, clock.now)
        assert list(storage.attempts("a")) == []

    @pytest.mark.parametrize("verdict", [Verdict.COMPLETED, Verdict.DEAD])
    def test_what_is_over_stands(self, storage: Storage, worker: str, verdict: Verdict) -> None:
        """A job that had completed or died before the cancel reached it stays so."""
        claim = enqueue_and_claim(storage, worker)
        storage.change(Action.CANCEL, ["a"])
        assert settle(storage, claim, verdict)
        assert stored(storage, "a").state.value == verdict.value

    def test_a_settled_lease_is_not_asked_for(self, storage: Storage, worker: str) -> None:
        """The exchange that settles a cancelled job does not name its lease any more."""
        claim = enqueue_and_claim(storage, worker)
        storage.change(Action.CANCEL, ["a"])
        exchange = storage.exchange(worker, [settlement(claim, Verdict.CANCELLED)], None)
        assert exchange.cancelled == frozenset()

    def test_a_retry_forgets_it(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A cancelled job that is retried runs and fails like any other."""
        claim = enqueue_and_claim(storage, worker)
        storage.change(Action.CANCEL, ["a"])
        assert settle(storage, claim, Verdict.FAILED, delay=1.0)
        storage.change(Action.RETRY, ["a"])
        again = claim_one(storage, worker)
        assert not again.job.cancel_requested
        assert storage.beat(worker).cancelled == frozenset()
        fail(storage, again)
        assert stored(storage, "a").state is State.FAILED
