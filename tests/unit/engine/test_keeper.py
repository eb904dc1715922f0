"""The keeper: what is promised of a worker holds while its runners are busy."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from queuectl.config import Config
from queuectl.engine import keeper as keeping
from queuectl.engine.boot import boot_id
from queuectl.engine.cancelling import CancelFlag
from queuectl.engine.desk import SETTLE_EARLY, Desk, Ended, Running
from queuectl.engine.exchanging import Counter
from queuectl.engine.keeper import LOOK_AFTER, RECORD_AFTER, ROUND, Keeper
from queuectl.engine.ledger import Ledger
from queuectl.engine.retry import Decision
from queuectl.engine.worker import Terms
from queuectl.errors import StorageBusyError, StorageError, StorageGoneError, StorageRefusedError
from queuectl.model.attempt import Result
from queuectl.model.job import NewJob, State
from queuectl.model.lease import Beat, Claim, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.query import Action
from queuectl.model.worker import NewWorker, StopMode

from .conftest import World, until

LEASE = 30.0


@dataclass
class Others:
    """What else a worker consists of: a rescue, deliveries, and how it is stopped."""

    is_unsure: bool = False
    taken: set[int] = field(default_factory=set)
    calls: list[object] = field(default_factory=list)

    def tokens(self) -> set[int]:
        """Return the leases that the rescue deals with."""
        return self.taken

    def stop(self, mode: StopMode, exit_code: int = 0) -> None:
        """Note how the worker is to stop."""
        self.calls.append((mode, exit_code))

    def finish(self) -> bool:
        """Have nothing left."""
        return True

    def __getattr__(self, name: str) -> Any:
        """Note whatever else is called."""
        return lambda: self.calls.append(name)


@pytest.fixture
def others() -> Others:
    """The rest of the worker."""
    return Others()


@pytest.fixture
def book(world: World) -> Iterator[Ledger]:
    """The ledger of this worker."""
    book = Ledger(world.run, world.me, slots=4, boot=boot_id())
    yield book
    book.close()


@pytest.fixture
def counter(world: World, book: Ledger) -> Counter:
    """The counter of this worker."""
    return Counter(world.storage, Desk(), Terms(id=world.me), world.logs, book, structlog.get_logger())


@pytest.fixture
def keeper(counter: Counter, others: Others, config: Config) -> Keeper:
    """A keeper whose thread does not run."""
    rest: Any = others
    return Keeper(counter, rest, rest, config, lease=LEASE, stop=others.stop)


@pytest.fixture
def running(world: World, counter: Counter) -> Iterator[Running]:
    """A job that runs."""
    claim = world.claim(world.me)
    counter.desk.add([claim])
    counter.desk.take()
    running = Running(claim, slot=1, flag=CancelFlag(), started=time.monotonic(), handle="pid 7")
    counter.desk.start(running)
    yield running
    running.flag.close()


def rounds(keeper: Keeper, number: int) -> None:
    """Let so many rounds pass."""
    for _ in range(number):
        keeper._round_at = 0.0
        keeper._tick(woken=False)


class TestNews:
    """What others committed."""

    def test_runners_hear_of_it_before_the_keeper_looks(
        self, keeper: Keeper, counter: Counter, others: Others, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A job that came is claimed and started meanwhile; both use the same connection."""
        asked: list[str] = []
        beat = counter.storage.beat

        def beat_and_note(worker: str) -> Beat:
            asked.append(worker)
            return beat(worker)

        monkeypatch.setattr(counter.storage, "beat", beat_and_note)
        rounds(keeper, 1)
        others.calls.clear()
        version = counter.desk.version
        keeper._tick(woken=True)
        assert (counter.desk.version, len(asked)) == (version + 1, 1)
        time.sleep(LOOK_AFTER)
        keeper._tick(woken=False)
        assert len(asked) == 2
        assert others.calls == ["announce"]

    def test_it_is_looked_at_soon(self, keeper: Keeper) -> None:
        """With nothing else to do, a wait ends then, though nobody rings once more."""
        rounds(keeper, 1)
        keeper._tick(woken=True)
        began = time.monotonic()
        keeper._wait()
        assert time.monotonic() - began < ROUND / 2


