"""The rescue: jobs of dead workers are taken over, and none starts again while something of it may run."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from queuectl.engine import ledger, silence
from queuectl.engine import rescue as rescuing
from queuectl.engine.boot import boot_id
from queuectl.engine.environment import lease_mark
from queuectl.engine.ledger import SLOT_SIZE, Ledger
from queuectl.engine.rescue import Rescue
from queuectl.errors import StorageBusyError
from queuectl.model.attempt import OUTPUT_TAIL
from queuectl.model.job import State
from queuectl.model.lease import Claim, Settlement, Verdict
from queuectl.model.worker import NewWorker
from queuectl.testing import MemoryStorage

from .conftest import Executioner, World, until

RUNNING: dict[str, Any] = {"phase": "running", "handle": "pid 7"}
SUCCEEDED: dict[str, Any] = {"phase": "ended", "outcome": {"exit_code": 0}}


def rescue_in(world: World, executioner: Executioner) -> Rescue:
    """Return the rescue of the living worker."""
    return Rescue(world.storage, world.me, world.run, world.logs, executioner)  # type: ignore[arg-type]


@pytest.fixture
def rescue(world: World, executioner: Executioner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rescue]:
    """A rescue that is not patient with what fails, and leaves in the end."""
    monkeypatch.setattr(rescuing, "TRY_AGAIN", 0.001)
    monkeypatch.setattr(rescuing, "LONGEST_PAUSE", 0.002)
    rescue = rescue_in(world, executioner)
    yield rescue
    rescue.finish()


def look_until(rescue: Rescue, condition: Callable[[], object]) -> None:
    """Look around, as a keeper does, until a condition is true."""

    def looked() -> object:
        rescue.look_around()
        return condition()

    until(looked)


def look_until_settled(rescue: Rescue, world: World, *ids: str) -> None:
    """Look around, as a keeper does, until the jobs are settled."""
    unsettled = {State.PROCESSING}
    look_until(rescue, lambda: not rescue.tokens() and unsettled.isdisjoint(world.job(id).state for id in ids))


class TestTakingOver:
    """What becomes of a dead worker's jobs."""

    def test_what_runs_is_ended_before_the_job_is_lost(
        self, world: World, rescue: Rescue, executioner: Executioner
    ) -> None:
        """The executor gets the handle that was noted; the run is recorded as lost, and the ledger goes."""
        world.die(RUNNING)
        look_until_settled(rescue, world, "a")
        assert executioner.ended == ["pid 7"]
        assert (world.job("a").state, world.job("a").lost) == (State.PENDING, 1)
        assert rescue.finish()
        assert os.listdir(world.run) == []

    def test_a_run_that_was_caught_starting_is_found_by_its_lease(
        self, world: World, rescue: Rescue, executioner: Executioner
    ) -> None:
        """Nothing was recorded yet: what stands in its environment is all there is."""
        (claim,) = world.die({"phase": "starting"})
        look_until_settled(rescue, world, "a")
        assert executioner.ended == [f"lease:{lease_mark('dead', claim.lease.token)}"]

    def test_a_claim_that_never_began_is_given_back(
        self, world: World, rescue: Rescue, executioner: Executioner
    ) -> None:
        """Nothing is ended, nothing counted."""
        world.die(None)
        look_until_settled(rescue, world, "a")
        assert (world.job("a").runs, world.storage.attempts("a"), executioner.ended) == (0, [], [])

    def test_an_outcome_that_was_noted_is_settled_and_not_run_again(
        self, world: World, rescue: Rescue, executioner: Executioner
    ) -> None:
        """The run had ended: its job is completed, with its output."""
        (claim,) = world.die(SUCCEEDED)
        (world.logs / f"dead-{claim.lease.token}.out").write_bytes(b"well")
        look_until_settled(rescue, world, "a")
        assert world.job("a").state is State.COMPLETED
        output = world.storage.output("a", 1)
        assert output is not None
        assert output.tail == b"well"
        assert (executioner.ended, os.listdir(world.logs)) == ([], [])

    @pytest.mark.parametrize(
        ("noted", "state"),
        [
            ({"phase": "ended", "outcome": {"exit_code": 3}}, State.FAILED),
            ({"phase": "ended", "outcome": {"signal": 15}, "released": True}, State.PENDING),
            ({"phase": "ended", "outcome": {"exit_code": 0}, "cancelled": True}, State.CANCELLED),
        ],
    )
    def test_why_it_had_been_ended_counts(
        self, world: World, rescue: Rescue, noted: dict[str, Any], state: State
    ) -> None:
        """A failure is one, a forced stop gives back, a cancel cancels."""
        world.die(noted)
        look_until_settled(rescue, world, "a")
        assert world.job("a").state is state

    def test_a_ledger_in_unknown_words_is_taken_for_a_run_that_may_be_left(
        self, world: World, rescue: Rescue, executioner: Executioner
    ) -> None:
        """Such as one of another version: it is not taken for a claim that never began."""
        world.die({"phase": "ended", "outcome": {"colour": "red"}})
        look_until_settled(rescue, world, "a")
        assert [handle.partition(":")[0] for handle in executioner.ended] == ["lease"]
        assert world.job("a").lost == 1

    def test_a_run_without_a_ledger_is_ended_by_what_the_storage_knows(
        self, world: World, rescue: Rescue, executioner: Executioner
    ) -> None:
        """The handle was recorded there, and a container, say, can be ended from any host."""
        (claim,) = world.die(None)
        world.storage.record(claim.lease, "box 7")
        look_until_settled(rescue, world, "a")
        assert executioner.ended == ["box 7"]

    def test_the_living_are_left_alone(self, world: World, rescue: Rescue) -> None:
        """A ledger whose lock is held is nobody's business."""
        rescue.look_around()
        assert rescue.tokens() == set()
        assert rescue.finish()


