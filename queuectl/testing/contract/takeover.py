"""Taking over: the jobs of the dead go to one of the living, and what is known of their runs with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queuectl.model.attempt import Result
from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.fixtures import OpenStorage
from queuectl.testing.contract.steps import (
    claim_one,
    claimed,
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    ran,
    register,
    registered,
    settle,
    stored,
)


class TakingOver:
    """The clauses of `Storage.take_over`."""

    @pytest.fixture
    def heir(self, storage: Storage, worker: str) -> str:
        """Return the id of a second worker, on another host."""
        return register(storage, "heir", host="host-2", pid=202)

    def test_the_heir_gets_new_leases(self, storage: Storage, worker: str, heir: str) -> None:
        """Every job of the dead is given to `by`, under a new lease, and stays processing."""
        old = [enqueue_and_claim(storage, worker, id) for id in ("a", "b")]
        taken = {each.job.id: each for each in storage.take_over([worker], heir)}
        assert sorted(taken) == ["a", "b"]
        for before in old:
            after = taken[before.job.id]
            assert after.lease.worker == heir
            assert after.lease.token > before.lease.token
            assert (after.origin, after.number) == (before.lease, before.number)
            job = stored(storage, before.job.id)
            assert after.job == job
            assert (job.state, job.worker, job.lease) == (State.PROCESSING, heir, after.lease.token)

    def test_the_dead_are_forgotten(self, storage: Storage, worker: str, heir: str) -> None:
        """A worker that was taken over is not registered any more, and learns it at its next beat."""
        enqueue_and_claim(storage, worker)
        storage.take_over([worker], heir)
        assert [each.id for each in storage.workers()] == [heir]
        beat = storage.beat(worker)
        assert (beat.alive, beat.leases, beat.cancelled) == (False, frozenset(), frozenset())
        assert storage.exchange(worker, [], None).cancelled == frozenset()

    def test_the_heir_holds_what_it_took(self, storage: Storage, worker: str, heir: str) -> None:
        """The new leases are among those of the heir, for its beats and for whoever looks."""
        enqueue_and_claim(storage, worker)
        (taken,) = storage.take_over([worker], heir)
        assert storage.beat(heir).leases == {taken.lease}
        assert registered(storage, heir).running == ("a",)

    def test_the_heir_settles(self, storage: Storage, worker: str, heir: str) -> None:
        """A settlement under the new lease is accepted; the job runs again."""
        enqueue_and_claim(storage, worker)
        (taken,) = storage.take_over([worker], heir)
        assert settle(storage, taken, Verdict.LOST)
        assert claim_one(storage, heir).number == 2

    def test_the_attempt_names_who_ran_it(self, storage: Storage, worker: str, heir: str) -> None:
        """The attempt of a run that another settled carries the worker, host and process that ran it."""
        enqueue_and_claim(storage, worker)
        (taken,) = storage.take_over([worker], heir)
        assert settle(storage, taken, Verdict.LOST)
        (attempt,) = storage.attempts("a")
        assert (attempt.worker, attempt.host, attempt.worker_pid) == (worker, "host-1", 101)

    def test_what_was_recorded_is_handed_on(self, storage: Storage, worker: str, heir: str, clock: FakeClock) -> None:
        """The heir learns of each run whether it was recorded, and under which handle; the job shows its start."""
        recorded, _ = (enqueue_and_claim(storage, worker, id) for id in ("a", "b"))
        storage.record(recorded.lease, "pid 7")
        started_at = clock.now
        clock.advance(5.0)
        taken = {each.job.id: each for each in storage.take_over([worker], heir)}
        assert (taken["a"].recorded, taken["a"].handle, taken["a"].job.started_at) == (True, "pid 7", started_at)
        assert (taken["b"].recorded, taken["b"].handle, taken["b"].job.started_at) == (False, None, None)

    def test_a_chain_keeps_the_origin(self, storage: Storage, worker: str, heir: str) -> None:
        """However often a job is taken over, it carries the lease under which it was claimed to run, and its handle."""
        first = enqueue_and_claim(storage, worker)
        storage.record(first.lease, "pid 7")
        (second,) = storage.take_over([worker], heir)
        third = register(storage, "third", host="host-3", pid=303)
        (taken,) = storage.take_over([heir], third)
        assert (taken.origin, taken.recorded, taken.handle, taken.number) == (first.lease, True, "pid 7", 1)
        assert first.lease.token < second.lease.token < taken.lease.token
        assert not settle(storage, second, Verdict.COMPLETED)
        assert settle(storage, taken, Verdict.COMPLETED, charge=True)
        assert storage.attempts("a")[0].worker == worker

    def test_a_new_claim_is_its_own_origin(self, storage: Storage, worker: str, heir: str) -> None:
        """What is given back after a take-over starts anew."""
        enqueue_and_claim(storage, worker)
        (taken,) = storage.take_over([worker], heir)
        assert settle(storage, taken, Verdict.LOST)
        again = claim_one(storage, heir)
        assert again.origin == again.lease

    def test_what_is_not_settled_comes_again(self, storage: Storage, worker: str, heir: str) -> None:
        """Whoever asks again, even naming nobody, is told of all that it took and has not settled."""
        for id in ("a", "b"):
            enqueue_and_claim(storage, worker, id)
        enqueue_and_claim(storage, heir, "own")
        taken = storage.take_over([worker], heir)
        assert list(storage.take_over([], heir)) == list(storage.take_over([worker], heir)) == list(taken)
        assert settle(storage, taken[0], Verdict.LOST)
        assert list(storage.take_over([], heir)) == list(taken[1:])

    def test_of_two_rivals_one_gets_the_jobs(
        self, storage: Storage, open_storage: OpenStorage, worker: str, heir: str
    ) -> None:
        """The second to take over the same worker gets nothing."""
        enqueue_and_claim(storage, worker)
        rival_storage = open_storage()
        rival = register(rival_storage, "rival")
        assert len(storage.take_over([worker], heir)) == 1
        assert list(rival_storage.take_over([worker], rival)) == []
        assert stored(storage, "a").worker == heir

    def test_several_at_once(self, storage: Storage, worker: str, heir: str) -> None:
        """Several dead are taken over in one call; those unknown are passed over."""
        second = register(storage, "worker-2")
        enqueue_and_claim(storage, worker, "a")
        enqueue_and_claim(storage, second, "b")
        taken = storage.take_over([worker, "unknown", second], heir)
        assert sorted(each.job.id for each in taken) == ["a", "b"]
        assert [each.id for each in storage.workers()] == [heir]

    def test_the_jobs_of_the_living_stay(self, storage: Storage, worker: str, heir: str) -> None:
        """Only the leases of the dead end."""
        other = register(storage, "worker-2")
        mine = enqueue_and_claim(storage, other, "mine")
        enqueue_and_claim(storage, worker, "a")
        storage.take_over([worker], heir)
        assert storage.beat(other).leases == {mine.lease}
        complete(storage, mine)

    def test_only_the_registered_take_over(self, storage: Storage, worker: str) -> None:
        """Nothing happens for a `by` that is not registered: it may have been taken over itself."""
        claim = enqueue_and_claim(storage, worker)
        assert list(storage.take_over([worker], "nobody")) == []
        assert storage.beat(worker).leases == {claim.lease}

    def test_the_dead_without_jobs_are_forgotten_too(self, storage: Storage, worker: str, heir: str) -> None:
        """A dead worker that held nothing is forgotten, and yields nothing."""
        assert list(storage.take_over([worker], heir)) == []
        assert [each.id for each in storage.workers()] == [heir]

    def test_unproven_a_living_worker_stays(self, storage: Storage, worker: str, heir: str, clock: FakeClock) -> None:
        """Without proof nobody is taken over whose beat is not older than its lease."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(29.0)
        assert list(storage.take_over([worker], heir, proven=False)) == []
        assert storage.beat(worker).leases == {claim.lease}

    def test_unproven_a_silent_worker_is_taken_over(
        self, storage: Storage, worker: str, heir: str, clock: FakeClock
    ) -> None:
        """Without proof those are taken over whose beat is older than their lease by the storage's clock."""
        enqueue_and_claim(storage, worker)
        clock.advance(31.0)
        (taken,) = storage.take_over([worker], heir, proven=False)
        assert taken.job.id == "a"
        assert not storage.beat(worker).alive

    def test_unproven_each_worker_has_its_own_lease(self, storage: Storage, heir: str, clock: FakeClock) -> None:
        """How long silence may last is the worker's own `lease`."""
        quick, slow = register(storage, "quick", lease=5.0), register(storage, "slow", lease=300.0)
        enqueue_and_claim(storage, quick, "a")
        enqueue_and_claim(storage, slow, "b")
        clock.advance(60.0)
        taken = storage.take_over([quick, slow], heir, proven=False)
        assert [each.job.id for each in taken] == ["a"]
        assert registered(storage, "slow").running == ("b",)

    def test_unproven_a_beat_saves(self, storage: Storage, worker: str, heir: str, clock: FakeClock) -> None:
        """A worker that beats is not silent, however old its claim is."""
        enqueue_and_claim(storage, worker)
        for _ in range(5):
            clock.advance(20.0)
            storage.beat(worker)
        clock.advance(20.0)
        assert list(storage.take_over([worker], heir, proven=False)) == []

    def test_to_take_over_proves_that_the_heir_is_alive(
        self, storage: Storage, worker: str, heir: str, clock: FakeClock
    ) -> None:
        """The heir's new leases do not run out at once, though it idled for long."""
        enqueue_and_claim(storage, worker)
        clock.advance(3600.0)
        storage.take_over([worker], heir)
        assert not registered(storage, heir).expired

    def test_unproven_it_is_a_proof_even_for_nobody(
        self, storage: Storage, worker: str, heir: str, clock: FakeClock
    ) -> None:
        """Whoever asks without proof writes that it is alive, each time: it wants to know whether it can."""
        for _ in range(2):
            clock.advance(1.0)
            storage.take_over([], heir, proven=False)
            assert registered(storage, heir).beat_at == clock.now
        assert registered(storage, worker).beat_at < clock.now

    def test_a_cancel_outlives_the_take_over(self, storage: Storage, worker: str, heir: str) -> None:
        """A cancel that the dead worker did not carry out is asked of the heir, and applied when it settles."""
        enqueue_and_claim(storage, worker)
        storage.change(Action.CANCEL, ["a"])
        (taken,) = storage.take_over([worker], heir)
        assert taken.job.cancel_requested
        assert storage.beat(heir).cancelled == {taken.lease}
        assert settle(storage, taken, Verdict.LOST)
        assert stored(storage, "a").state is State.CANCELLED

    def test_an_outcome_that_had_been_noted_is_settled(
        self, storage: Storage, worker: str, heir: str, clock: FakeClock
    ) -> None:
        """The heir may settle with any verdict: a run that had ended well is completed."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(60.0)
        (taken,) = storage.take_over([worker], heir)
        run = replace(ran(claim, exit_code=0), started_ago=50.0, ended_ago=40.0)
        assert settle(storage, taken, Verdict.COMPLETED, run=run, charge=True)
        job = stored(storage, "a")
        assert (job.state, job.runs, job.exit_code) == (State.COMPLETED, 1, 0)
        assert job.finished_at == pytest.approx(clock.now - 40.0, abs=0.002)

    def test_the_number_goes_on(self, storage: Storage, worker: str, heir: str, clock: FakeClock) -> None:
        """A take-over of a second run carries the number 2, and what the first left is still shown."""
        fail(storage, enqueue_and_claim(storage, worker), delay=1.0, exit_code=3)
        clock.advance(2.0)
        claim_one(storage, worker)
        (taken,) = storage.take_over([worker], heir)
        assert (taken.number, taken.job.attempts, taken.job.exit_code) == (2, 1, 3)
        assert settle(storage, taken, Verdict.LOST, run=ran(taken, Result.LOST))
        assert [attempt.number for attempt in storage.attempts("a")] == [1, 2]

    def test_a_lost_job_is_given_to_anybody(self, storage: Storage, worker: str, heir: str) -> None:
        """Once settled as lost, the job is claimed in its old place."""
        enqueue_and_claim(storage, worker, "a")
        enqueue(storage, "b")
        (taken,) = storage.take_over([worker], heir)
        assert settle(storage, taken, Verdict.LOST)
        assert claimed(storage, register(storage, "third")) == ["a", "b"]
