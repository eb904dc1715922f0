"""Looking after the dead: their ledgers are read, what they left running is ended, and their jobs are settled."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from queuectl.engine import ledger
from queuectl.engine.boot import boot_id
from queuectl.engine.environment import lease_mark
from queuectl.engine.ledger import Entry, Record
from queuectl.engine.policies import Policies
from queuectl.engine.retry import Decision, decide_lost
from queuectl.engine.runner import decide_ended
from queuectl.engine.spool import collect, discard
from queuectl.errors import QueuectlError, StorageError
from queuectl.model.attempt import Output, Run
from queuectl.model.executor import EndingExecutor
from queuectl.model.lease import Claim, Settlement, Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.storage import Storage
from queuectl.registry.blame import brief

EXPIRY_ROUND = 5.0
"""Seconds between two looks for workers of other hosts, or stopped ones, whose lease ran out."""

ABANDONED = 86400.0
"""Seconds after which a dead worker's ledger that nobody asks for any more is removed."""

LOOK_AGAIN = 5.0
"""Seconds between two looks at a ledger that had to be kept."""

MOST_TRIES = 30
TRY_AGAIN = 1.0
"""Seconds between two tries."""


class Rescue:
    """Finds dead workers and deals with their jobs, on a thread of its own while there are any."""

    def __init__(self, storage: Storage, by: str, run: Path, logs: Path, policies: Policies) -> None:
        self._storage = storage
        self._by = by
        self._run = run
        self._logs = logs
        self._policies = policies
        self._boot = boot_id()
        self._log = structlog.get_logger().bind(worker=by)
        self._thread: threading.Thread | None = None
        self._tokens: set[int] = set()
        self._kept: dict[str, float] = {}
        self._expiry_at = time.monotonic() + EXPIRY_ROUND

    def look_around(self) -> None:
        """Start to deal with the dead, if there are any and nobody is at it."""
        if self._thread is not None and self._thread.is_alive():
            return
        now = time.monotonic()
        others = [name for name in ledger.others(self._run) if now >= self._kept.get(name, 0.0)]
        dead = [name for name in others if ledger.is_alive(self._run, name) is False]
        expired = self._expired()
        if dead or expired:
            thread = threading.Thread(target=self._deal, args=(dead, expired), name="rescue", daemon=True)
            thread.start()
            self._thread = thread

    def look_around_last(self) -> None:
        """Deal with the dead before leaving: nobody may be there after us."""
        self.join()
        try:
            self.look_around()
        except StorageError as error:
            self._log.warning("could not look for dead workers", error=error.message)
        self.join()

    def tokens(self) -> set[int]:
        """Return the leases that are being dealt with."""
        return set(self._tokens)

    def join(self) -> None:
        """Wait until what was begun is done."""
        if self._thread is not None:
            self._thread.join()

    def _expired(self) -> list[str]:
        now = time.monotonic()
        if now < self._expiry_at:
            return []
        self._expiry_at = now + EXPIRY_ROUND
        workers = self._storage.workers()
        return [worker.id for worker in workers if worker.expired and worker.running and worker.id != self._by]

    def _deal(self, dead: list[str], expired: list[str]) -> None:
        try:
            for incarnation in dead:
                with ledger.hold_dead(self._run, incarnation) as held:
                    if held:
                        self._bury(incarnation)
            if expired:
                self._settle_all(self._storage.take_over(expired, self._by, proven=False))
        except StorageError as error:
            self._log.warning("could not take over from dead workers, trying again", error=error.message)
        finally:
            self._tokens.clear()

    def _bury(self, incarnation: str) -> None:
        path = self._run / incarnation
        claims = self._storage.take_over([incarnation], self._by)
        if claims:
            os.utime(path)  # from now on it is abandoned, should we die before we have settled
        self._settle_all(claims)
        record = ledger.read(self._run, incarnation)
        if claims or record is None or not record.entries or self._is_abandoned(path):
            path.unlink(missing_ok=True)
            self._kept.pop(incarnation, None)
        else:
            self._kept[incarnation] = time.monotonic() + LOOK_AGAIN

    def _is_abandoned(self, path: Path) -> bool:
        """A ledger with entries whose leases are another's may still be read by them, if they died at it too."""
        with contextlib.suppress(OSError):
            return time.time() - path.stat().st_mtime > ABANDONED
        return False

    def _settle_all(self, claims: Sequence[Claim]) -> None:
        self._tokens.update(claim.lease.token for claim in claims)
        settlements = [(claim, self._settlement_at_last(claim)) for claim in claims]
        self._write([settlement for _, settlement in settlements])
        for claim, settlement in settlements:
            output = settlement.run.output if settlement.run else None
            discard(self._logs, claim.origin.worker, claim.origin.token, output)
            self._log.warning(
                "took over a job",
                job=claim.job.id,
                dead=claim.origin.worker,
                verdict=settlement.verdict.value,
            )

    def _settlement_at_last(self, claim: Claim) -> Settlement:
        """Try again and again: who gave the lease up would let the job start beside what still runs of it."""
        for _ in range(MOST_TRIES):
            try:
                return self._settlement(claim, ledger.read(self._run, claim.origin.worker))
            except Exception:  # a wall: such as no descriptor to be had now
                self._log.warning("cannot deal with a dead worker's job, trying again", job=claim.job.id, exc_info=True)
                time.sleep(TRY_AGAIN)
        self._end(claim, None)
        return self._lost(claim, None, same_boot=False)

    def _settlement(self, claim: Claim, record: Record | None) -> Settlement:
        entry = record.entries.get(claim.origin.token) if record else None
        if entry is None:
            if record is not None and not claim.recorded:
                return Settlement(lease=claim.lease, verdict=Verdict.RELEASED)
            return self._lost(claim, None, same_boot=False)
        same_boot = record is not None and record.boot == self._boot
        noted = entry.result()
        if noted is None:
            self._end(claim, entry)
            return self._lost(claim, entry, same_boot=same_boot)
        decision = decide_ended(claim.job, noted, self._policies, stopped=entry.released, cancelled=entry.cancelled)
        return self._settle(claim, entry, noted, decision, same_boot=same_boot)

    def _lost(self, claim: Claim, entry: Entry | None, *, same_boot: bool) -> Settlement:
        decision = decide_lost(claim.job)
        return self._settle(claim, entry, Outcome(error=decision.error), decision, same_boot=same_boot)

    def _settle(
        self, claim: Claim, entry: Entry | None, outcome: Outcome, decision: Decision, *, same_boot: bool
    ) -> Settlement:
        started_ago = ledger.age(entry, same_boot=same_boot) if entry else 0.0
        ended_ago = 0.0
        if entry is not None and entry.ended is not None:
            ended_ago = max(0.0, started_ago - (entry.ended - entry.started))
        run = Run(
            number=claim.number,
            result=decision.result,
            outcome=outcome,
            started_ago=started_ago,
            ended_ago=ended_ago,
            output=collect(self._logs, claim.origin.worker, claim.origin.token) if entry else Output(),
        )
        return Settlement(
            lease=claim.lease,
            verdict=decision.verdict,
            run=run,
            charge=decision.charge,
            delay=decision.delay,
            error=decision.error,
        )

    def _end(self, claim: Claim, entry: Entry | None) -> None:
        """End what a dead worker left running. A failure is told, and the job stays with us until it works."""
        handle = (entry and entry.handle) or f"lease:{lease_mark(claim.origin.worker, claim.origin.token)}"
        try:
            executor = self._policies.executor(claim.job)
        except QueuectlError as error:
            self._log.error("cannot end what a dead worker left running", job=claim.job.id, error=error.message)
            return
        if not isinstance(executor, EndingExecutor):
            return
        for _ in range(MOST_TRIES):
            try:
                executor.end(handle, claim.job)
            except BaseException as error:  # a wall: an executor's plugin must not stop the rescue of other jobs
                what = "cannot end what a dead worker left running"
                plugin = self._policies.executor_name(claim.job)
                self._log.warning(what, job=claim.job.id, plugin=plugin, error=brief(error), exc_info=True)
                time.sleep(TRY_AGAIN)
            else:
                return

    def _write(self, settlements: list[Settlement]) -> None:
        """Settle, for as long as it takes: the leases are ours now, and nobody else would."""
        while settlements:
            try:
                self._storage.exchange(self._by, settlements, None)
            except StorageError as error:
                self._log.warning("cannot settle the jobs of the dead, trying again", error=error.message)
                time.sleep(TRY_AGAIN)
            else:
                return
