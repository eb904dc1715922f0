"""Stopping: runs that end before their commands would, by a cancel, by the clock, or by another worker."""

from __future__ import annotations

import copy
import time
import uuid
from functools import partial

import pytest

from queuectl.model.executor import EndingExecutor, Executor
from queuectl.model.job import Command, Job
from queuectl.testing.contract.bench import Bench, ExecutorFixtures, Run
from queuectl.testing.contract.fixtures import needs
from queuectl.testing.making import make_job
from queuectl.testing.patience import remember, skip_after, within

_GRACE = 1.0
"""Seconds after the end of what a run was about, within which the run itself must have ended."""


class Cancels(ExecutorFixtures):
    """The clauses of `context.cancelled`."""

    @needs("cancel")
    @pytest.mark.parametrize("when", ["while it runs", "before it begins", "while it resists"])
    def test_a_cancel_ends_a_run(self, bench: Bench, when: str) -> None:
        """A run ends soon after `context.cancelled` is set, also when that was before it began."""
        command = self.resists if "resists" in when else self.lasts
        run = bench.start(command, cancelled="before" in when)
        if "before" not in when:
            assert not run.call.ended(self.moment), f"{command!r} ended at once: it should last"
            run.context.cancel()
        assert run.call.ended(self.patience), f"it still runs {self.patience:g} s after it was cancelled"


class Deadlines(ExecutorFixtures):
    """The clauses of `context.deadline`."""

    @needs("deadline")
    @pytest.mark.parametrize("when", ["soon", "already over", "while it resists"])
    def test_a_deadline_ends_a_run(self, bench: Bench, when: str) -> None:
        """A run ends soon after its deadline, also when that had passed before it began."""
        command = self.resists if "resists" in when else self.lasts
        run = bench.start(command, seconds=0.0 if "over" in when else self.moment)
        assert run.call.ended(self.patience), f"it still runs {self.patience:g} s after its deadline"

    @needs("deadline")
    def test_a_run_says_that_its_time_was_up(self, bench: Bench) -> None:
        """The outcome of a run that its deadline ended is `timed_out`, and so no success."""
        assert bench.run(self.lasts, seconds=self.moment).outcome.timed_out

    @needs("deadline")
    def test_a_run_in_time_is_not_timed_out(self, bench: Bench) -> None:
        """A deadline that is far away changes nothing."""
        assert not bench.run(self.fails, seconds=3600.0).outcome.timed_out


class Ending(ExecutorFixtures):
    """The clauses of `context.record` and `Executor.end`, which another worker calls when this one has died."""

    @pytest.fixture
    def heir(self, request: pytest.FixtureRequest, bench: Bench, executor: Executor) -> EndingExecutor:
        """Return the executor of the other worker: a copy, which knows nothing of what the first one starts.

        Override it where an executor cannot be copied.
        """
        skip_after(request, "test_what_runs_is_recorded")
        try:
            heir = copy.deepcopy(executor)
        except TypeError as error:
            raise NotImplementedError(f"override the fixture heir: the executor cannot be copied: {error}") from error
        assert isinstance(heir, EndingExecutor), "it claims `end`, but has no such method"
        return heir

    @needs("end")
    def test_what_runs_is_recorded(self, bench: Bench, request: pytest.FixtureRequest) -> None:
        """Soon after it began, a run has recorded a handle, which is a text of 400 bytes at most."""
        run = bench.start(self.lasts)
        recorded = _is_recorded(run, self.patience)
        remember(request, failed=not recorded)
        assert recorded, f"nothing was recorded within {self.patience:g} s; the run {run.ending}"

    @needs("end")
    @pytest.mark.parametrize("how", ["lasts", "resists"])
    def test_what_is_recorded_can_be_ended(self, bench: Bench, heir: EndingExecutor, how: str) -> None:
        """When `end` returns, what the handle names no longer runs."""
        run = self._recorded(bench, self.lasts if how == "lasts" else self.resists)
        run.call.ended(self.moment if how == "resists" else 0.0)  # until it resists
        self._end(heir, run.context.handles[-1], run.job)
        assert run.call.ended(_GRACE), "it still runs after `end` returned"

    @needs("end")
    def test_what_was_not_recorded_can_be_ended(self, bench: Bench, heir: EndingExecutor) -> None:
        """A run that was caught before it could record anything is named `lease:`, then its `QUEUECTL_LEASE`."""
        run = self._recorded(bench, self.lasts)
        self._end(heir, f"lease:{run.context.lease}", run.job)
        assert run.call.ended(_GRACE), "it still runs after `end` returned"

    @needs("end")
    def test_others_are_spared(self, bench: Bench, heir: EndingExecutor) -> None:
        """To end one run does not end another."""
        run, other = self._recorded(bench, self.lasts), self._recorded(bench, self.lasts)
        self._end(heir, run.context.handles[-1], run.job)
        assert not other.call.ended(self.moment), "the other run has ended too"

    @needs("end")
    def test_it_may_be_ended_again(self, bench: Bench, heir: EndingExecutor) -> None:
        """`end` is quiet about what it has ended before: whoever tries again must not fail."""
        run = self._recorded(bench, self.lasts)
        for _ in range(2):
            self._end(heir, run.context.handles[-1], run.job)

    @needs("end")
    def test_what_ended_by_itself_may_be_ended(self, bench: Bench, heir: EndingExecutor) -> None:
        """`end` is quiet about what ended before anybody came to end it."""
        run = bench.run(self.succeeds)
        for handle in run.context.handles:
            self._end(heir, handle, run.job)

    @needs("end")
    def test_nobody_may_be_ended(self, bench: Bench, heir: EndingExecutor) -> None:
        """`end` is quiet about a lease under which nothing was ever started."""
        self._end(heir, f"lease:{uuid.uuid4().hex}.1", make_job())

    def _recorded(self, bench: Bench, command: Command) -> Run:
        """Start a run, and wait until it has recorded a handle; that it does is asked by a clause of its own."""
        run = bench.start(command)
        if not _is_recorded(run, self.patience):
            pytest.skip("nothing is recorded: see test_what_runs_is_recorded")
        return run

    def _end(self, heir: EndingExecutor, handle: str, job: Job) -> None:
        within(self.patience, partial(heir.end, handle, job), "the return of `end`")


def _is_recorded(run: Run, patience: float) -> bool:
    """Whether a run records something while it lasts."""
    deadline = time.monotonic() + patience
    while not run.context.handles:
        if run.call.ended(0.005) or time.monotonic() > deadline:
            return False
    return True
