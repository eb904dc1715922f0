"""A clock that is set: what waits for a length of time, and what waits for a moment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action, Edit
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    ask,
    claim_one,
    claimed,
    enqueue,
    enqueue_and_claim,
    fail,
    give_back,
    last_event,
    ran,
    register,
    registered,
    settle,
    stored,
    told,
)

DAY = 86400.0

_WAITS: dict[str, Callable[[Storage, str], object]] = {
    "retry": lambda storage, worker: fail(storage, enqueue_and_claim(storage, worker), delay=10.0),
    "delay": lambda storage, worker: enqueue(storage, "a", delay=10.0),
    "release": lambda storage, worker: give_back(storage, enqueue_and_claim(storage, worker), delay=10.0),
    "lost": lambda storage, worker: settle(storage, enqueue_and_claim(storage, worker), Verdict.LOST, delay=10.0),
}
"""The ways in which job `a` comes to wait for ten seconds."""

_READY: dict[str, Callable[[Storage, str], object]] = {
    "new": lambda storage, worker: enqueue(storage, "a"),
    "given back": lambda storage, worker: give_back(storage, enqueue_and_claim(storage, worker)),
    "retried": lambda storage, worker: (_WAITS["retry"](storage, worker), storage.change(Action.RETRY, ["a"])),
}
"""The ways in which job `a` comes to be claimable."""


class ClockSetBack:
    """The clauses of a storage's clock that is set back."""

    @pytest.mark.parametrize("wait", _WAITS)
    def test_a_wait_lasts_no_longer_than_it_was_long(
        self, storage: Storage, worker: str, clock: FakeClock, wait: str
    ) -> None:
        """What waits for ten seconds is claimable at the latest ten seconds after somebody asked by the new clock."""
        _WAITS[wait](storage, worker)
        clock.advance(4.0 - DAY)
        assert claimed(storage, worker) == []
        clock.advance(10.1)
        assert claimed(storage, worker) == ["a"]

    @pytest.mark.parametrize("wait", _WAITS)
    def test_the_new_time_is_told(self, storage: Storage, worker: str, clock: FakeClock, wait: str) -> None:
        """Once somebody has asked by the new clock, the job and `next_due` tell when the wait ends now."""
        _WAITS[wait](storage, worker)
        clock.advance(-DAY)
        ask(storage, worker)
        assert ask(storage, worker).next_due == pytest.approx(10.0, abs=0.002)
        job = stored(storage, "a")
        shown = job.next_retry_at if job.state is State.FAILED else job.run_at
        assert shown == pytest.approx(clock.now + 10.0, abs=0.002)

    @pytest.mark.parametrize("queues", [None, ("default",)])
    def test_who_asks_hears_that_there_may_be_more(
        self, storage: Storage, worker: str, clock: FakeClock, queues: tuple[str, ...] | None
    ) -> None:
        """No answer after the clock was set back sends anybody to sleep for longer than the wait."""
        _WAITS["retry"](storage, worker)
        clock.advance(-DAY)
        next_due = ask(storage, worker, queues=queues).next_due
        assert next_due is not None
        assert next_due <= 10.002

    def test_a_held_wait_begins_anew_when_it_is_released(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A hold does not hide a wait from that."""
        _WAITS["retry"](storage, worker)
        storage.change(Action.HOLD, ["a"])
        clock.advance(-DAY)
        storage.change(Action.RELEASE, ["a"])
        assert claimed(storage, worker) == []
        clock.advance(10.1)
        assert claimed(storage, worker) == ["a"]

    def test_a_named_moment_stays(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """`run_at` is a moment of the clock: who sets it back puts that moment off."""
        run_at = clock.now + 10.0
        enqueue(storage, "a", run_at=run_at)
        clock.advance(-3600.0)
        assert ask(storage, worker).next_due == pytest.approx(3610.0, abs=1.0)
        assert stored(storage, "a").run_at == run_at
        clock.advance(3600.0)
        assert claimed(storage, worker) == []
        clock.advance(10.1)
        assert claimed(storage, worker) == ["a"]

    def test_an_edited_moment_stays(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """So is a time that a person gave to a job that waited for something else."""
        _WAITS["retry"](storage, worker)
        storage.change(Action.EDIT, ["a"], edit=Edit(run_at=clock.now + 20.0))
        clock.advance(-3600.0)
        assert ask(storage, worker).next_due == pytest.approx(3620.0, abs=0.002)

    @pytest.mark.parametrize("way", _READY)
    def test_what_is_claimable_stays_so(self, storage: Storage, worker: str, clock: FakeClock, way: str) -> None:
        """A job that waits for nothing does not begin to."""
        _READY[way](storage, worker)
        clock.advance(-DAY)
        assert claimed(storage, worker) == ["a"]

    @pytest.mark.parametrize("way", _READY)
    def test_what_was_held_when_it_was_claimable_stays_so(
        self, storage: Storage, worker: str, clock: FakeClock, way: str
    ) -> None:
        """It is claimable again as soon as it is released, whatever was edited meanwhile."""
        _READY[way](storage, worker)
        storage.change(Action.HOLD, ["a"])
        clock.advance(-DAY)
        storage.change(Action.EDIT, ["a"], edit=Edit(priority=3))
        storage.change(Action.RELEASE, ["a"])
        assert claimed(storage, worker) == ["a"]

    def test_a_retry_of_what_is_held_waits_for_nothing(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A person who retried a held job finds it claimable when it is released."""
        _WAITS["retry"](storage, worker)
        storage.change(Action.HOLD, ["a"])
        storage.change(Action.RETRY, ["a"])
        clock.advance(-DAY)
        storage.change(Action.RELEASE, ["a"])
        assert claimed(storage, worker) == ["a"]

    def test_a_run_takes_as_long_as_it_took(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A run that began before the clock was set back ends after it began."""
        claim = enqueue_and_claim(storage, worker)
        storage.record(claim.lease, None)
        clock.advance(5.0 - DAY)
        settle(storage, claim, Verdict.COMPLETED, run=ran(claim, exit_code=0, started_ago=5.0, ended_ago=1.0))
        job, (attempt,) = stored(storage, "a"), storage.attempts("a")
        for each in (job, attempt):
            assert each.started_at is not None
            assert each.finished_at is not None
            assert each.finished_at - each.started_at == pytest.approx(4.0, abs=0.002)

    def test_nobody_has_waited_for_less_than_no_time(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """What is added up for the statistics is never negative."""
        claim = enqueue_and_claim(storage, worker)
        clock.advance(-DAY)
        settle(storage, claim, Verdict.COMPLETED)
        assert [bucket.wait_time for bucket in storage.stats(60.0, 60.0)] == [0.0]

    def test_a_beat_that_lies_ahead_proves_nothing(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A last beat that lies further ahead than the lease proves nothing; the next one does."""
        enqueue_and_claim(storage, worker)
        clock.advance(29.0 - 60.0)
        assert registered(storage, worker).expired
        storage.beat(worker)
        assert not registered(storage, worker).expired
        assert registered(storage, worker).beat_at == clock.now

    def test_who_beats_is_not_taken_over(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A worker that has beaten by the new clock lives, one that has not is silent."""
        quiet, heir = register(storage, "quiet"), register(storage, "heir")
        enqueue_and_claim(storage, worker, "a")
        enqueue_and_claim(storage, quiet, "b")
        clock.advance(-DAY)
        storage.beat(worker)
        taken = storage.take_over([worker, quiet], heir, proven=False)
        assert [each.job.id for each in taken] == ["b"]

    def test_a_claim_proves_that_its_worker_is_alive_now(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """So does what it claims by the new clock."""
        clock.advance(-DAY)
        enqueue_and_claim(storage, worker)
        assert not registered(storage, worker).expired

    def test_the_right_to_deliver_does_not_last_longer(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """Nobody keeps the right for a day that was kept for half a minute."""
        other = register(storage, "worker-2")
        storage.advance("log", 0, worker=worker, hold=30.0)
        clock.advance(-DAY)
        clock.advance(30.1)
        assert storage.advance("log", 0, worker=other) == 0


class ClockSetForward:
    """The clauses of a storage's clock that is set forward."""

    @pytest.mark.parametrize("wait", _WAITS)
    def test_a_wait_may_end_early(self, storage: Storage, worker: str, clock: FakeClock, wait: str) -> None:
        """For all that a storage knows the time has passed: the job is claimable at once."""
        _WAITS[wait](storage, worker)
        clock.advance(DAY)
        assert claimed(storage, worker) == ["a"]

    def test_what_fails_meanwhile_does_not_wait_for_the_clock_that_was_wrong(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """A wait that began while the clock was ahead lasts no longer once it is right again."""
        clock.advance(DAY)
        fail(storage, enqueue_and_claim(storage, worker), delay=10.0)
        clock.advance(-DAY)
        assert claimed(storage, worker) == []
        clock.advance(10.1)
        assert claim_one(storage, worker).number == 2

    def test_who_was_told_nothing_for_long_is_told_what_is_new(
        self, storage: Storage, worker: str, clock: FakeClock
    ) -> None:
        """However long nothing happened, an event stays until every consumer has passed it."""
        for consumer in ("log", "mail"):
            storage.advance(consumer, last_event(storage), worker=worker)
        clock.advance(40 * DAY)
        enqueue(storage, "a")
        storage.advance("log", last_event(storage), worker=worker)
        assert told(storage) == ["job.enqueued a"]

    def test_who_works_on_is_not_taken_over(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A worker that beats by the new clock keeps what it runs."""
        claim = enqueue_and_claim(storage, worker)
        heir = register(storage, "heir")
        clock.advance(DAY)
        storage.beat(worker)
        assert list(storage.take_over([worker], heir, proven=False)) == []
        assert storage.beat(worker).leases == {claim.lease}