class TestStrangeFiles:
    """What lies among the ledgers and is none, or none that can be read."""

    @pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/nowhere", path)])
    @pytest.mark.parametrize("name", ["a-stranger", ".a-stranger"])
    def test_no_file(self, world: World, rescue: Rescue, make: Callable[[Path], None], name: str) -> None:
        """Nobody waits for a FIFO or stumbles over a link, and who cleans up leaves them alone."""
        world.die(RUNNING)
        make(world.run / name)
        look_until_settled(rescue, world, "a")
        look_until(rescue, lambda: os.listdir(world.run) == [name])
        ledger.sweep(world.run, older_than=-1.0)
        assert os.listdir(world.run) == [name]

    @pytest.mark.parametrize("call", ["is_alive", "hold_dead"])
    def test_one_that_cannot_be_opened(
        self, world: World, rescue: Rescue, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It keeps nobody from taking over from the others, nor from those who keep silent, and is told of once."""
        world.die(RUNNING, worker="a-stranger", ids="x")
        world.die(RUNNING)
        original = getattr(ledger, call)

        def refused(run: Path, name: str) -> Any:
            if name == "a-stranger":
                raise PermissionError(13, "Permission denied")
            return original(run, name)

        monkeypatch.setattr(ledger, call, refused)
        with capture_logs() as logs:
            look_until_settled(rescue, world, "a")
            look_until(rescue, lambda: "dead" not in os.listdir(world.run))
            for _ in range(3):
                rescue.look_around_last()
            told = [entry for entry in logs if "Permission denied" in str(entry.get("error"))]
        assert world.job("x").state is State.PROCESSING
        assert len(told) == 1

    def test_one_of_another_version(self, world: World, rescue: Rescue, executioner: Executioner) -> None:
        """None of its words are known: what it says of a job is taken for a run that may be left."""
        world.die(RUNNING, worker="a-stranger", ids="x")
        world.die(RUNNING)
        words = b'{"tint": "red"}'
        with (world.run / "a-stranger").open("r+b") as file:
            file.seek(2 * SLOT_SIZE)
            file.write(struct.pack("<II", len(words), zlib.crc32(words)) + words)
        look_until_settled(rescue, world, "a", "x")
        assert sorted(handle.partition(":")[0] for handle in executioner.ended) == ["lease", "pid 7"]
        rescue._kept.clear()
        look_until(rescue, lambda: os.listdir(world.run) == [])

    def test_one_of_another_version_that_had_no_job(self, world: World, rescue: Rescue) -> None:
        """Its own kind may have what it ran, and read it yet; after a day it goes."""
        world.run.mkdir()
        words = b'{"tint": "red"}'
        path = world.run / "a-stranger"
        path.write_bytes(struct.pack("<II", len(words), zlib.crc32(words)) + words)
        world.die(RUNNING)
        look_until_settled(rescue, world, "a")
        look_until(rescue, lambda: "a-stranger" in rescue._kept)
        os.utime(path, (0, 0))
        rescue._kept.clear()
        look_until(rescue, lambda: os.listdir(world.run) == [])


class TestLostAnswers:
    """A take-over whose answer is lost after its commit."""

    @pytest.fixture
    def world(self, world: World) -> World:
        """A world whose storage loses the first answer."""
        world.storage.__class__ = Forgetful
        return world

    def test_what_runs_is_ended_all_the_same(self, world: World, rescue: Rescue, executioner: Executioner) -> None:
        """It is asked again what was taken over, and each job is dealt with as always."""
        world.die(RUNNING, SUCCEEDED)
        look_until_settled(rescue, world, "a", "b")
        assert executioner.ended == ["pid 7"]
        assert (world.job("a").lost, world.job("b").state) == (1, State.COMPLETED)
        look_until(rescue, lambda: os.listdir(world.run) == [])

    def test_until_the_answer_is_there_the_rescue_is_unsure(self, world: World, rescue: Rescue) -> None:
        """Nobody may take its leases for strange ones, or retire and so give them back."""
        world.die(RUNNING)
        rescue.look_around()
        assert not rescue.finish()
        assert rescue.is_unsure
        assert world.job("a").state is State.PROCESSING


class Forgetful(MemoryStorage):
    """Loses the first answer to a take-over."""

    forgot = False

    def take_over(self, dead: Sequence[str], by: str, *, proven: bool = True) -> Sequence[Claim]:
        """Do it, and say that it may not have been done."""
        claims = super().take_over(dead, by, proven=proven)
        if claims and not self.forgot:
            self.forgot = True
            raise StorageBusyError("the answer was lost")
        return claims


class TestWhatCannotBeEnded:
    """An executor whose `end` keeps failing."""

    def test_the_job_waits_until_it_works(self, world: World, rescue: Rescue, executioner: Executioner) -> None:
        """It is not settled, however often that fails, and told once; when it works the job is lost as always."""
        world.die(RUNNING)
        executioner.fails = [OSError("no"), SystemExit()] * 25
        with capture_logs() as logs:
            rescue.look_around()
            until(lambda: len(executioner.fails) < 10)
            states = {world.job("a").state}
            look_until_settled(rescue, world, "a")
        assert states == {State.PROCESSING}
        assert len(executioner.ended) == 51
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
            "cannot end what a dead worker left running: the job waits here until that works"
        ]

    def test_the_others_do_not_wait_for_it(self, world: World, rescue: Rescue, executioner: Executioner) -> None:
        """Jobs of the same dead worker, and of others that die later, are taken over meanwhile."""
        executioner.fails = [OSError("no")] * 10**6
        world.die(RUNNING, SUCCEEDED)
        look_until(rescue, lambda: world.job("b").state is State.COMPLETED)
        world.die(SUCCEEDED, worker="other", ids="c")
        look_until(rescue, lambda: world.job("c").state is State.COMPLETED)
        assert world.job("a").state is State.PROCESSING

    def test_who_leaves_leaves_it_to_the_next(self, world: World, rescue: Rescue, executioner: Executioner) -> None:
        """The lease and the ledger stay, so that the next worker ends the run by the same handle."""
        (claim,) = world.die(RUNNING)
        executioner.fails = [OSError("no")] * 10**6
        look_until(rescue, lambda: executioner.ended)
        assert not rescue.finish()
        assert [lease.job for lease in world.storage.beat(world.me).leases] == ["a"]
        Ledger(world.run, world.me, slots=1, boot=boot_id()).close(unlink=False)
        executioner.ended.clear()
        executioner.fails.clear()
        world.me = "heir"
        world.storage.register(NewWorker(id="heir", host="here", pid=3))
        look_until_settled(rescue_in(world, executioner), world, "a")
        assert executioner.ended == ["pid 7"]
        assert world.storage.attempts("a")[0].worker == claim.lease.worker

    def test_an_end_that_never_returns_keeps_nobody(
        self, world: World, rescue: Rescue, executioner: Executioner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Other jobs are taken over, and who leaves does not wait for ever."""
        monkeypatch.setattr(rescuing, "GRACE", 0.01)
        monkeypatch.setattr(rescuing, "SOON", 0.01)
        begun, going = threading.Event(), threading.Event()

        def end(*_: object) -> None:
            begun.set()
            going.wait()

        monkeypatch.setattr(executioner, "end", end)
        world.die(RUNNING, SUCCEEDED)
        look_until(rescue, lambda: world.job("b").state is State.COMPLETED and begun.is_set())
        with rescue.silence() as silent:
            assert not silent
        assert not rescue.finish()
        going.set()


def test_a_storage_that_fails_is_asked_again(world: World, rescue: Rescue, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided is settled as soon as that works."""
    monkeypatch.setattr(rescuing, "LONGEST_STORAGE_PAUSE", 0.001)
    fails = [StorageBusyError("busy")] * 20
    exchange = world.storage.exchange

    def sometimes(*arguments: Any) -> Any:
        if fails:
            raise fails.pop()
        return exchange(*arguments)

    world.die(SUCCEEDED)
    monkeypatch.setattr(world.storage, "exchange", sometimes)
    look_until(rescue, lambda: world.job("a").state is State.COMPLETED)
    assert fails == []


class TestSilence:
    """A worker whose lock is held yet, and whose lease ran out."""

    @pytest.fixture
    def later(self, world: World, rescue: Rescue, monkeypatch: pytest.MonkeyPatch) -> None:
        """A minute after a worker was heard of for the last time; nobody sees that its lock is free."""
        monkeypatch.setattr(silence, "EXPIRY_ROUND", 0.0)
        monkeypatch.setattr(silence, "SUSPICION_ROUND", 0.0)
        world.die(RUNNING)
        (world.run / "dead").rename(world.run / ".alive")
        clock = world.storage._clock
        monkeypatch.setattr(world.storage, "_clock", lambda: clock() + 60.0)

    @pytest.fixture
    def look(self, rescue: Rescue) -> Callable[[], None]:
        """How a keeper looks around, and what comes of it is awaited."""

        def look() -> None:
            rescue.look_around()
            assert rescue._thread is not None
            rescue._thread.join()

        return look

    @pytest.mark.usefixtures("later")
    def test_it_was_stopped_and_is_taken_over(self, world: World, rescue: Rescue, executioner: Executioner) -> None:
        """What it runs is ended, as with the dead."""
        look_until_settled(rescue, world, "a")
        assert world.job("a").lost == 1
        assert len(executioner.ended) == 1

    @pytest.mark.usefixtures("later")
    def test_one_look_is_no_proof(self, world: World, look: Callable[[], None]) -> None:
        """Whoever could not write for long, or slept, may prove that it lives before the next."""
        look()
        assert world.job("a").state is State.PROCESSING
        world.storage.beat("dead")
        look()
        look()
        assert world.job("a").worker == "dead"

    @pytest.mark.usefixtures("later")
    def test_a_storage_that_made_who_asks_wait_made_others_wait_too(
        self, world: World, look: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That silence tells nothing, however often one looks."""
        monkeypatch.setattr(rescuing, "PROMPT", 0.0)
        for _ in range(3):
            look()
        assert world.job("a").worker == "dead"

    @pytest.mark.usefixtures("later")
    def test_a_storage_that_cannot_be_written_proves_nothing(
        self, world: World, rescue: Rescue, look: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is told once; the next look after it can be written again is the first."""
        take_over = world.storage.take_over
        monkeypatch.setattr(world.storage, "take_over", raising(StorageBusyError("locked")))
        with capture_logs() as logs:
            for _ in range(3):
                look()
        assert [entry["error"] for entry in logs] == ["locked"]
        monkeypatch.setattr(world.storage, "take_over", take_over)
        look()
        assert world.job("a").worker == "dead"
        look_until_settled(rescue, world, "a")

    @pytest.mark.usefixtures("later")
    def test_a_take_over_that_failed_proves_that_others_could_not_write_either(
        self, world: World, rescue: Rescue, look: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However silent somebody was before: it is two looks again."""
        take_over = world.storage.take_over

        def fail_for_some(dead: Sequence[str], by: str, **proven: bool) -> Any:
            if dead:
                raise StorageBusyError("full")
            return take_over(dead, by, **proven)

        monkeypatch.setattr(world.storage, "take_over", fail_for_some)
        look()
        look()
        monkeypatch.setattr(world.storage, "take_over", take_over)
        look()
        assert world.job("a").worker == "dead"
        look_until_settled(rescue, world, "a")


def raising(error: Exception) -> Callable[..., Any]:
    """Return a function that raises an error, whatever it is called with."""

    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def test_one_who_lives_is_killed_before_what_it_runs_is_ended(
    world: World, rescue: Rescue, executioner: Executioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it might start the next thing right after that."""
    order: list[str] = []
    monkeypatch.setattr(rescuing, "end_overdue", lambda _, worker, __: order.append(worker))
    monkeypatch.setattr(executioner, "end", lambda handle, _: order.append(handle))
    world.die(RUNNING)
    look_until_settled(rescue, world, "a")
    assert list(dict.fromkeys(order)) == ["dead", "pid 7"]


@pytest.fixture
def inherited(world: World) -> Claim:
    """A job of a dead worker that another has in hand."""
    world.die(RUNNING)
    world.storage.register(NewWorker(id="other", host="here", pid=3))
    (claim,) = world.storage.take_over(["dead"], "other")
    return claim


def test_a_ledger_is_kept_for_whoever_has_its_jobs(world: World, rescue: Rescue, inherited: Claim) -> None:
    """That one may die too; once it has settled them the ledger goes, and with it all that was left of outputs."""
    look_until(rescue, lambda: rescue._kept)
    assert os.listdir(world.run) == ["dead"]
    for name in (f"dead-{inherited.origin.token}.out", "dead-99.out", "living-99.out"):
        (world.logs / name).write_bytes(b"x" * 10)
    for suffix in ("err", "blank"):
        (world.logs / f"dead-{inherited.origin.token}.{suffix}").write_bytes(b"x" * (OUTPUT_TAIL + 1))
    world.storage.exchange("other", [Settlement(lease=inherited.lease, verdict=Verdict.LOST)], None)
    rescue._kept.clear()
    look_until(rescue, lambda: os.listdir(world.run) == [])
    assert sorted(os.listdir(world.logs)) == ["dead-1.err", "living-99.out"]


@pytest.mark.usefixtures("inherited")
def test_a_ledger_is_not_kept_for_ever(world: World, rescue: Rescue) -> None:
    """After a day it goes, whatever stands in it."""
    look_until(rescue, lambda: rescue._kept)
    os.utime(world.run / "dead", (0, 0))
    rescue._kept.clear()
    look_until(rescue, lambda: os.listdir(world.run) == [])