class TestRunning:
    """What runs."""

    def test_all_is_well(self, keeper: Keeper, running: Running, others: Others) -> None:
        """Nothing is ended, and the rest gets its turn."""
        rounds(keeper, 3)
        assert not running.flag.is_set()
        assert others.calls == ["look_around", "watch"] * 3

    def test_a_ledger_that_was_removed_is_put_back(self, world: World, keeper: Keeper) -> None:
        """Within a round; it is said once."""
        (world.run / world.me).unlink()
        with capture_logs() as logs:
            rounds(keeper, 2)
        assert os.listdir(world.run) == [world.me]
        assert [entry["event"] for entry in logs] == ["the ledger was removed, and is put back"]

    def test_a_ledger_that_cannot_be_put_back_is_told_of_until_it_can(
        self, world: World, keeper: Keeper, tmp_path: Path
    ) -> None:
        """Once; the rest of the round goes on."""
        (world.run / world.me).unlink()
        world.run.rmdir()
        world.run.touch()
        with capture_logs() as logs:
            rounds(keeper, 3)
            world.run.unlink()
            rounds(keeper, 2)
        assert [entry["event"] for entry in logs] == [
            "the ledger was removed, and cannot be put back",
            "the ledger was removed, and is put back",
        ]

    def test_a_cancel_ends_it(self, world: World, keeper: Keeper, running: Running) -> None:
        """As soon as anybody wakes the keeper."""
        world.storage.change(Action.CANCEL, ["a"])
        keeper._tick(woken=True)
        assert running.flag.reason == "cancel"

    def test_a_run_without_a_lease_is_ended(self, world: World, keeper: Keeper, running: Running) -> None:
        """Somebody else has the job."""
        world.storage.retire(world.me)
        world.storage.register(NewWorker(id=world.me, host="here", pid=1))
        with capture_logs() as logs:
            rounds(keeper, 1)
        assert running.flag.reason == "lost"
        assert [entry["event"] for entry in logs] == ["a lease was lost, its command is ended"]

    def test_who_was_given_up_for_dead_ends_all_and_leaves(
        self, world: World, keeper: Keeper, counter: Counter, running: Running, others: Others
    ) -> None:
        """With an exit code that has its supervisor start another, and its ledger for those who have its jobs."""
        counter.desk.add([world.claim(world.me, "b")])
        keeper.start()
        world.storage.retire(world.me)
        until(lambda: running.flag.reason == "lost")
        assert not keeper.finish()
        assert not counter.desk.has_waiting()
        assert (StopMode.FORCE, 75) in others.calls

    @pytest.mark.parametrize("mode", StopMode)
    def test_a_stop_is_passed_on(self, world: World, keeper: Keeper, others: Others, mode: StopMode) -> None:
        """As it was asked for."""
        world.storage.request_stop([world.me], mode)
        keeper._tick(woken=True)
        assert (mode, 0) in others.calls

    def test_one_that_lasts_is_recorded(self, world: World, keeper: Keeper, running: Running) -> None:
        """Once, with its handle; a short one never is."""
        keeper._tick(woken=False)
        assert not running.recorded
        running.started -= RECORD_AFTER
        keeper._tick(woken=False)
        assert running.recorded
        assert world.job("a").started_at == pytest.approx(time.time() - RECORD_AFTER, abs=2.0)
        (entry, holding) = world.storage.store.held_by(world.me)[0]
        assert (entry.job.id, holding.handle) == ("a", "pid 7")

    def test_one_that_cannot_be_recorded_is_ended(self, world: World, keeper: Keeper, running: Running) -> None:
        """Its lease is gone."""
        world.storage.retire(world.me)
        running.started -= RECORD_AFTER
        keeper._record()
        assert running.flag.reason == "lost"


