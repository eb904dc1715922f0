"""Settling: what a verdict makes of a job, and what is kept of its run."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from queuectl.model.attempt import OUTPUT_TAIL, Output, Result
from queuectl.model.job import State
from queuectl.model.lease import Claim, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    claim,
    claim_one,
    claimed,
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    give_back,
    ran,
    register,
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

    def test_lost(self, storage: Storage, worker: str) -> None:
        """LOST: pending again at once; the run is counted as lost, no retry is used up."""
        claim = enqueue_and_claim(storage, worker)
        run = ran(claim, Result.LOST, error="its worker died", started_ago=9.0)
        assert settle(storage, claim, Verdict.LOST, run=run)
        job = stored(storage, "a")
        assert (job.state, job.attempts, job.runs, job.lost) == (State.PENDING, 0, 1, 1)
        assert job.error == "its worker died"
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


class Attempts:
    """The clauses of attempts and their output."""

    def test_a_run_is_kept_as_an_attempt(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """An attempt tells all of its run: result, outcome, times, and who ran it where."""
        claim = enqueue_and_claim(storage, register(storage, "worker-9", host="host-9", pid=999))
        outcome = Outcome(
            exit_code=None, signal=9, error="timed out", timed_out=True, cpu_time=1.25, peak_memory=2**33, pid=4242
        )
        run = replace(ran(claim, Result.FAILED, started_ago=30.0, ended_ago=0.5), outcome=outcome)
        settle(storage, claim, Verdict.FAILED, run=run, charge=True)
        (attempt,) = storage.attempts("a")
        assert (attempt.job, attempt.number, attempt.result, attempt.outcome) == ("a", 1, Result.FAILED, outcome)
        assert (attempt.worker, attempt.host, attempt.worker_pid) == ("worker-9", "host-9", 999)
        assert attempt.started_at == pytest.approx(clock.now - 30.0, abs=0.002)
        assert attempt.finished_at == pytest.approx(clock.now - 0.5, abs=0.002)

    def test_attempts_are_numbered_for_ever(self, storage: Storage, worker: str) -> None:
        """Numbers count 1, 2, 3 … over failures, losses and retries by hand; oldest first."""
        for verdict in (Verdict.FAILED, Verdict.LOST, Verdict.RELEASED, Verdict.DEAD):
            assert settle(storage, enqueue_and_claim_again(storage, worker), verdict, charge=True)
        storage.change(Action.RETRY, ["a"])
        complete(storage, claim_one(storage, worker))
        attempts = storage.attempts("a")
        assert [attempt.number for attempt in attempts] == [1, 2, 3, 4, 5]
        results = ["failed", "lost", "released", "failed", "completed"]
        assert [attempt.result.value for attempt in attempts] == results

    def test_an_unknown_job_has_no_attempts(self, storage: Storage) -> None:
        """There are no attempts of a job that is not stored, and no output."""
        assert list(storage.attempts("nothing")) == []
        assert storage.output("nothing", 1) is None

    def test_output_comes_back_byte_by_byte(self, storage: Storage, worker: str) -> None:
        """Tails are bytes, whatever stands in them, up to `OUTPUT_TAIL` each; sizes and paths come back too."""
        output = Output(
            tail=bytes(range(256)) * (OUTPUT_TAIL // 256),
            size=10**12,
            path="/data/logs/w-1.out",
            error_tail=os.urandom(1000) + b"\x00\xff\xfe",
            error_size=1003,
            error_path="/data/logs/w-1.err",
        )
        claim = enqueue_and_claim(storage, worker)
        settle(storage, claim, Verdict.COMPLETED, run=ran(claim, exit_code=0, output=output))
        assert storage.output("a", 1) == output
        (attempt,) = storage.attempts("a")
        assert (attempt.output_size, attempt.output_path) == (10**12, "/data/logs/w-1.out")

    def test_a_run_that_wrote_nothing_has_an_empty_output(self, storage: Storage, worker: str) -> None:
        """An attempt without output has one of no bytes; an attempt that never was has none."""
        complete(storage, enqueue_and_claim(storage, worker))
        assert storage.output("a", 1) == Output()
        assert storage.output("a", 2) is None

    def test_standard_error_apart_may_be_empty(self, storage: Storage, worker: str) -> None:
        """No standard error apart is None, an empty one is empty."""
        claim = enqueue_and_claim(storage, worker)
        settle(storage, claim, Verdict.COMPLETED, run=ran(claim, exit_code=0, output=Output(error_tail=b"")))
        assert storage.output("a", 1) == Output(error_tail=b"")

    def test_each_attempt_has_its_own_output(self, storage: Storage, worker: str) -> None:
        """Outputs are kept for each attempt."""
        for number in (1, 2, 3):
            claim = enqueue_and_claim_again(storage, worker)
            run = ran(claim, Result.FAILED, output=Output(tail=b"run %d" % number, size=5))
            settle(storage, claim, Verdict.FAILED, run=run)
        tails = [output.tail for number in (1, 2, 3) if (output := storage.output("a", number))]
        assert tails == [b"run 1", b"run 2", b"run 3"]

    def test_errors_may_be_long(self, storage: Storage, worker: str) -> None:
        """An error is a text of any length and script."""
        error = "größer 😀\n" * 10_000
        claim = enqueue_and_claim(storage, worker)
        settle(storage, claim, Verdict.DEAD, run=ran(claim, Result.FAILED, error=error))
        assert stored(storage, "a").error == error
        assert storage.attempts("a")[0].outcome.error == error


def enqueue_and_claim_again(storage: Storage, worker: str) -> Claim:
    """Claim the job, which is enqueued first where it is not yet."""
    if storage.get("a") is None:
        enqueue(storage, "a")
    return claim_one(storage, worker)
