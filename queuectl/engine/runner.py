"""One run: from a claim to an outcome, whatever the executor does."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from msgspec.structs import replace

from queuectl.engine.cancelling import CancelFlag, Reason
from queuectl.engine.desk import RELEASED, Desk, Ended, Running
from queuectl.engine.environment import job_environment
from queuectl.engine.ledger import Entry, Ledger
from queuectl.engine.policies import Policies
from queuectl.engine.retry import Decision, decide
from queuectl.engine.spool import Spool, SpoolFile, drop, is_free
from queuectl.errors import QueuectlError
from queuectl.model.attempt import Output, Result
from queuectl.model.executor import Executor, RunContext
from queuectl.model.job import Job
from queuectl.model.lease import Claim, Verdict
from queuectl.model.outcome import Outcome
from queuectl.registry.blame import brief
from queuectl.registry.outcomes import fault_in
from queuectl.registry.wrapping import WrapperError

_WITHHELD = Outcome(error="not started: it was to end already")
"""What wrappers see of a run that never began."""

MAX_HANDLE = 400
"""How many bytes of a handle the ledger has room for."""


@dataclass(slots=True)
class Context:
    """What the executor is given; see `RunContext`."""

    number: int
    cancelled: CancelFlag
    deadline: float | None
    env: Mapping[str, str]
    _spool: Spool
    _note: Callable[[str], None]

    @property
    def output(self) -> SpoolFile:
        """The file for standard output."""
        return self._spool.output

    @property
    def error_output(self) -> SpoolFile:
        """The file for standard error."""
        return self._spool.errors

    def record(self, handle: str) -> None:
        """Note what runs. Raises ValueError for more than MAX_HANDLE bytes."""
        if len(handle.encode()) > MAX_HANDLE:
            raise ValueError(f"a handle has at most {MAX_HANDLE} bytes")
        self._note(handle)


@dataclass(slots=True)
class Runner:
    """Runs claims one after the other, with one flag and one slot of the ledger at a time.

    `holds` tells whether the leases of this worker hold for certain. They may not if the process was stopped after it
    had taken a claim: then its command must not start, since the job may run elsewhere by now.
    """

    desk: Desk
    ledger: Ledger
    logs: Path
    policies: Policies
    execute: Callable[[Job, RunContext, Callable[[Job, RunContext], Outcome]], Outcome]
    environment: Mapping[str, str]
    holds: Callable[[], bool] = lambda: True
    flag: CancelFlag = field(default_factory=CancelFlag)
    _blank: SpoolFile | None = None

    def close(self) -> None:
        """Give back what is kept from one run to the next."""
        self.flag.close()
        self.drop_blank()

    def drop_blank(self) -> None:
        """Remove the file that the next run would have."""
        blank, self._blank = self._blank, None
        if blank is not None:
            drop(blank)

    def run(self, claim: Claim) -> Ended:
        """Run one claim to its end and leave the outcome on the desk."""
        self.flag.clear()
        slot = self.ledger.take_slot()
        if self._blank is not None and not is_free(self._blank):
            self.drop_blank()
        blank = None if self._blank is None else self._blank.token
        entry = Entry(claim.job.id, claim.lease.token, claim.number, "starting", time.monotonic(), time.time(), blank)
        self.ledger.note(slot, entry)
        running = Running(claim, slot, self.flag, entry.started)
        self.desk.start(running)
        structlog.contextvars.bind_contextvars(job=claim.job.id, attempt=claim.number)
        try:
            outcome, output = self._attempt(running, entry)
            ended = time.monotonic()
            if running.withheld and not running.begun:
                return self._give_back(running, output)
            reason = self.flag.reason
            self._note_end(running, entry, outcome, ended, reason)
            decision = self._decide(claim.job, outcome, reason)
        finally:
            structlog.contextvars.unbind_contextvars("job", "attempt")
        item = Ended(claim, decision, ended, outcome, entry.started, ended, output, slot, running.spooled)
        self.desk.finish(item)
        return item

    def _give_back(self, running: Running, output: Output) -> Ended:
        now = time.monotonic()
        item = Ended(
            running.claim,
            RELEASED,
            now,
            started=now,
            ended=now,
            output=output,
            slot=running.slot,
            spooled=running.spooled,
        )
        self.desk.finish(item)
        return item

    def _attempt(self, running: Running, entry: Entry) -> tuple[Outcome, Output]:
        claim = running.claim
        try:
            blank, self._blank = self._blank, None
            spool = running.spool = Spool(self.logs, claim.lease.worker, claim.lease.token, blank)
        except OSError as error:
            return Outcome(error=f"cannot write the output to {self.logs}: {error.strerror}"), Output()
        try:
            outcome = self._execute(running, entry, spool)
        finally:
            output = spool.close()
            self._blank = spool.blank
        return outcome, output

    def _execute(self, running: Running, entry: Entry, spool: Spool) -> Outcome:
        job = running.claim.job

        def note(handle: str) -> None:
            running.handle = handle
            self._note(running.slot, replace(entry, phase="running", handle=handle), "what runs")
            if not self.holds():  # this process was stopped in the instant between the look and the start
                running.flag.set("stop")

        context = Context(
            number=running.claim.number,
            cancelled=running.flag,
            deadline=None if job.timeout is None else entry.started + job.timeout,
            env=job_environment(self.environment, running.claim),
            _spool=spool,
            _note=note,
        )
        return self._outcome(running, job, context)

    def _outcome(self, running: Running, job: Job, context: RunContext) -> Outcome:
        def name() -> str:
            return self.policies.executor_name(job)

        try:
            executor: Executor = self.policies.executor(job)
        except QueuectlError as error:
            structlog.get_logger().warning("the executor cannot be used", plugin=name(), error=error.message)
            return Outcome(error=_storable(error.message))

        def run(job: Job, context: RunContext) -> Outcome:
            if running.flag.is_set() or not self.holds():
                running.withheld = True
                return _WITHHELD
            running.begun = True
            return _checked(executor.execute(job, context), name)

        try:
            return _escaped(self.execute(job, context, run))
        except WrapperError as error:
            structlog.get_logger().warning("a wrapper failed", error=error.message, exc_info=error.__cause__)
            return Outcome(error=_storable(error.message))
        except BaseException as error:  # a wall: an attempt may fail in any way, its worker may not
            what = brief(error)
            structlog.get_logger().warning("the executor raised", plugin=name(), error=what, exc_info=True)
            return Outcome(error=_storable(f"{name()} raised {what}"))

    def _note_end(self, running: Running, entry: Entry, outcome: Outcome, ended: float, reason: Reason | None) -> None:
        noted = replace(
            entry,
            phase="ended",
            handle=running.handle,
            ended=ended,
            outcome=_plain(outcome),
            released=reason in {"stop", "lost"} and not outcome.succeeded,
            cancelled=reason == "cancel",
        )
        self._note(running.slot, noted, "that a run has ended")

    def _note(self, slot: int, entry: Entry, what: str) -> None:
        """Note something of a run that has begun, as far as the disk takes it.

        Without its handle a run is found by its lease, and its outcome counts unless this worker dies before.
        """
        try:
            self.ledger.note(slot, entry)
        except OSError as error:
            structlog.get_logger().warning(f"cannot note in the ledger {what}", error=str(error))

    def _decide(self, job: Job, outcome: Outcome, reason: Reason | None) -> Decision:
        return decide_ended(
            job, outcome, self.policies, stopped=reason in {"stop", "lost"}, cancelled=reason == "cancel"
        )


def decide_ended(job: Job, outcome: Outcome, policies: Policies, *, stopped: bool, cancelled: bool) -> Decision:
    """Decide what an outcome means, given why the run was asked to end.

    A run that was ended for a cancel is cancelled, even if its command answers the signal with exit code 0; one that
    its worker ended, because it was stopped or cut off from the storage, and that succeeded all the same, has
    succeeded.
    """
    if cancelled:
        return Decision(verdict=Verdict.CANCELLED, result=Result.CANCELLED, error="cancelled")
    if outcome.succeeded or not stopped:
        return decide(job, outcome, lambda: policies.policy(job))
    return Decision(
        verdict=RELEASED.verdict, result=RELEASED.result, charge=False, error="its worker was stopped or cut off"
    )


def _checked(outcome: Outcome, name: Callable[[], str]) -> Outcome:
    fault = fault_in(outcome)
    return outcome if fault is None else Outcome(error=f"{name()} returned {fault}")


def _escaped(outcome: Outcome) -> Outcome:
    return outcome if outcome.error is None else dataclasses.replace(outcome, error=_storable(outcome.error))


def _storable(text: str) -> str:
    """Escape half surrogate pairs, as names of files have that are no text: neither ledger nor storage takes them."""
    return text.encode(errors="backslashreplace").decode()


def _plain(outcome: Outcome) -> dict[str, object]:
    values = {name: getattr(outcome, name) for name in Outcome.__slots__}
    return {name: value for name, value in values.items() if value is not None and value is not False}
