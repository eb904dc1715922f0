"""A bench on which the executor's clauses run jobs, each on a thread of its own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from queuectl.model.executor import EndingExecutor, Executor
from queuectl.model.job import Command, Job
from queuectl.model.outcome import Outcome
from queuectl.testing.context import FakeRunContext
from queuectl.testing.making import make_job
from queuectl.testing.patience import Call, skip_after

EXECUTOR_CAPABILITIES: Mapping[str, str] = {
    "output": "what a job writes is in `context.output` when its run has ended",
    "environment": "a job has the variables of `context.env`; asked of executors that claim `output` too",
    "cancel": "a run ends soon after `context.cancelled` is set",
    "deadline": "a run ends soon after `context.deadline`, and its outcome says `timed_out`",
    "end": "it records what runs, and its `end` ends what another worker left running",
}
"""What an executor may claim, and what each claim means."""


@dataclass(eq=False)
class Run:
    """One run, under way or over."""

    job: Job
    context: FakeRunContext
    call: Call[Outcome]

    @property
    def outcome(self) -> Outcome:
        """How it ended; skips the clause where it did not, since that is asked by a clause of its own."""
        if not self.call.ended(0.0):
            pytest.skip("the run does not end: see test_a_run_ends")
        if self.call.raised is not None or not isinstance(self.call.answer(), Outcome):
            pytest.skip("the run has no outcome: see test_a_run_has_an_outcome")
        return self.call.answer()

    @property
    def ending(self) -> str:
        """How it ended, in a few words that can be compared, whatever that was."""
        if not self.call.ended(0.0):
            return "did not end"
        if self.call.raised is not None:
            return f"raised {self.call.raised!r}"
        outcome = self.call.answer()
        return f"exit code {outcome.exit_code}" if isinstance(outcome, Outcome) else f"returned {outcome!r}"


@dataclass(eq=False)
class Bench:
    """Runs jobs by one executor, in a folder of the test's own."""

    executor: Executor
    folder: Path
    options: Mapping[str, Any]
    patience: float
    runs: list[Run] = field(default_factory=list)

    def start(self, command: Command, *, cancelled: bool = False, seconds: float | None = None) -> Run:
        """Start a run, which has that many seconds; it may be cancelled before it begins."""
        job = make_job(id=f"job-{uuid.uuid4().hex}", command=command, options=self.options, timeout=seconds)
        deadline = None if seconds is None else time.monotonic() + seconds
        context = FakeRunContext(self.folder, job=job, deadline=deadline)
        if cancelled:
            context.cancel()
        run = Run(job, context, Call(lambda: self.executor.execute(job, context)))
        self.runs.append(run)
        return run

    def run(self, command: Command, *, seconds: float | None = None) -> Run:
        """Run to the end, or until patience is lost."""
        return self.ended(self.start(command, seconds=seconds))[0]

    def ended(self, *runs: Run) -> tuple[Run, ...]:
        """Wait for runs to end, or until patience is lost, and return them."""
        for run in runs:
            run.call.ended(self.patience)
        return runs

    def close(self) -> None:
        """End what still runs, as far as the executor can."""
        for run in self.runs:
            if not run.call.ended(0.0):
                run.context.cancel()
                self._end(run)
            if run.call.ended(1.0):
                run.context.close()

    def _end(self, run: Run) -> None:
        executor = self.executor
        if isinstance(executor, EndingExecutor):
            Call(lambda: executor.end(f"lease:{run.context.lease}", run.job)).ended(1.0)


class ExecutorFixtures:
    """What the clauses start from. `executor` is the fixture to override."""

    succeeds: Command = "true"
    """A command that succeeds soon."""

    fails: Command = "exit 3"
    """A command that fails soon."""

    fails_with: int = 3
    """The exit code of `fails`."""

    impossible: Command = ("/no/such/program",)
    """A command that cannot even be started, or that makes no sense."""

    writes: Command = "echo hello"
    """A command that writes something once, and succeeds."""

    written: bytes = b"hello"
    """What `writes` writes, or enough of it."""

    lasts: Command = "sleep 60"
    """A command that lasts for much longer than `patience`."""

    resists: Command = "trap '' TERM; sleep 60"
    """A command that lasts, and does not end when it is merely asked to; `lasts` where there is no such thing."""

    tells_environment: Command = 'echo "$QUEUECTL_JOB_ID"'
    """A command that writes the variable `QUEUECTL_JOB_ID` of its environment."""

    options: Mapping[str, Any] = {}
    """The options of each job."""

    capabilities: frozenset[str] = frozenset()
    """What the executor claims, of `EXECUTOR_CAPABILITIES`; what it does not claim is not asked of it."""

    patience: float = 20.0
    """How many seconds a clause waits for what must come, before it calls it missing."""

    moment: float = 0.2
    """How many seconds a clause lets pass before it takes a run to be under way, or for what must not happen."""

    @pytest.fixture
    def executor(self) -> Executor:
        """Return the executor to test."""
        raise NotImplementedError("override the fixture executor: return an Executor")

    @pytest.fixture
    def bench(self, request: pytest.FixtureRequest, executor: Executor, tmp_path: Path) -> Iterator[Bench]:
        """Return a bench with the executor, or skip the clause where it asks for what is not claimed."""
        unknown = self.capabilities - EXECUTOR_CAPABILITIES.keys()
        assert not unknown, f"no such capabilities: {', '.join(sorted(unknown))}"
        needed: frozenset[str] = getattr(request.function, "needed_capabilities", frozenset())
        missing = needed - self.capabilities
        if missing:
            pytest.skip(f"the executor does not claim {', '.join(sorted(missing))}")
        skip_after(request, "test_a_run_ends")
        with ExitStack() as stack:
            bench = Bench(executor, tmp_path, self.options, self.patience)
            stack.callback(bench.close)
            yield bench
