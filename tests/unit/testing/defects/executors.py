"""Executors with one defect each: the built-in one, with something wrong around it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from typing import Any, ClassVar

from queuectl import Duration, Job, Outcome, RunContext
from queuectl.engine.cancelling import CancelFlag
from queuectl_subprocess import Subprocess
from queuectl_subprocess.executor import SubprocessExecutor

if sys.platform == "win32":
    raise ImportError("jobs run on Linux and macOS only")


class Sound(SubprocessExecutor):
    """Has no defect yet."""

    def __init__(self) -> None:
        super().__init__(Subprocess(kill_after=Duration(0.02)))


class Altered:
    """A run context with something else in the place of what was given."""

    def __init__(self, context: RunContext, **others: object) -> None:
        self._context = context
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


class ReturnsNumbers(Sound):
    """Returns the exit code."""

    def execute(self, job: Job, context: RunContext) -> Any:
        """Return no outcome."""
        return super().execute(job, context).exit_code


class RaisesOnFailure(Sound):
    """Takes a command that fails for a failure of its own."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Raise RuntimeError for any exit code but 0."""
        outcome = super().execute(job, context)
        if outcome.exit_code:
            raise RuntimeError(f"exit code {outcome.exit_code}")
        return outcome


class TextualCodes(Sound):
    """Reads exit codes from a text."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Return an exit code that is a text."""
        outcome = super().execute(job, context)
        code: Any = str(outcome.exit_code)
        return outcome if outcome.exit_code is None else replace(outcome, exit_code=code)


class OneForAllCodes(Sound):
    """Knows success and failure, and nothing between."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Return exit code 1 for all others."""
        outcome = super().execute(job, context)
        return replace(outcome, exit_code=1) if outcome.exit_code else outcome


class ExplainsSuccess(Sound):
    """Has a word to say to every run."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Return an error also of a success."""
        outcome = super().execute(job, context)
        return replace(outcome, error="all went well") if outcome.exit_code == 0 else outcome


class Hangs(Sound):
    """Waits for more than the command."""

    patience = 0.3

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Wait for a cancel after each run."""
        outcome = super().execute(job, context)
        context.cancelled.wait()
        return outcome


class WaitsForTheImpossible(Sound):
    """Tries again and again what cannot be started."""

    patience = 1.0

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Wait for a cancel when the command was not found."""
        outcome = super().execute(job, context)
        if outcome.exit_code == 127:
            context.cancelled.wait()
        return outcome


class RemembersTheFirst(Sound):
    """Keeps the outcome of a run for the next."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[type, Outcome] = {}

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Return the first exit code for ever."""
        outcome = super().execute(job, context)
        if outcome.exit_code in {0, 3}:
            return self._kept.setdefault(Outcome, outcome)
        return outcome


class KeepsFiles(Sound):
    """Opens a file for each run, and closes none."""

    def __init__(self) -> None:
        super().__init__()
        self._files: list[int] = []

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Leave an open file."""
        self._files.append(os.dup(context.output.fileno()))
        return super().execute(job, context)

    def __deepcopy__(self, memo: object) -> Sound:
        return Sound()

    def __del__(self) -> None:
        for file in self._files:
            os.close(file)


class LosesOutput(Sound):
    """Lets commands write to nowhere."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run with another file."""
        with open(os.devnull, "wb", buffering=0) as nowhere:
            return super().execute(job, Altered(context, output=nowhere))


class HasItsOwnEnvironment(Sound):
    """Gives commands what it thinks that they need."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run without the variables that name the job."""
        env = {name: value for name, value in context.env.items() if name in {"PATH", "QUEUECTL_LEASE"}}
        return super().execute(job, Altered(context, env=env))


class SharesTheJob(Sound):
    """Keeps the job that it runs in a variable of its module."""

    current: ClassVar[Job]

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run the last job that anybody gave."""
        SharesTheJob.current = job
        time.sleep(0.02)
        return super().execute(SharesTheJob.current, context)


class SharesTheOutput(Sound):
    """Keeps the file to write to in a variable of its module."""

    current: ClassVar[object]

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Write to the last file that anybody gave."""
        SharesTheOutput.current = context.output
        time.sleep(0.02)
        return super().execute(job, Altered(context, output=SharesTheOutput.current))


class SwallowsCancel(Sound):
    """Does not look whether it was cancelled."""

    patience = 1.0

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run with a flag that nobody sets."""
        never = CancelFlag()
        try:
            return super().execute(job, Altered(context, cancelled=never))
        finally:
            never.close()


class IgnoresTheDeadline(Sound):
    """Does not look at the clock."""

    patience = 1.0

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run without a deadline."""
        return super().execute(job, Altered(context, deadline=None))


class CallsItASignal(Sound):
    """Ends a run in time, and does not say why."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Return an outcome without `timed_out`."""
        return replace(super().execute(job, context), timed_out=False)


class AlwaysTooLate(Sound):
    """Takes whatever has a deadline to have missed it."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Return `timed_out` for every run with a deadline."""
        return replace(super().execute(job, context), timed_out=context.deadline is not None)


