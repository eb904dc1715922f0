"""What becomes of a job that a dead worker had: read from its ledger, ended where it may still run, then decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from queuectl.engine import ledger
from queuectl.engine.environment import lease_mark
from queuectl.engine.ledger import Entry, Record
from queuectl.engine.policies import Policies
from queuectl.engine.retry import Decision, decide_lost
from queuectl.engine.runner import decide_ended
from queuectl.engine.spool import collect, unveil
from queuectl.errors import ConfigError
from queuectl.model.attempt import Output, Run
from queuectl.model.executor import EndingExecutor, Executor
from queuectl.model.job import Job
from queuectl.model.lease import Claim, Settlement, Verdict
from queuectl.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Inherited:
    """A job that was taken over. `entry` and `outcome` are what its worker noted of the run, None where it did not."""

    claim: Claim
    record: Record | None
    entry: Entry | None
    outcome: Outcome | None

    @property
    def has_begun(self) -> bool:
        """Whether a run of it may have begun; where no ledger is, nobody can say that it did not."""
        return self.entry is not None or self.record is None or self.claim.recorded

    @property
    def may_run(self) -> bool:
        """Whether something of that run may be left."""
        return self.has_begun and self.outcome is None

    @property
    def handle(self) -> str:
        """What an executor finds the run by."""
        noted = self.entry.handle if self.entry is not None else None
        origin = self.claim.origin
        return noted or self.claim.handle or f"lease:{lease_mark(origin.worker, origin.token)}"


def inherited(run: Path, claim: Claim) -> Inherited:
    """Return what is known of a job that was taken over. Raises OSError when its worker's ledger cannot be read now."""
    try:
        record = ledger.read(run, claim.origin.worker)
        entry = record.entries.get(claim.origin.token) if record else None
        outcome = entry.result() if entry else None
    except (msgspec.MsgspecError, TypeError):  # of another version, in words that this one does not know
        return Inherited(claim, None, None, None)
    return Inherited(claim, record, entry, outcome)


def end(case: Inherited, policies: Policies) -> None:
    """Make sure that nothing of it runs any more. Raises whatever an executor raises, and then something may."""
    executor = _executor(case.claim.job, policies)
    if isinstance(executor, EndingExecutor):
        executor.end(case.handle, case.claim.job)


def _executor(job: Job, policies: Policies) -> Executor:
    try:
        return policies.executor(job)
    except ConfigError:  # the settings are not those that it was started with: to end it needs none of its own
        return policies.executor(replace(job, options={}))


def settlement_of(case: Inherited, policies: Policies, logs: Path, boot: str) -> Settlement:
    """Decide what becomes of a job, of which nothing runs any more. `boot` is the one that this host is in."""
    if not case.has_begun:
        return Settlement(lease=case.claim.lease, verdict=Verdict.RELEASED)
    if case.entry is None or case.outcome is None:
        decision = decide_lost(case.claim.job)
        return _settlement(case, Outcome(error=decision.error), decision, logs, boot)
    stopped, cancelled = case.entry.released, case.entry.cancelled
    decision = decide_ended(case.claim.job, case.outcome, policies, stopped=stopped, cancelled=cancelled)
    return _settlement(case, case.outcome, decision, logs, boot)


def _settlement(case: Inherited, outcome: Outcome, decision: Decision, logs: Path, boot: str) -> Settlement:
    claim = case.claim
    started_ago, ended_ago = _ages(case, boot)
    run = Run(
        number=claim.number,
        result=decision.result,
        outcome=outcome,
        started_ago=started_ago,
        ended_ago=ended_ago,
        output=_output(case, logs),
    )
    return Settlement(
        lease=claim.lease,
        verdict=decision.verdict,
        run=run,
        charge=decision.charge,
        delay=decision.delay,
        error=decision.error,
    )


def _output(case: Inherited, logs: Path) -> Output:
    """Return what the run wrote; of one on another host that is to be seen only in a directory that both share."""
    origin, entry = case.claim.origin, case.entry
    try:
        if entry is not None and entry.blank is not None and entry.phase != "ended":
            unveil(logs, origin.worker, origin.token, entry.blank)
        return collect(logs, origin.worker, origin.token)
    except OSError:
        if entry is not None:
            raise
        return Output()


def _ages(case: Inherited, boot: str) -> tuple[float, float]:
    """Return how many seconds ago the run began and ended, 0 where nobody knows."""
    entry = case.entry
    if entry is None:
        return 0.0, 0.0
    same_boot = case.record is not None and case.record.boot == boot
    started_ago = ledger.age(entry, same_boot=same_boot)
    ended_ago = 0.0 if entry.ended is None else max(0.0, started_ago - (entry.ended - entry.started))
    return started_ago, ended_ago
