"""Settling: what a verdict makes of a job."""

from __future__ import annotations

import pytest

from queuectl.model.attempt import Result
from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    claim,
    claim_one,
    claimed,
    complete,
    enqueue,
    enqueue_and_claim,
    enqueue_and_claim_again,
    fail,
    give_back,
    ran,
    registered,
    settle,
    settlement,
    stored,
)

_BACK = (Verdict.FAILED, Verdict.RELEASED, Verdict.LOST)


class Settling:
    """The clauses of the settlements of `Storage.exchange`."""

    def test_completed(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """COMPLETED: the job is completed, with the run's times by the storage's clock."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(60.0)
        run = ran(claim, exit_code=0, started_ago=7.5, ended_ago=2.5)
        assert settle(storage, claim, Verdict.COMPLETED, run=run, charge=True)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs, job.lost) == (State.COMPLETED, 1, 1, 0)
        assert (job.exit_code, job.signal, job.error, job.next_retry_at) == (0, None, None, None)
        assert job.started_at == pytest.approx(clock.now - 7.5, abs=0.002)
        assert job.finished_at == pytest.approx(clock.now - 2.5, abs=0.002)
        assert job.updated_at == clock.now

    def test_failed(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """FAILED: the job is failed, and shows when it is tried again and how long it waits."""
        claim = enqueue_and_claim(storage, worker)
        run = ran(claim, Result.FAILED, exit_code=3, error="exited with 3", started_ago=4.0, ended_ago=1.0)
        assert settle(storage, claim, Verdict.FAILED, run=run, charge=True, delay=8.0)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs) == (State.FAILED, 1, 1)
        assert (job.exit_code, job.signal, job.error) == (3, None, "exited with 3")
        assert job.next_retry_at == pytest.approx(clock.now + 8.0, abs=0.002)
        assert job.previous_delay == pytest.approx(8.0, abs=0.002)
        assert job.finished_at == pytest.approx(clock.now - 1.0, abs=0.002)

    def test_dead(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """DEAD: the job is dead, with what its last run left; nothing is to come."""
        claim = enqueue_and_claim(storage, worker)
        run = ran(claim, Result.FAILED, signal=9, started_ago=4.0, ended_ago=1.0)
        assert settle(storage, claim, Verdict.DEAD, run=run, charge=True)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs, job.next_retry_at) == (State.DEAD, 1, 1, None)
        assert (job.exit_code, job.signal) == (None, 9)
        assert job.finished_at == pytest.approx(clock.now - 1.0, abs=0.002)

    def test_cancelled(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """CANCELLED: the job is cancelled; a run that was cut short is kept."""
        claim = enqueue_and_claim(storage, worker)
        run = ran(claim, Result.CANCELLED, signal=15, started_ago=1.0)
        assert settle(storage, claim, Verdict.CANCELLED, run=run)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs, job.signal) == (State.CANCELLED, 0, 1, 15)
        assert job.finished_at == clock.now

    def test_a_claim_that_is_cancelled_before_it_ran_ends_now(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """A job that becomes final without a run has the moment as its `finished_at`, and no `started_at`."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(3.0)
        assert settle(storage, claim, Verdict.CANCELLED, run=None)
        job = stored(storage, "a")
        assert (job.state, job.runs, job.started_at, job.finished_at) == (State.CANCELLED, 0, None, clock.now)

    def test_a_claim_that_never_started_is_given_back_without_a_trace(self, storage: Storage, worker: str) -> None:
        """RELEASED without a run: pending again at once, no attempt, nothing counted."""
        claim = enqueue_and_claim(storage, worker)
        assert settle(storage, claim, Verdict.RELEASED, run=None)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs, job.lost, job.started_at) == (State.PENDING, 0, 0, 0, None)
        assert list(storage.attempts("a")) == []
        again = claim_one(storage, worker)
        assert again.number == 1

    def test_a_run_that_was_given_back_is_an_attempt_uncharged(self, storage: Storage, worker: str) -> None:
        """RELEASED with a run: pending again, the run is counted and recorded, no retry is used up."""
        claim = enqueue_and_claim(storage, worker)
        assert settle(storage, claim, Verdict.RELEASED, run=ran(claim, Result.RELEASED, signal=15))
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs) == (State.PENDING, 0, 1)
        assert [attempt.result for attempt in storage.attempts("a")] == [Result.RELEASED]
        assert claim_one(storage, worker).number == 2

    def test_a_failed_job_that_is_given_back_is_failed_again(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """RELEASED of a job that has charged attempts: failed, due at once, with what its last run left."""
        fail(storage, enqueue_and_claim(storage, worker), delay=5.0, exit_code=3)
        before = stored(storage, "a")
        clock.advance(6.0)
        give_back(storage, claim_one(storage, worker))
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs, job.exit_code) == (State.FAILED, 1, 1, 3)
        assert (job.started_at, job.finished_at) == (before.started_at, before.finished_at)
        assert job.previous_delay == before.previous_delay
        assert claimed(storage, worker) == ["a"]

    @pytest.mark.parametrize("started", [True, False])
    @pytest.mark.parametrize("verdict", [Verdict.RELEASED, Verdict.LOST])
    def test_a_pending_job_tells_of_no_run(
        self, storage: Storage, worker: str, clock: FakeClock, verdict: Verdict, started: bool
    ) -> None:
        """Whatever came before, a job that is pending again looks as if it had never run; its attempts tell of it."""
        for _ in range(2):
            claim = enqueue_and_claim_again(storage, worker)
            run = ran(claim, Result.RELEASED, signal=15, error="its worker was stopped") if started else None
            clock.advance(5.0)
            assert settle(storage, claim, verdict, run=run, error="it was not meant to be")
        job = stored(storage, "a")
        assert (job.state, job.worker, job.started_at, job.finished_at) == (State.PENDING, None, None, None)
        assert (job.exit_code, job.signal, job.error) == (None, None, None)

    def test_lost(self, storage: Storage, worker: str) -> None:
        """LOST: pending again at once; the run is counted as lost, no retry is used up."""
        claim = enqueue_and_claim(storage, worker)
        run = ran(claim, Result.LOST, error="its worker died", started_ago=9.0)
        assert settle(storage, claim, Verdict.LOST, run=run)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs, job.lost) == (State.PENDING, 0, 1, 1)
        assert storage.attempts("a")[0].outcome.error == "its worker died"
        assert claimed(storage, worker) == ["a"]

    def test_a_lost_run_of_a_failed_job_leaves_it_pending(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """LOST of a job with charged attempts: pending, the attempts kept, no retry to wait for."""
        fail(storage, enqueue_and_claim(storage, worker), delay=5.0)
        clock.advance(6.0)
        assert settle(storage, claim_one(storage, worker), Verdict.LOST)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.lost, job.next_retry_at) == (State.PENDING, 1, 1, None)

    def test_a_job_may_die_of_lost_runs(self, storage: Storage, worker: str) -> None:
        """DEAD with a lost run counts that run as lost too."""
        for _ in range(2):
            assert settle(storage, enqueue_and_claim_again(storage, worker), Verdict.LOST)
        claim = claim_one(storage, worker)
        run = ran(claim, Result.LOST)
        assert settle(storage, claim, Verdict.DEAD, run=run, error="lost 3 times")
        job = stored(storage, "a")
        assert (job.state, job.lost, job.runs, job.attempts, job.error) == (State.DEAD, 3, 3, 0, "lost 3 times")

    @pytest.mark.parametrize("verdict", _BACK)
    def test_a_delay_before_the_next_run_counts_on_the_clock_of_the_storage(
        self, storage: Storage, worker: str, clock: FakeClock, verdict: Verdict
    ) -> None:
        """FAILED, RELEASED and LOST with a delay: claimable when it is over, not before."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(100.0)
        assert settle(storage, claim, verdict, charge=verdict is Verdict.FAILED, delay=10.0)
        clock.advance(9.9)
        assert claimed(storage, worker) == []
        clock.advance(0.2)
        assert claimed(storage, worker) == ["a"]

    @pytest.mark.parametrize("verdict", [Verdict.RELEASED, Verdict.LOST])
    def test_a_pending_job_shows_what_it_waits_for(
        self, storage: Storage, worker: str, clock: FakeClock, verdict: Verdict
    ) -> None:
        """A job that is put back for later shows the time in `run_at`, as a new job with a delay does."""
        assert settle(storage, enqueue_and_claim(storage, worker), verdict, delay=10.0)
        assert stored(storage, "a").run_at == pytest.approx(clock.now + 10.0, abs=0.002)

    @pytest.mark.parametrize("verdict", _BACK)
    def test_a_delay_of_nothing_is_due_at_once(self, storage: Storage, worker: str, verdict: Verdict) -> None:
        """FAILED, RELEASED and LOST without a delay: claimable at once."""
        assert settle(storage, enqueue_and_claim(storage, worker), verdict, charge=verdict is Verdict.FAILED)
        assert claimed(storage, worker) == ["a"]

    def test_an_error_of_the_settlement_wins(self, storage: Storage, worker: str) -> None:
        """The job's error is that of the settlement, where it has one; the attempt keeps that of the run."""
        claim = enqueue_and_claim(storage, worker)
        run = ran(claim, Result.FAILED, error="of the run")
        assert settle(storage, claim, Verdict.DEAD, run=run, charge=True, error="of the settlement")
        assert stored(storage, "a").error == "of the settlement"
        assert storage.attempts("a")[0].outcome.error == "of the run"

    def test_what_the_last_run_left_is_forgotten_with_the_next(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """Exit code, signal and error are those of the last run alone."""
        fail(storage, enqueue_and_claim(storage, worker), delay=0.0, signal=9, error="killed")
        clock.advance(1.0)
        complete(storage, claim_one(storage, worker))
        job = stored(storage, "a")
        assert (job.exit_code, job.signal, job.error, job.attempts) == (0, None, None, 2)

    def test_what_is_uncharged_uses_up_no_retry(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """`attempts` counts the charged runs, `runs` all."""
        for charge in (True, False, True, False):
            claim = enqueue_and_claim_again(storage, worker)
            assert settle(storage, claim, Verdict.FAILED, charge=charge)
        job = stored(storage, "a")
        assert (job.attempts, job.runs) == (2, 4)

    def test_many_settlements_are_one_exchange(self, storage: Storage, worker: str) -> None:
        """Each settlement of an exchange gets its own verdict."""
        enqueue(storage, *(verdict.value for verdict in Verdict))
        claims = claim(storage, worker)
        settlements = [settlement(each, Verdict(each.job.id), charge=True, delay=60.0) for each in claims]
        exchange = storage.exchange(worker, settlements, None)
        assert exchange.accepted == {each.lease.token for each in claims}
        states = {verdict.value: stored(storage, verdict.value).state.value for verdict in Verdict}
        assert states == {
            "completed": "completed",
            "failed": "failed",
            "dead": "dead",
            "cancelled": "cancelled",
            "released": "failed",
            "lost": "pending",
        }

    def test_a_settlement_proves_that_its_worker_is_alive(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """Whoever settles is alive."""
        first, _ = (enqueue_and_claim(storage, worker, id) for id in ("a", "b"))
        clock.advance(29.0)
        complete(storage, first)
        assert registered(storage, worker).beat_at == clock.now