class TestSettling:
    """What ended while the runners are busy."""

    def test_it_is_settled_soon(self, world: World, keeper: Keeper, counter: Counter, running: Running) -> None:
        """Nobody waits for the next run to end."""
        decision = Decision(verdict=Verdict.COMPLETED, result=Result.COMPLETED)
        now = time.monotonic()
        counter.desk.finish(Ended(running.claim, decision, now - SETTLE_EARLY, Outcome(exit_code=0), now, now))
        keeper._tick(woken=False)
        assert world.job("a").state is State.COMPLETED

    def test_a_claim_that_waits_is_given_back(
        self, world: World, keeper: Keeper, counter: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Others could run it."""
        monkeypatch.setattr(keeping, "RELEASE_EARLY", 0.0)
        monkeypatch.setattr(counter.desk, "due", lambda: 0.0)
        counter.desk.add([world.claim(world.me)])
        keeper._tick(woken=False)
        assert world.job("a").state is State.PENDING

    def test_a_runner_that_exchanges_just_now_settles_it(
        self, world: World, keeper: Keeper, counter: Counter, running: Running
    ) -> None:
        """The keeper goes on with the rest."""
        now = time.monotonic()
        decision = Decision(verdict=Verdict.COMPLETED, result=Result.COMPLETED)
        counter.desk.finish(Ended(running.claim, decision, now - 1.0, Outcome(exit_code=0), now, now))
        busy, done = threading.Event(), threading.Event()

        def exchange() -> None:
            with counter.lock:
                busy.set()
                done.wait(60.0)

        runner = threading.Thread(target=exchange)
        runner.start()
        busy.wait(60.0)
        rounds(keeper, 1)
        assert world.job("a").state is State.PROCESSING
        done.set()
        runner.join()


class TestStrangeLeases:
    """Leases that are this worker's, of which it knows nothing."""

    @pytest.fixture
    def strange(self, world: World) -> Claim:
        """A claim whose answer was lost."""
        return world.claim(world.me)

    def test_they_are_given_back(self, world: World, keeper: Keeper, strange: Claim) -> None:
        """At the second look, since one may cross an exchange: nothing of them runs."""
        rounds(keeper, 1)
        assert world.job("a").state is State.PROCESSING
        rounds(keeper, 1)
        assert world.job("a").state is State.PENDING

    def test_not_while_some_of_the_dead_are_unknown(
        self, world: World, keeper: Keeper, strange: Claim, others: Others
    ) -> None:
        """Of those jobs something may run: the rescue must have them first."""
        others.is_unsure = True
        rounds(keeper, 3)
        assert world.job("a").state is State.PROCESSING
        others.taken.add(strange.lease.token)
        others.is_unsure = False
        rounds(keeper, 3)
        assert world.job("a").state is State.PROCESSING

    def test_not_when_they_are_just_on_their_way(
        self, world: World, keeper: Keeper, counter: Counter, strange: Claim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An exchange brings them while the keeper looks."""
        rounds(keeper, 1)
        known = counter.desk.known
        answers = [set(), {strange.lease.token}]
        monkeypatch.setattr(counter.desk, "known", lambda: answers.pop(0) if answers else known())
        rounds(keeper, 1)
        assert world.job("a").state is State.PROCESSING


class TestTrouble:
    """A keeper whose thread runs."""

    @pytest.mark.parametrize("error", [StorageBusyError("busy"), RuntimeError("a bug")])
    def test_it_outlives_what_goes_wrong(
        self, world: World, keeper: Keeper, running: Running, error: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without it the worker would be taken for dead."""
        monkeypatch.setattr(keeping, "FAILED_PAUSE", 0.001)
        monkeypatch.setattr(Counter, "pause", lambda _: 0.001)
        fails = [error] * 3
        beat = world.storage.beat

        def sometimes(worker: str) -> Any:
            if fails:
                raise fails.pop()
            return beat(worker)

        monkeypatch.setattr(world.storage, "beat", sometimes)
        keeper.start()
        until(lambda: not fails)
        world.storage.change(Action.CANCEL, ["a"])
        keeper.nudge()
        until(running.flag.is_set)
        assert keeper.finish()

    @pytest.mark.parametrize(
        ("error", "stops"), [(StorageRefusedError("damaged"), [78]), (StorageGoneError("removed"), [])]
    )
    def test_a_store_that_is_not_to_be_used_any_more_stops_the_worker(
        self,
        world: World,
        keeper: Keeper,
        others: Others,
        error: StorageError,
        stops: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """One that is gone may be put back."""
        asked: list[str] = []

        def fail(worker: str) -> Any:
            asked.append(worker)
            raise error

        monkeypatch.setattr(Counter, "pause", lambda _: 0.001)
        monkeypatch.setattr(world.storage, "beat", fail)
        keeper.start()
        until(lambda: len(asked) >= 2)
        keeper.finish()
        assert [call[1] for call in others.calls if isinstance(call, tuple)][:1] == stops

    def test_a_beat_that_was_asked_before_a_long_stop_confirms_no_more_than_that(
        self, world: World, keeper: Keeper, counter: Counter, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its answer was true when it was asked."""
        beat = world.storage.beat
        asked: list[float] = []

        def stopped(worker: str) -> Any:
            asked.append(time.monotonic())
            answer = beat(worker)
            monkeypatch.setattr(time, "monotonic", lambda: asked[0] + 3600.0)
            return answer

        monkeypatch.setattr(world.storage, "beat", stopped)
        rounds(keeper, 1)
        monkeypatch.undo()
        assert counter.proven_at <= counter.confirmed_at <= asked[0]

    def test_how_old_the_proof_is_counts_where_the_storage_tells(
        self, world: World, keeper: Keeper, counter: Counter, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An answer is no proof of life that others could see."""
        beat = world.storage.beat
        monkeypatch.setattr(world.storage, "beat", lambda worker: replace(beat(worker), proven_ago=3.0))
        counter.confirmed_at = counter.proven_at = time.monotonic() - 60.0
        rounds(keeper, 1)
        assert counter.confirmed_at - counter.proven_at == pytest.approx(3.0)


def test_short_leases_are_looked_after_more_often(counter: Counter, others: Others, config: Config) -> None:
    """Else the guard would take two looks in a row for silence, and end every run."""
    rest: Any = others
    keeper = Keeper(counter, rest, rest, config, lease=0.4, stop=others.stop)
    keeper._tick(woken=False)
    assert keeper._round_at - time.monotonic() <= 0.05


class TestAskingAhead:
    """Claims for a runner that will soon have none."""

    @pytest.fixture
    def low(self, world: World, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> Counter:
        """A counter that is nearly out of short jobs."""
        monkeypatch.setattr(counter, "is_low", lambda **_: True)
        world.storage.enqueue([NewJob(id="next", command="true")])
        return counter

    def test_they_come_while_the_last_job_runs(self, keeper: Keeper, low: Counter, running: Running) -> None:
        """Its runner finds them when it is done."""
        keeper._tick(woken=False)
        assert low.desk.waiting() == 1

    def test_not_while_a_job_takes_long(self, keeper: Keeper, low: Counter, running: Running) -> None:
        """They would be given back, and claimed, and given back."""
        running.started -= 1.0
        keeper._tick(woken=False)
        assert low.desk.waiting() == 0

    def test_the_keeper_is_woken_for_it(self, keeper: Keeper, low: Counter, world: World, running: Running) -> None:
        """Once for any number of runners, and that is no news of the storage's."""
        keeper.start()
        keeper.ask_ahead()
        keeper.ask_ahead()
        until(lambda: low.desk.waiting() == 1)
        keeper.finish()
