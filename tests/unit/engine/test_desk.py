"""The desk: what a worker has in hand, from the claim to its settlement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from queuectl.engine import desk as desking
from queuectl.engine.cancelling import CancelFlag
from queuectl.engine.desk import CANCELLED, RELEASE_EARLY, RELEASED, SETTLE_EARLY, Desk, Ended, Running
from queuectl.engine.retry import Decision
from queuectl.model.attempt import Result
from queuectl.model.lease import Claim, Lease, Verdict
from queuectl.model.outcome import Outcome
from queuectl.testing import FakeClock, make_job

COMPLETED = Decision(verdict=Verdict.COMPLETED, result=Result.COMPLETED)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock that the desk goes by."""
    clock = FakeClock()
    monkeypatch.setattr(desking, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    """An empty desk."""
    return Desk()


def claim(token: int) -> Claim:
    """Return a claim."""
    lease = Lease(f"job-{token}", token, "w")
    return Claim(job=make_job(id=lease.job), lease=lease, number=1, origin=lease)


@pytest.fixture
def flags() -> Iterator[list[CancelFlag]]:
    """Flags for three runs."""
    flags = [CancelFlag() for _ in range(3)]
    yield flags
    for flag in flags:
        flag.close()


@pytest.fixture
def begin(desk: Desk, flags: list[CancelFlag]) -> Callable[[int], Running]:
    """Let a new claim run, under a flag of its own."""

    def begin(token: int) -> Running:
        desk.add([claim(token)])
        taken = desk.take()
        assert taken is not None
        running = Running(taken, slot=1, flag=flags[token], started=0.0)
        desk.start(running)
        return running

    return begin


def tokens(ended: list[Ended]) -> list[tuple[int, Verdict]]:
    """Return what is to be settled, and how."""
    return [(item.claim.lease.token, item.decision.verdict) for item in ended]


def test_claims_are_taken_in_their_order(desk: Desk) -> None:
    """Later ones stand behind those that wait."""
    desk.add([claim(2), claim(1)])
    desk.add([claim(3)])
    taken = [desk.take() for _ in range(4)]
    assert [each and each.lease.token for each in taken] == [2, 1, 3, None]


def test_a_claim_that_waited_too_long_is_given_back_and_not_run(desk: Desk, clock: FakeClock) -> None:
    """Somebody else may have the job: the worker was stopped."""
    desk.add([claim(1)])
    clock.advance(60.0)
    desk.add([claim(2)])
    taken = desk.take(younger_than=15.0)
    assert taken is not None
    assert taken.lease.token == 2
    assert tokens(desk.take_ended()) == [(1, Verdict.RELEASED)]


def test_claims_that_wait_are_given_back_in_time(desk: Desk, clock: FakeClock) -> None:
    """Those that wait for longer than was said, or all."""
    desk.add([claim(1)])
    clock.advance(0.2)
    desk.add([claim(2)])
    assert desk.give_back(RELEASED, older_than=0.1) == 1
    assert desk.give_back(RELEASED, older_than=0.1) == 0
    assert desk.give_back(RELEASED) == 1
    assert tokens(desk.take_ended()) == [(1, Verdict.RELEASED), (2, Verdict.RELEASED)]


def test_all_in_hand_is_known_until_it_is_settled(desk: Desk, begin: Callable[[int], Running]) -> None:
    """On its way from one place to the next too, so that no lease is ever taken for a strange one."""
    assert desk.is_empty()
    running = begin(1)
    desk.add([claim(2), claim(3)])
    desk.take()
    assert (desk.known(), desk.running(), desk.has_waiting()) == ({1, 2, 3}, [running], True)
    desk.finish(Ended(running.claim, COMPLETED, 0.0))
    batch = desk.take_ended()
    assert (desk.known(), desk.running(), desk.is_empty()) == ({1, 2, 3}, [], False)
    desk.put_back(batch)
    assert desk.known() == {1, 2, 3}
    assert desk.take_ended() == batch
    desk.settled(batch)
    assert desk.known() == {2, 3}


def test_what_could_not_be_settled_stays_before_what_came_since(desk: Desk) -> None:
    """So that a job's settlements keep their order."""
    desk.finish(Ended(claim(1), COMPLETED, 0.0))
    batch = desk.take_ended()
    desk.finish(Ended(claim(2), COMPLETED, 0.0))
    desk.put_back(batch)
    assert [token for token, _ in tokens(desk.take_ended())] == [1, 2]


class TestEnding:
    """Runs that are asked to end."""

    def test_one_is_asked(self, desk: Desk, begin: Callable[[int], Running]) -> None:
        """By its lease; unknown leases are nobody's."""
        first, second = begin(1), begin(2)
        desk.end_running("lost", [2, 99])
        assert (first.flag.reason, second.flag.reason) == (None, "lost")

    def test_all_are_asked(self, desk: Desk, begin: Callable[[int], Running]) -> None:
        """Also those that start only now: a worker that must end starts nothing that goes on."""
        first = begin(1)
        desk.end_running("stop")
        assert (first.flag.reason, begin(2).flag.reason) == ("stop", "stop")

    def test_one_on_its_way_from_the_desk_is_asked_when_it_starts(self, desk: Desk, flags: list[CancelFlag]) -> None:
        """It is taken, but does not run yet."""
        desk.add([claim(1)])
        taken = desk.take()
        assert taken is not None
        desk.withdraw([taken.lease])
        running = Running(taken, slot=1, flag=flags[0], started=0.0)
        desk.start(running)
        assert running.flag.reason == "cancel"

    def test_a_cancel_settles_what_waits_and_ends_what_runs(self, desk: Desk, begin: Callable[[int], Running]) -> None:
        """What waits need not start for that."""
        running = begin(1)
        desk.add([claim(2), claim(3)])
        desk.withdraw([running.claim.lease, claim(2).lease])
        assert running.flag.reason == "cancel"
        assert tokens(desk.take_ended()) == [(2, Verdict.CANCELLED)]
        taken = desk.take()
        assert taken is not None
        assert taken.lease.token == 3

    def test_nothing_to_cancel_is_nothing_to_do(self, desk: Desk, begin: Callable[[int], Running]) -> None:
        """As with most exchanges."""
        running = begin(1)
        desk.withdraw([])
        assert not running.flag.is_set()

    def test_what_is_somebody_elses_is_dropped(self, desk: Desk) -> None:
        """It is not settled any more; what runs is ended apart from that."""
        desk.add([claim(1)])
        desk.finish(Ended(claim(2), COMPLETED, 0.0))
        desk.drop()
        assert desk.is_empty()


class TestTimes:
    """When the keeper must do something, and what a settlement tells of times."""

    def test_an_empty_desk_waits_for_nothing(self, desk: Desk, begin: Callable[[int], Running]) -> None:
        """Nor does what runs."""
        begin(1)
        assert desk.due() is None

    def test_what_waits_is_due_to_be_given_back(self, desk: Desk, clock: FakeClock) -> None:
        """Others could run it."""
        desk.add([claim(1)])
        assert desk.due() == pytest.approx(RELEASE_EARLY, abs=1e-6)
        clock.advance(1.0)
        assert desk.due() == 0.0

    def test_what_ended_is_due_to_be_settled(self, desk: Desk, clock: FakeClock) -> None:
        """Sooner than what waits."""
        desk.add([claim(1)])
        desk.finish(Ended(claim(2), COMPLETED, clock.now))
        assert desk.due() == pytest.approx(SETTLE_EARLY, abs=1e-6)

    def test_a_settlement_tells_ages(self) -> None:
        """By the storage's clock they become times."""
        item = Ended(claim(1), COMPLETED, 0.0, Outcome(exit_code=0), started=100.0, ended=107.0)
        settlement = item.settlement(110.0)
        assert settlement.run is not None
        assert (settlement.run.started_ago, settlement.run.ended_ago) == (10.0, 3.0)
        assert (settlement.verdict, settlement.charge) == (Verdict.COMPLETED, True)

    def test_a_claim_that_never_ran_charges_nothing(self) -> None:
        """Whatever was decided."""
        for decision in (COMPLETED, RELEASED, CANCELLED):
            settlement = Ended(claim(1), decision, 0.0).settlement(1.0)
            assert (settlement.run, settlement.charge) == (None, False)


class TestNews:
    """Runners that wait."""

    @pytest.mark.parametrize("news", [Desk.announce, lambda desk: desk.add([claim(1)])])
    def test_they_wake_for_what_is_announced_or_added(self, desk: Desk, news: Callable[[Desk], None]) -> None:
        """Also when it was before they began to wait."""
        seen = desk.version
        waiting = threading.Thread(target=desk.await_news, args=(seen, 60.0))
        waiting.start()
        news(desk)
        waiting.join(60.0)
        assert not waiting.is_alive()
        desk.await_news(seen, 60.0)

    def test_they_wait_no_longer_than_they_meant_to(self, desk: Desk) -> None:
        """Nothing came."""
        desk.await_news(desk.version, 0.001)
