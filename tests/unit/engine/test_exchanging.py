"""The counter: what ended is settled, and new claims come, in one exchange at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from queuectl.engine import ledger
from queuectl.engine.boot import boot_id
from queuectl.engine.desk import RELEASED, Desk, Ended
from queuectl.engine.exchanging import MOST_CLAIMS, MOST_CLAIMS_FAR, Counter
from queuectl.engine.ledger import Entry, Ledger
from queuectl.engine.retry import Decision
from queuectl.engine.worker import Terms
from queuectl.errors import StorageBusyError, StorageError, StorageGoneError, StorageRefusedError
from queuectl.model.attempt import Output, Result
from queuectl.model.job import NewJob, State
from queuectl.model.lease import Claim, Verdict
from queuectl.model.outcome import Outcome
from queuectl.testing import MemoryStorage

from .conftest import World

COMPLETED = Decision(verdict=Verdict.COMPLETED, result=Result.COMPLETED)


class Troubled(MemoryStorage):
    """Fails as long as there is something to fail with, before or after it has done what it was asked for."""

    def trouble(self) -> None:
        """Have none at first."""
        self.fails: list[StorageError] = []
        self.after = False

    def exchange(self, *arguments: Any) -> Any:
        """Settle and claim, or fail."""
        if not self.fails:
            return super().exchange(*arguments)
        if self.after:
            super().exchange(*arguments)
        raise self.fails.pop()


@pytest.fixture
def storage(world: World) -> Troubled:
    """The storage of the world, which may fail."""
    world.storage.__class__ = Troubled
    assert isinstance(world.storage, Troubled)
    world.storage.trouble()
    return world.storage


@pytest.fixture
def book(world: World) -> Iterator[Ledger]:
    """The ledger of this worker."""
    book = Ledger(world.run, world.me, slots=4, boot=boot_id())
    yield book
    book.close()


@pytest.fixture
def counter(world: World, storage: Troubled, book: Ledger, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """A counter over an empty desk, which has no time to pause."""
    monkeypatch.setattr(Counter, "pause", lambda _: 0.001)
    log = structlog.get_logger()
    return Counter(storage, Desk(), Terms(id=world.me, concurrency=2), world.logs, book, log)


@pytest.fixture
def run(world: World, counter: Counter, book: Ledger) -> Callable[[Claim], Ended]:
    """Let a claim run to its end, as far as the counter sees it."""

    def run(claim: Claim) -> Ended:
        slot = book.take_slot()
        book.note(slot, Entry(claim.job.id, claim.lease.token, 1, "ended", 0.0, 0.0, outcome={"exit_code": 0}))
        (world.logs / f"{world.me}-{claim.lease.token}.out").touch()
        now = time.monotonic()
        item = Ended(claim, COMPLETED, now, Outcome(exit_code=0), now, now, Output(), slot)
        counter.desk.finish(item)
        return item

    return run


def noted(world: World) -> int:
    """Return how many entries stand in this worker's ledger."""
    record = ledger.read(world.run, world.me)
    assert record is not None
    return len(record.entries)


def test_it_settles_and_claims_at_once(world: World, counter: Counter, run: Callable[[Claim], Ended]) -> None:
    """What was settled leaves nothing behind."""
    run(world.claim(world.me, "a"))
    world.storage.enqueue([NewJob(id="b", command="true")])
    assert noted(world) == 1
    result = counter.exchange(ask=True)
    assert [claim.job.id for claim in result.claims] == ["b"]
    assert world.job("a").state is State.COMPLETED
    assert (noted(world), os.listdir(world.logs)) == (0, [])
    taken = counter.desk.take()
    assert taken is not None
    assert taken.job.id == "b"


