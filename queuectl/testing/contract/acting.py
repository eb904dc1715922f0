"""Acting: what a person's retry, cancel, edit and hold make of a job."""

from __future__ import annotations

import pytest

from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action, Edit
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    bury,
    claim_one,
    claimed,
    enqueue,
    enqueue_and_claim,
    fail,
    listed,
    ran,
    settle,
    stored,
)


class Retrying:
    """The clauses of `Action.RETRY`."""

    def test_a_failed_job_is_due_now(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A failed job may be claimed at once; it is still failed, and its attempts are kept."""
        fail(storage, enqueue_and_claim(storage, worker), delay=3600.0, exit_code=3)
        (job,) = storage.change(Action.RETRY, ["a"]).jobs
        assert (job.state, job.attempts, job.exit_code) == (State.FAILED, 1, 3)
        assert job.next_retry_at is None or job.next_retry_at <= clock.now
        assert claim_one(storage, worker).job.attempts == 1

    @pytest.mark.parametrize("verdict", [Verdict.DEAD, Verdict.COMPLETED, Verdict.CANCELLED])
    def test_a_finished_job_starts_over(
        self, storage: Storage, worker: str, clock: FakeClock, verdict: Verdict
    ) -> None:
        """A finished job is pending and due, with all its retries; of its last run nothing is shown any more."""
        settle(storage, enqueue_and_claim(storage, worker), Verdict.LOST)
        fail(storage, claim_one(storage, worker), delay=0.0)
        run = ran(claim := claim_one(storage, worker), signal=9)
        settle(storage, claim, verdict, run=run, charge=True, error="some error")
        clock.advance(5.0)
        (job,) = storage.change(Action.RETRY, ["a"]).jobs
        assert job == stored(storage, "a")
        assert (job.state, job.attempts, job.lost, job.error) == (State.PENDING, 0, 0, None)
        assert (job.exit_code, job.signal, job.worker) == (None, None, None)
        assert (job.started_at, job.finished_at) == (None, None)
        assert (job.next_retry_at, job.previous_delay, job.updated_at) == (None, None, clock.now)
        assert claimed(storage, worker) == ["a"]

    def test_its_history_is_kept(self, storage: Storage, worker: str) -> None:
        """The attempts and the count of runs survive a retry."""
        bury(storage, enqueue_and_claim(storage, worker))
        storage.change(Action.RETRY, ["a"])
        assert stored(storage, "a").runs == 1
        assert [attempt.number for attempt in storage.attempts("a")] == [1]
        assert claim_one(storage, worker).number == 2

    def test_a_cancelled_job_does_not_wait_for_its_old_time(self, storage: Storage, worker: str) -> None:
        """A job that was cancelled before its `run_at` runs now when it is retried, and shows no time to wait for."""
        enqueue(storage, "a", delay=3600.0)
        storage.change(Action.CANCEL, ["a"])
        (job,) = storage.change(Action.RETRY, ["a"]).jobs
        assert job.run_at is None
        assert claimed(storage, worker) == ["a"]

    def test_it_keeps_its_place_and_fields(self, storage: Storage, worker: str) -> None:
        """A retried job keeps its place in enqueue order, its priority, and all else that it was given."""
        bury(storage, enqueue_and_claim(storage, worker, "a", tags=("x",), max_retries=7, env={"A": "b"}))
        enqueue(storage, "b")
        storage.change(Action.RETRY, ["a"])
        assert claimed(storage, worker) == ["a", "b"]
        job = stored(storage, "a")
        assert (job.tags, job.max_retries, job.env) == (("x",), 7, {"A": "b"})

    def test_a_hold_outlives_it(self, storage: Storage, worker: str) -> None:
        """A failed job that is held stays held: only a release ends a hold."""
        fail(storage, enqueue_and_claim(storage, worker))
        storage.change(Action.HOLD, ["a"])
        storage.change(Action.RETRY, ["a"])
        assert claimed(storage, worker) == []
        storage.change(Action.RELEASE, ["a"])
        assert claimed(storage, worker) == ["a"]


class Cancelling:
    """The clauses of `Action.CANCEL`; those for a job that is processing are in `CancelMeanwhile`."""

    def test_a_pending_job_is_cancelled_now(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A waiting job is cancelled at once, with the moment as its end."""
        enqueue(storage, "a", delay=5.0)
        clock.advance(1.0)
        (job,) = storage.change(Action.CANCEL, ["a"]).jobs
        assert (job.state, job.finished_at, job.updated_at) == (State.CANCELLED, clock.now, clock.now)
        assert job == stored(storage, "a")
        clock.advance(10.0)
        assert claimed(storage, worker) == []

    def test_a_failed_job_is_cancelled_now(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A failed job is cancelled at once; what its last run left is still shown, but no retry."""
        fail(storage, enqueue_and_claim(storage, worker), delay=5.0, exit_code=3)
        clock.advance(1.0)
        (job,) = storage.change(Action.CANCEL, ["a"]).jobs
        assert (job.state, job.attempts, job.exit_code) == (State.CANCELLED, 1, 3)
        assert (job.next_retry_at, job.finished_at) == (None, clock.now)

    def test_a_hold_ends_with_it(self, storage: Storage, worker: str) -> None:
        """A held job that is cancelled and retried is not held."""
        enqueue(storage, "a")
        storage.change(Action.HOLD, ["a"])
        (job,) = storage.change(Action.CANCEL, ["a"]).jobs
        assert not job.held
        storage.change(Action.RETRY, ["a"])
        assert claimed(storage, worker) == ["a"]


class Editing:
    """The clauses of `Action.EDIT`, `HOLD` and `RELEASE`."""

    def test_given_fields_are_replaced(self, storage: Storage, worker: str) -> None:
        """An edit replaces the fields that it gives, for who reads and who claims."""
        enqueue(storage, "a", command="false", env={"OLD": "1"}, tags=("old",), backoff="linear", cwd="/tmp")
        edit = Edit(
            command=("echo", "new"),
            priority=9,
            timeout=5.0,
            max_retries=0,
            env={},
            tags=("new", "newer"),
            backoff={"plugin": "fixed", "delay": 1},
        )
        (job,) = storage.change(Action.EDIT, ["a"], edit=edit).jobs
        assert job == stored(storage, "a")
        assert (job.command, job.priority, job.timeout, job.max_retries) == (("echo", "new"), 9, 5.0, 0)
        assert (job.env, job.tags, job.backoff) == ({}, ("new", "newer"), {"plugin": "fixed", "delay": 1})
        assert job.cwd == "/tmp"
        assert claim_one(storage, worker).job.command == ("echo", "new")

    def test_other_fields_stay(self, storage: Storage) -> None:
        """What an edit does not give stays as it is."""
        (before,) = enqueue(storage, "a", command="false", env={"A": "1"}, tags=("x",), timeout=5.0, delay=60.0)
        (after,) = storage.change(Action.EDIT, ["a"], edit=Edit(max_retries=9)).jobs
        assert after.max_retries == 9
        assert (after.command, after.env, after.tags) == (before.command, before.env, before.tags)
        assert (after.timeout, after.run_at, after.priority) == (before.timeout, before.run_at, before.priority)

    def test_a_new_priority_counts_for_the_next_claim(self, storage: Storage, worker: str) -> None:
        """A job whose priority was raised is claimed before the others."""
        enqueue(storage, "a", "b", "c")
        storage.change(Action.EDIT, ["c"], edit=Edit(priority=1))
        assert claimed(storage, worker) == ["c", "a", "b"]

    def test_a_new_time_counts_for_the_next_claim(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A pending job that is put off waits until then, and one that is brought forward comes due."""
        enqueue(storage, "now")
        enqueue(storage, "later", delay=3600.0)
        storage.change(Action.EDIT, ["now"], edit=Edit(run_at=clock.now + 60.0))
        storage.change(Action.EDIT, ["later"], edit=Edit(run_at=clock.now - 1.0))
        assert claimed(storage, worker) == ["later"]
        clock.advance(61.0)
        assert claimed(storage, worker) == ["now"]

    def test_a_failed_job_can_be_given_another_time(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """An edit of the time of a failed job is an edit of its next attempt."""
        fail(storage, enqueue_and_claim(storage, worker), delay=10.0)
        (job,) = storage.change(Action.EDIT, ["a"], edit=Edit(run_at=clock.now + 60.0)).jobs
        assert (job.state, job.next_retry_at) == (State.FAILED, clock.now + 60.0)
        clock.advance(59.0)
        assert claimed(storage, worker) == []
        clock.advance(2.0)
        assert claimed(storage, worker) == ["a"]

    def test_new_tags_are_found(self, storage: Storage) -> None:
        """A query by tag follows an edit."""
        enqueue(storage, "a", tags=("old",))
        storage.change(Action.EDIT, ["a"], edit=Edit(tags=("new",)))
        assert (listed(storage, tag="old"), listed(storage, tag="new")) == ([], ["a"])

    def test_a_hold_is_shown_and_changes_no_state(self, storage: Storage, worker: str) -> None:
        """A held job keeps its state, and says that it is held until it is released."""
        fail(storage, enqueue_and_claim(storage, worker, "b"))
        enqueue(storage, "a")
        held = storage.change(Action.HOLD, ["a", "b"]).jobs
        assert [(job.state, job.held) for job in held] == [(State.PENDING, True), (State.FAILED, True)]
        released = storage.change(Action.RELEASE, ["a", "b"]).jobs
        assert [(job.state, job.held) for job in released] == [(State.PENDING, False), (State.FAILED, False)]

    def test_a_hold_outlasts_the_time(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A held job is not claimed when it comes due; once released, it is."""
        enqueue(storage, "a", delay=10.0)
        storage.change(Action.HOLD, ["a"])
        clock.advance(11.0)
        assert claimed(storage, worker) == []
        storage.change(Action.RELEASE, ["a"])
        assert claimed(storage, worker) == ["a"]

    def test_a_release_does_not_cut_a_delay_short(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A released job still waits for its time."""
        enqueue(storage, "a", delay=10.0)
        storage.change(Action.HOLD, ["a"])
        storage.change(Action.RELEASE, ["a"])
        assert claimed(storage, worker) == []
        clock.advance(11.0)
        assert claimed(storage, worker) == ["a"]