class RecordsNothing(Sound):
    """Keeps to itself what runs."""

    patience = 1.0

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Run with a record that is thrown away."""
        return super().execute(job, Altered(context, record=lambda handle: None))


class EndsWhatItStarted(Sound):
    """Knows only the runs of its own process."""

    def __init__(self) -> None:
        super().__init__()
        self._mine: set[str] = set()

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Remember what was recorded."""

        def record(handle: str) -> None:
            self._mine.add(handle)
            context.record(handle)

        return super().execute(job, Altered(context, record=record))

    def end(self, handle: str, job: Job) -> None:
        """End what was started here, or has no handle."""
        if handle in self._mine or handle.startswith("lease:"):
            super().end(handle, job)


class DoesNotWait(Sound):
    """Leaves the ending to a thread."""

    def end(self, handle: str, job: Job) -> None:
        """Return at once for what has a handle."""
        if handle.startswith("lease:"):
            super().end(handle, job)
        else:
            later = threading.Timer(2.5, super().end, (handle, job))
            later.daemon = True
            later.start()


class NeedsAHandle(Sound):
    """Passes over what it cannot read."""

    def end(self, handle: str, job: Job) -> None:
        """End nothing that is named by its lease."""
        if not handle.startswith("lease:"):
            super().end(handle, job)


class EndsAll(Sound):
    """Ends whatever runs."""

    pids: ClassVar[list[int]] = []

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Note the process."""

        def record(handle: str) -> None:
            EndsAll.pids.append(int(handle.partition(":")[0]))
            context.record(handle)

        outcome = super().execute(job, Altered(context, record=record))
        EndsAll.pids.remove(outcome.pid or 0)
        return outcome

    def end(self, handle: str, job: Job) -> None:
        """End every run that there is."""
        for pid in list(EndsAll.pids):
            os.killpg(pid, signal.SIGKILL)
        super().end(handle, job)


class EndsOnce(Sound):
    """Complains when it is called again."""

    def __init__(self) -> None:
        super().__init__()
        self._ended: set[str] = set()

    def end(self, handle: str, job: Job) -> None:
        """Raise ValueError for what it has ended before."""
        if handle in self._ended:
            raise ValueError(f"{handle} was ended already")
        self._ended.add(handle)
        super().end(handle, job)


class MissesTheGone(Sound):
    """Wants to find what it is to end."""

    def end(self, handle: str, job: Job) -> None:
        """Raise LookupError when the command had succeeded."""
        if job.command == "true" and not handle.startswith("lease:"):
            raise LookupError(f"nothing runs under {handle}")
        super().end(handle, job)


class MissesNobody(Sound):
    """Wants to know the lease."""

    def end(self, handle: str, job: Job) -> None:
        """Raise LookupError for a lease of no job that ran here."""
        if handle.startswith("lease:") and job.id == "job-1":
            raise LookupError(f"nothing runs under {handle}")
        super().end(handle, job)


class ClosesTheOutput(Sound):
    """Wraps the descriptor in a file that closes it at its end."""

    def execute(self, job: Job, context: RunContext) -> Outcome:
        """Write a line of its own after the job's."""
        outcome = super().execute(job, context)
        with os.fdopen(context.output.fileno(), "ab") as file:
            file.write(b"done\n")
        return outcome


BROKEN = {
    ReturnsNumbers: "test_a_run_has_an_outcome",
    RaisesOnFailure: "test_a_run_has_an_outcome",
    TextualCodes: "test_an_outcome_can_be_stored",
    OneForAllCodes: "test_an_exit_code_is_told_as_it_is",
    ExplainsSuccess: "test_a_success_is_one",
    Hangs: "test_a_run_ends",
    WaitsForTheImpossible: "test_what_cannot_run_fails",
    RemembersTheFirst: "test_one_run_does_not_colour_the_next",
    KeepsFiles: "test_no_run_leaves_anything_behind",
    ClosesTheOutput: "test_the_output_stays_open",
    LosesOutput: "test_what_a_job_writes_is_kept",
    HasItsOwnEnvironment: "test_a_job_has_its_environment",
    SharesTheJob: "test_runs_at_once_end_each_in_its_own_way",
    SharesTheOutput: "test_runs_at_once_write_each_its_own",
    SwallowsCancel: "test_a_cancel_ends_a_run",
    IgnoresTheDeadline: "test_a_deadline_ends_a_run",
    CallsItASignal: "test_a_run_says_that_its_time_was_up",
    AlwaysTooLate: "test_a_run_in_time_is_not_timed_out",
    RecordsNothing: "test_what_runs_is_recorded",
    EndsWhatItStarted: "test_what_is_recorded_can_be_ended",
    DoesNotWait: "test_what_is_recorded_can_be_ended",
    NeedsAHandle: "test_what_was_not_recorded_can_be_ended",
    EndsAll: "test_others_are_spared",
    EndsOnce: "test_it_may_be_ended_again",
    MissesTheGone: "test_what_ended_by_itself_may_be_ended",
    MissesNobody: "test_nobody_may_be_ended",
}
"""Each with the one clause that it breaks."""