def test_what_stands_in_the_ledger_is_cleared_after_the_output_is_gone(
    world: World, counter: Counter, run: Callable[[Claim], Ended], book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is killed in between leaves no file of which nobody knows."""

    class KilledError(BaseException):
        """The end of this worker."""

    def die(_: int) -> None:
        raise KilledError

    run(world.claim(world.me, "a"))
    monkeypatch.setattr(book, "clear", die)
    with pytest.raises(KilledError):
        counter.exchange(ask=False)
    assert world.job("a").state is State.COMPLETED
    assert [*world.logs.iterdir()] == []


def test_without_asking_nothing_is_claimed(world: World, counter: Counter) -> None:
    """A worker that stops takes no more."""
    world.storage.enqueue([NewJob(id="a", command="true")])
    assert counter.exchange(ask=False).claims == ()


class TestTrouble:
    """A storage that fails."""

    def test_what_was_not_settled_is_kept(
        self, world: World, storage: Troubled, counter: Counter, run: Callable[[Claim], Ended]
    ) -> None:
        """In the ledger too, until it is."""
        item = run(world.claim(world.me, "a"))
        storage.fails = [StorageBusyError("busy")]
        with pytest.raises(StorageBusyError):
            counter.exchange(ask=False)
        assert (noted(world), counter.desk.known()) == (1, {item.claim.lease.token})
        counter.exchange(ask=False)
        assert (noted(world), counter.desk.is_empty()) == (0, True)

    def test_it_is_told_once_until_it_is_over(
        self, world: World, counter: Counter, run: Callable[[Claim], Ended]
    ) -> None:
        """However often it is tried."""
        with capture_logs() as logs:
            for _ in range(3):
                counter.trouble(StorageError("full"))
            counter.exchange(ask=False)
            counter.exchange(ask=False)
            counter.trouble(StorageError("full"))
        assert [(entry["event"], entry.get("error")) for entry in logs] == [
            ("the storage does not answer, trying again", "full"),
            ("the storage answers again", None),
            ("the storage does not answer, trying again", "full"),
        ]

    def test_a_result_that_came_too_late_is_told(
        self, world: World, counter: Counter, run: Callable[[Claim], Ended]
    ) -> None:
        """Nothing is overwritten. Whoever has the job finds what was noted of it, and its output."""
        claim = world.claim(world.me, "a")
        run(claim)
        world.storage.retire(world.me)
        with capture_logs() as logs:
            counter.exchange(ask=False)
        assert [entry["event"] for entry in logs] == ["a result came too late, somebody else has the job"]
        assert (world.job("a").state, noted(world), counter.desk.is_empty()) == (State.PENDING, 1, True)
        assert os.listdir(world.logs) == [f"{world.me}-{claim.lease.token}.out"]

    def test_a_result_whose_acceptance_was_lost_on_the_way_is_not(
        self, world: World, storage: Troubled, counter: Counter, run: Callable[[Claim], Ended]
    ) -> None:
        """It was written the first time, as far as anybody knows."""
        run(world.claim(world.me, "a"))
        storage.fails, storage.after = [StorageBusyError("the answer was lost")], True
        with pytest.raises(StorageBusyError):
            counter.exchange(ask=False)
        with capture_logs() as logs:
            counter.exchange(ask=False)
        assert logs == []
        assert world.job("a").state is State.COMPLETED


class TestHopelessness:
    """A store that is not to be used any more, or that is gone."""

    @pytest.mark.parametrize(
        ("error", "running", "draining", "leaving"),
        [
            (StorageError("full"), False, False, False),
            (StorageBusyError("locked"), False, False, False),
            (StorageGoneError("removed"), False, True, True),
            (StorageRefusedError("damaged"), True, True, True),
        ],
    )
    def test_who_waits_for_it(
        self, counter: Counter, error: StorageError, running: bool, draining: bool, leaving: bool
    ) -> None:
        """What may be well again is waited for; who drains or leaves does not wait for what somebody took away."""
        assert counter.is_hopeless(error) is running
        assert counter.is_hopeless(error, leaving=True) is leaving
        counter.terms = Terms(id="me", drain=True)
        assert counter.is_hopeless(error) is draining

    def test_it_is_told_with_what_to_do_even_amid_other_trouble(self, counter: Counter) -> None:
        """Once, and as an error; that some of it can yet be read changes nothing."""
        with capture_logs() as logs:
            for error in (StorageError("full"), *[StorageRefusedError("damaged", hint="restore a backup")] * 3):
                counter.trouble(error)
            counter.exchange(ask=False)
        assert [(entry["log_level"], entry["error"], entry.get("hint")) for entry in logs] == [
            ("warning", "full", None),
            ("error", "damaged", "restore a backup"),
        ]

    @pytest.mark.parametrize("error", [StorageGoneError("removed"), StorageRefusedError("damaged")])
    def test_who_leaves_has_what_ended_in_the_ledger(
        self, world: World, storage: Troubled, counter: Counter, run: Callable[[Claim], Ended], error: StorageError
    ) -> None:
        """After the first failure."""
        run(world.claim(world.me, "a"))
        storage.fails = [error] * 2
        assert counter.settle_all(in_haste=lambda: False) is error
        assert (len(storage.fails), noted(world), counter.desk.is_empty()) == (1, 1, False)


class TestLeaving:
    """A worker that leaves."""

    def test_it_settles_for_as_long_as_it_takes(
        self, world: World, storage: Troubled, counter: Counter, run: Callable[[Claim], Ended]
    ) -> None:
        """And says once what it waits for."""
        run(world.claim(world.me, "a"))
        storage.fails = [StorageError("the disk is full")] * 5
        with capture_logs() as logs:
            counter.settle_all(in_haste=lambda: False)
        assert world.job("a").state is State.COMPLETED
        assert [entry["jobs"] for entry in logs if "a second signal" in entry["event"]] == [1]

    def test_in_haste_it_leaves_the_rest_in_the_ledger(
        self, world: World, storage: Troubled, counter: Counter, run: Callable[[Claim], Ended]
    ) -> None:
        """Once it was told to, and that it fails."""
        run(world.claim(world.me, "a"))
        storage.fails = [StorageError("the disk is full")] * 9
        counter.settle_all(in_haste=lambda: len(storage.fails) < 5)
        assert (len(storage.fails), noted(world), counter.desk.is_empty()) == (4, 1, False)

    def test_a_goodbye_that_fails_is_no_reason_to_stay(self, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
        """Others find that the lock is gone."""

        def fail(_: str) -> None:
            raise StorageError("gone")

        monkeypatch.setattr(counter.storage, "retire", fail)
        with capture_logs() as logs:
            counter.retire()
        assert [entry["error"] for entry in logs] == ["gone"]


class TestAsking:
    """How many claims it asks for."""

    def ended(self, seconds: float) -> Any:
        """Return a run that took so long."""
        return Ended(None, RELEASED, 0.0, started=100.0, ended=100.0 + seconds)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("seconds", "least", "most"), [(0.0001, MOST_CLAIMS, MOST_CLAIMS), (0.005, 3, 6), (60, 2, 2)]
    )
    def test_short_jobs_are_claimed_in_batches(
        self, world: World, counter: Counter, seconds: float, least: int, most: int
    ) -> None:
        """Long ones one for each runner: others could run them."""
        for _ in range(40):
            counter.observe(self.ended(seconds))
        world.storage.enqueue([NewJob(id=str(number), command="true") for number in range(100)])
        assert least <= len(counter.exchange(ask=True).claims) <= most


class TestConfirming:
    """Since when the leases of this worker are known to hold."""

    @pytest.fixture
    def counter(self, counter: Counter) -> Counter:
        """A counter that has not heard of the storage for long."""
        counter.confirmed_at = 0.0
        return counter

    def test_a_claim_or_a_settlement_confirms(
        self, world: World, counter: Counter, run: Callable[[Claim], Ended]
    ) -> None:
        """Only who is registered gets claims, and holds what it settles."""
        world.storage.enqueue([NewJob(id="a", command="true")])
        counter.exchange(ask=True)
        assert counter.confirmed_at > 0.0
        counter.confirmed_at = 0.0
        claim = counter.desk.take()
        assert claim is not None
        run(claim)
        counter.exchange(ask=False)
        assert counter.confirmed_at > 0.0

    def test_an_exchange_of_nothing_tells_nothing(self, world: World, counter: Counter) -> None:
        """A worker that was taken over gets one too."""
        world.storage.retire(world.me)
        counter.exchange(ask=True)
        assert counter.confirmed_at == 0.0


class TestAskingAhead:
    """Jobs that are so short that the way to a storage far away would take as long as they do."""

    @pytest.fixture
    def far(self, storage: Troubled, world: World, book: Ledger) -> Counter:
        """A counter whose storage is far away, and takes a while to answer; its jobs were short so far."""
        storage.capabilities |= {"multi_host"}
        counter = Counter(storage, Desk(), Terms(id=world.me), world.logs, book, structlog.get_logger())
        counter._run_time = counter._answer_time = 0.001
        storage.enqueue([NewJob(id=f"job-{number:03}", command="true") for number in range(200)])
        return counter

    def test_it_is_time_before_the_last_of_them_runs(self, far: Counter) -> None:
        """When what waits will have run before an answer could be here; somewhat earlier where one is due anyway."""
        far.exchange(ask=True)
        far._answer_time = 0.005
        assert not far.is_low()
        assert not far.is_low(settling=True)
        while far.desk.waiting() > 15:
            far.desk.take()
        assert far.is_low(settling=True)
        assert not far.is_low()
        while far.desk.waiting() > 5:
            far.desk.take()
        assert far.is_low()

    def test_only_where_the_storage_is_far_away(self, far: Counter) -> None:
        """Else it answers in no time."""
        far._is_far = False
        far.exchange(ask=True)
        far.desk.give_back(RELEASED)
        assert not far.is_low()

    def test_only_while_there_are_as_many_as_are_asked_for(self, far: Counter, storage: Troubled) -> None:
        """An idle worker asks when it is told to."""
        assert not far.is_low()
        far._run_time = 0.0001
        for expected in (True, False):  # 200 jobs, 128 at a time
            far.exchange(ask=True)
            far.desk.give_back(RELEASED)
            far.desk.take_ended()
            assert far.is_low() is expected

    def test_not_after_an_answer_that_never_came(self, far: Counter, storage: Troubled) -> None:
        """The storage is asked again at the pace of who has trouble."""
        far.exchange(ask=True)
        storage.fails = [StorageBusyError("no")]
        with pytest.raises(StorageBusyError):
            far.exchange(ask=True)
        far.desk.give_back(RELEASED)
        assert not far.is_low()

    def test_who_leaves_claims_nothing(self, far: Counter) -> None:
        """What an exchange that was under way brings is given back."""
        far.exchange(ask=True)
        far.leaving = True
        far.exchange(ask=True)
        assert far.desk.waiting() == 0
        far.exchange(ask=False)
        assert far.desk.is_empty()
        assert not far.is_low()

    def test_more_is_claimed_at_once(self, far: Counter) -> None:
        """Where one exchange costs as much as dozens of jobs."""
        far._run_time = 0.0001
        assert len(far.exchange(ask=True).claims) == MOST_CLAIMS_FAR
