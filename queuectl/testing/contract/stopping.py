"""Stopping: runs that end before their commands would, by a cancel, by the clock, or by another worker."""

from __future__ import annotations

import copy
import time
from functools import partial

import pytest

from queuectl.model.executor import EndingExecutor, Executor
from queuectl.testing.contract.bench import Bench, ExecutorFixtures, Run
from queuectl.testing.contract.fixtures import needs
from queuectl.testing.patience import within

_A_MOMENT = 0.2


class Cancels(ExecutorFixtures):
    """The clauses of `context.cancelled`."""

    @needs("cancel")
    @pytest.mark.parametrize("early", [False, True], ids=["while it runs", "before it begins"])
    def test_a_cancel_ends_a_run(self, bench: Bench, early: bool) -> None:
        """A run ends soon after `context.cancelled` is set, also when that was before it began."""
        run = bench.start(self.lasts, cancelled=early)
        if not early:
            assert not run.call.ended(_A_MOMENT), f"{self.lasts!r} does not last"
            run.context.cancel()
        assert run.call.ended(self.patience), f"it still runs {self.patience:g} s after it was cancelled"


class Deadlines(ExecutorFixtures):
    """The clauses of `context.deadline`."""

    @needs("deadline")
    @pytest.mark.parametrize("seconds", [_A_MOMENT, 0.0], ids=["soon", "already over"])
    def test_a_deadline_ends_a_run(self, bench: Bench, seconds: float) -> None:
        """A run ends soon after its deadline, and its outcome says that its time was up."""
        run = bench.start(self.lasts, seconds=seconds)
        assert run.call.ended(self.patience), f"it still runs {self.patience:g} s after its deadline"
        assert run.call.answer().timed_out

    @needs("deadline")
    def test_a_run_in_time_is_not_timed_out(self, bench: Bench) -> None:
        """A deadline that is far away changes nothing."""
        assert not bench.outcome(self.fails, seconds=3600.0).timed_out


class Ending(ExecutorFixtures):
    """The clauses of `context.record` and `Executor.end`, which another worker calls when this one has died."""

    @pytest.fixture
    def heir(self, executor: Executor) -> EndingExecutor:
        """Return the executor of the other worker: a copy, which knows nothing of what the first one started.

        Override it where an executor cannot be copied.
        """
        try:
            heir = copy.deepcopy(executor)
        except TypeError as error:
            raise NotImplementedError(f"override the fixture heir: the executor cannot be copied: {error}") from error
        assert isinstance(heir, EndingExecutor), "it claims `end`, but has no such method"
        return heir

    @needs("end")
    def test_what_runs_is_recorded(self, bench: Bench) -> None:
        """Soon after it began, a run has recorded a handle, which is a text."""
        assert isinstance(_handle(bench.start(self.lasts), self.patience), str)

    @needs("end")
    def test_what_is_recorded_can_be_ended(self, bench: Bench, heir: EndingExecutor) -> None:
        """What a handle names no longer runs when `end` returns."""
        run = bench.start(self.lasts)
        handle = _handle(run, self.patience)
        within(self.patience, lambda: heir.end(handle, run.job), "the end of `end`")
        assert run.call.ended(self.patience / 10), "it still runs after `end` returned"

    @needs("end")
    def test_what_was_not_recorded_can_be_ended(self, bench: Bench, heir: EndingExecutor) -> None:
        """A run that was caught before it could record anything is ended as `lease:` with its `QUEUECTL_LEASE`."""
        run = bench.start(self.lasts)
        _handle(run, self.patience)
        within(self.patience, lambda: heir.end(f"lease:{run.context.lease}", run.job), "the end of `end`")
        assert run.call.ended(self.patience / 10), "it still runs after `end` returned"

    @needs("end")
    def test_others_are_spared(self, bench: Bench, heir: EndingExecutor) -> None:
        """To end one run does not end another."""
        run, other = bench.start(self.lasts), bench.start(self.lasts)
        handle = _handle(run, self.patience)
        _handle(other, self.patience)
        within(self.patience, lambda: heir.end(handle, run.job), "the end of `end`")
        assert not other.call.ended(_A_MOMENT)

    @needs("end")
    def test_it_may_be_ended_again(self, bench: Bench, heir: EndingExecutor) -> None:
        """`end` is quiet about what it has ended before."""
        run = bench.start(self.lasts)
        handle = _handle(run, self.patience)
        for _ in range(2):
            within(self.patience, lambda: heir.end(handle, run.job), "the end of `end`")

    @needs("end")
    def test_what_ended_by_itself_may_be_ended(self, bench: Bench, heir: EndingExecutor) -> None:
        """`end` is quiet about what ended before anybody came to end it."""
        run = bench.run(self.succeeds)
        for handle in (*run.context.handles, f"lease:{run.context.lease}"):
            within(self.patience, partial(heir.end, handle, run.job), "the end of `end`")


def _handle(run: Run, patience: float) -> str:
    """Return what the run records, as soon as it does."""
    deadline = time.monotonic() + patience
    while not run.context.handles:
        assert not run.call.ended(0.01), "it ended without having recorded a handle"
        assert time.monotonic() < deadline, f"no handle was recorded within {patience:g} s"
    return run.context.handles[-1]
