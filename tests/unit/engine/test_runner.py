"""A run: from a claim to an outcome, noted in the ledger on the way, whatever the executor does."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from queuectl.engine import ledger
from queuectl.engine.boot import boot_id
from queuectl.engine.desk import Desk
from queuectl.engine.ledger import Ledger
from queuectl.engine.runner import MAX_HANDLE, Runner, decide_ended
from queuectl.engine.spool import discard
from queuectl.model.attempt import Result
from queuectl.model.executor import RunContext
from queuectl.model.job import Job
from queuectl.model.lease import Claim, Lease, Verdict
from queuectl.model.outcome import Outcome
from queuectl.testing import make_job

from .conftest import Executioner, World

Act = Callable[[RunContext], Outcome]


@dataclass
class Bench(Executioner):
    """Policies whose executor does what a test says, and a runner of theirs."""

    act: Act = lambda _: Outcome(exit_code=0)
    calls: int = 0
    holds: list[bool] = field(default_factory=list)
    desk: Desk = field(default_factory=Desk)

    def execute(self, *given: Any) -> Outcome:
        """Do it."""
        self.calls += 1
        return self.act(given[1])

    def is_held(self) -> bool:
        """Whether the leases hold: what the test says, one after the other, then that they do."""
        return self.holds.pop(0) if self.holds else True


@pytest.fixture
def bench() -> Bench:
    """A bench."""
    return Bench()


@pytest.fixture
def book(world: World) -> Iterator[Ledger]:
    """The ledger of a worker."""
    book = Ledger(world.run, "w", slots=4, boot=boot_id())
    yield book
    book.close()


@pytest.fixture
def runner(world: World, bench: Bench, book: Ledger) -> Iterator[Runner]:
    """A runner with that ledger."""

    def execute(job: Job, context: RunContext, run: Callable[[Job, RunContext], Outcome]) -> Outcome:
        return run(job, context)

    runner = Runner(bench.desk, book, world.logs, bench, execute, {"A": "b"}, bench.is_held)  # type: ignore[arg-type]
    yield runner
    runner.flag.close()


@pytest.fixture
def claim(bench: Bench) -> Claim:
    """A claim that was just taken from the desk."""
    lease = Lease("a", 1, "w")
    bench.desk.add([Claim(job=make_job(id="a", timeout=60.0), lease=lease, number=3, origin=lease)])
    claim = bench.desk.take()
    assert claim is not None
    return claim


def noted(world: World) -> ledger.Entry:
    """Return the one entry that stands in the ledger."""
    record = ledger.read(world.run, "w")
    assert record is not None
    (entry,) = record.entries.values()
    return entry


def test_the_outcome_is_on_the_desk_and_in_the_ledger(world: World, bench: Bench, runner: Runner, claim: Claim) -> None:
    """With the output, which is in a file meanwhile."""
    seen: dict[str, Any] = {}

    def act(context: RunContext) -> Outcome:
        context.output.write(b"hello")
        context.record("pid 7")
        seen.update(phase=noted(world).phase, handle=noted(world).handle, env=context.env, number=context.number)
        seen["time"] = context.deadline is not None and context.deadline - time.monotonic()
        return Outcome(exit_code=3)

    bench.act = act
    item = runner.run(claim)
    assert (seen["phase"], seen["handle"], seen["number"], seen["env"]["A"]) == ("running", "pid 7", 3, "b")
    assert 0 < seen["time"] <= 60.0
    assert bench.desk.take_ended() == [item]
    assert (item.decision.verdict, item.output.tail) == (Verdict.FAILED, b"hello")
    assert (noted(world).phase, noted(world).outcome, noted(world).handle) == ("ended", {"exit_code": 3}, "pid 7")


def test_before_anything_is_recorded_it_is_starting(world: World, bench: Bench, runner: Runner, claim: Claim) -> None:
    """So that whoever finds a dead worker's ledger looks for the run by its lease."""
    phases: list[str] = []

    def act(_: RunContext) -> Outcome:
        phases.append(noted(world).phase)
        return Outcome(exit_code=0)

    bench.act = act
    runner.run(claim)
    assert phases == ["starting"]


class TestHolding:
    """Leases that may be somebody else's."""

    def test_nothing_starts_under_a_lease_that_may_be_lost(self, bench: Bench, runner: Runner, claim: Claim) -> None:
        """The process was stopped between the claim and here: the claim is given back as one that never began."""
        bench.holds = [False]
        item = runner.run(claim)
        assert bench.calls == 0
        settlement = item.settlement(time.monotonic())
        assert (settlement.verdict, settlement.run, settlement.charge) == (Verdict.RELEASED, None, False)
        assert item.slot is not None

    @pytest.mark.parametrize("reason", ["cancel", "stop", "lost"])
    def test_nothing_starts_that_is_to_end(self, bench: Bench, runner: Runner, claim: Claim, reason: Any) -> None:
        """It was asked to while it was on its way from the desk."""
        bench.desk.end_running(reason)
        item = runner.run(claim)
        assert (bench.calls, item.outcome, item.decision.verdict) == (0, None, Verdict.RELEASED)

    def test_all_that_was_made_for_it_is_known(self, world: World, bench: Bench, runner: Runner, claim: Claim) -> None:
        """A wrapper asked for the errors before: who settles it has to remove both files."""

        def execute(job: Job, context: RunContext, run: Callable[[Job, RunContext], Outcome]) -> Outcome:
            context.error_output.write(b"")
            return run(job, context)

        runner.execute = execute
        bench.holds = [False]
        item = runner.run(claim)
        assert len(os.listdir(world.logs)) == 2
        discard(world.logs, claim.lease.worker, claim.lease.token, item.output)
        assert os.listdir(world.logs) == []

    def test_what_started_in_the_very_instant_is_ended(self, bench: Bench, runner: Runner, claim: Claim) -> None:
        """A process that was stopped between the look and the start ends what it started, and charges nothing."""
        bench.holds = [True, False]

        def act(context: RunContext) -> Outcome:
            context.record("pid 7")
            return Outcome(signal=15) if context.cancelled.is_set() else Outcome(exit_code=0)

        bench.act = act
        item = runner.run(claim)
        assert (item.decision.verdict, item.decision.charge) == (Verdict.RELEASED, False)
        assert item.outcome == Outcome(signal=15)

    def test_a_wrapper_that_runs_it_again_gets_no_second_start(
        self, bench: Bench, runner: Runner, claim: Claim
    ) -> None:
        """Nor does the run count as one that never began."""
        bench.holds = [True, False]
        runner.execute = lambda job, context, run: (run(job, context), run(job, context))[0]
        item = runner.run(claim)
        assert (bench.calls, item.decision.verdict) == (1, Verdict.COMPLETED)


class TestTrouble:
    """What goes wrong around a run fails the attempt, never the worker."""

    def test_an_output_that_cannot_be_written(self, world: World, bench: Bench, runner: Runner, claim: Claim) -> None:
        """The error names the place."""
        world.logs.rmdir()
        world.logs.write_text("no directory")
        item = runner.run(claim)
        assert item.outcome is not None
        assert str(world.logs) in str(item.outcome.error)
        assert bench.calls == 0

    @pytest.mark.parametrize(("phase", "what"), [("running", "what runs"), ("ended", "that a run has ended")])
    def test_a_run_that_cannot_be_noted(
        self, bench: Bench, runner: Runner, claim: Claim, monkeypatch: pytest.MonkeyPatch, phase: str, what: str
    ) -> None:
        """What ran has run: its outcome counts, and it is not run again because of a disk that takes no write."""
        note = runner.ledger.note

        def fail(slot: int, entry: ledger.Entry) -> None:
            if entry.phase == phase:
                raise OSError(errno.EROFS, "Read-only file system")
            note(slot, entry)

        def act(context: RunContext) -> Outcome:
            context.record("pid 7")
            return Outcome(exit_code=0)

        bench.act = act
        monkeypatch.setattr(runner.ledger, "note", fail)
        with capture_logs() as logs:
            item = runner.run(claim)
        assert (bench.calls, item.decision.verdict) == (1, Verdict.COMPLETED)
        assert [entry["event"] for entry in logs] == [f"cannot note in the ledger {what}"]

    def test_a_handle_that_is_too_long(self, bench: Bench, runner: Runner, claim: Claim) -> None:
        """The executor is told, and blamed."""

        def act(context: RunContext) -> Outcome:
            context.record("x" * MAX_HANDLE)
            context.record("é" * MAX_HANDLE)
            raise AssertionError

        bench.act = act
        item = runner.run(claim)
        assert item.outcome is not None
        assert item.outcome.error == f"executioner raised ValueError: a handle has at most {MAX_HANDLE} bytes"

    def test_an_executor_that_raises_anything(self, bench: Bench, runner: Runner, claim: Claim) -> None:
        """Even what ends a process elsewhere."""

        def act(_: RunContext) -> Outcome:
            raise SystemExit(7)

        bench.act = act
        item = runner.run(claim)
        assert item.outcome == Outcome(error="executioner raised SystemExit: 7")


def test_half_a_surrogate_pair_in_an_error_is_escaped(bench: Bench, runner: Runner, claim: Claim) -> None:
    """As names of files have that are no text: neither ledger nor storage takes it."""
    bench.act = lambda _: Outcome(error="no \udcff")
    assert runner.run(claim).outcome == Outcome(error=r"no \udcff")


@pytest.mark.parametrize("outcome", [Outcome(exit_code=2**70), Outcome(signal=-(2**70)), Outcome(error=7)])  # type: ignore[arg-type]
def test_an_outcome_that_no_storage_takes_is_a_failure_that_says_so(
    bench: Bench, runner: Runner, claim: Claim, outcome: Outcome
) -> None:
    """It would make each settlement of the worker fail."""
    bench.act = lambda _: outcome
    item = runner.run(claim)
    assert item.outcome is not None
    assert "executioner returned an outcome with" in str(item.outcome.error)


@pytest.mark.parametrize(
    ("outcome", "stopped", "cancelled", "verdict", "result"),
    [
        (Outcome(exit_code=0), False, False, Verdict.COMPLETED, Result.COMPLETED),
        (Outcome(exit_code=0), True, False, Verdict.COMPLETED, Result.COMPLETED),
        (Outcome(exit_code=0), False, True, Verdict.CANCELLED, Result.CANCELLED),
        (Outcome(signal=15), True, False, Verdict.RELEASED, Result.RELEASED),
        (Outcome(signal=15), True, True, Verdict.CANCELLED, Result.CANCELLED),
        (Outcome(signal=15), False, False, Verdict.FAILED, Result.FAILED),
    ],
)
def test_what_an_outcome_means(
    bench: Bench, outcome: Outcome, stopped: bool, cancelled: bool, verdict: Verdict, result: Result
) -> None:
    """Depends on why the run was asked to end."""
    decision = decide_ended(make_job(), outcome, bench, stopped=stopped, cancelled=cancelled)  # type: ignore[arg-type]
    assert (decision.verdict, decision.result) == (verdict, result)
