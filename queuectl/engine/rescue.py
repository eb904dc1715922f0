"""Looking after the dead: their jobs are taken over, what they left running is ended, and the jobs are settled.

A job that was taken over counts as one of this worker's: its lease stays here until nothing of it runs any more, since
whoever gave it up would let the job start a second time beside what is left. What cannot be ended is tried again, with
growing pauses, for as long as this process lives; when it leaves, it does not retire, so that the next one goes on.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from queuectl.engine import ledger
from queuectl.engine.boot import boot_id
from queuectl.engine.inheritance import Inherited, end, inherited, settlement_of
from queuectl.engine.ledger import Record
from queuectl.engine.overdue import end_overdue
from queuectl.engine.policies import Policies
from queuectl.engine.silence import Sign, Silence, Suspect
from queuectl.engine.spool import discard, discard_short
from queuectl.errors import StorageError
from queuectl.model.job import State
from queuectl.model.lease import Claim, Settlement
from queuectl.model.storage import Storage
from queuectl.registry.blame import brief

ABANDONED = 86400.0
"""Seconds after which a dead worker's ledger is removed, whatever stands in it."""

LOOK_AGAIN = 5.0
"""Seconds between two looks at a ledger that had to be kept."""

SOON = 1.0
"""Seconds for which a round waits for what it began: mostly that takes no time, and then the ledger can go."""

PROMPT = 1.0
"""Seconds within which a storage answers that makes nobody wait."""

TRY_AGAIN = 1.0
"""Seconds before what failed is tried a second time; each further pause is twice as long."""

LONGEST_PAUSE = 60.0
LONGEST_STORAGE_PAUSE = 2.0

GRACE = 10.0
"""Seconds that are waited at the end for what was begun."""


class Rescue:
    """Finds dead workers and deals with their jobs, on threads of its own while there are any."""

    def __init__(self, storage: Storage, by: str, run: Path, logs: Path, policies: Policies) -> None:
        self._storage = storage
        self._by = by
        self._run = run
        self._logs = logs
        self._policies = policies
        self._boot = boot_id()
        self._log = structlog.get_logger().bind(worker=by)
        self._thread: threading.Thread | None = None
        self._cases: list[threading.Thread] = []
        self._in_hand: dict[int, Claim] = {}
        self._buried: set[str] = set()
        self._kept: dict[str, float] = {}
        self._unreadable: set[str] = set()
        self._silence = Silence(by)
        self._in_trouble = False
        self._leaving = threading.Event()
        self._calls_lock = threading.Lock()
        self._calls = 0
        self.is_unsure = False
        """Whether there may be leases that `tokens` does not name: the answer to a take-over is not there."""

    def look_around(self) -> None:
        """Start to deal with the dead, if there are any and nobody is at it."""
        if self._thread is not None and self._thread.is_alive():
            return
        now = time.monotonic()
        others = [name for name in ledger.others(self._run) if now >= self._kept.get(name, 0.0)]
        dead = [name for name in others if self._is_dead(name)]
        suspects = self._silence.look(self._storage.workers()) if self._silence.is_due() else {}
        if dead or suspects or self.is_unsure:
            thread = threading.Thread(target=self._deal, args=(dead, suspects), name="rescue", daemon=True)
            thread.start()
            self._thread = thread

    def _is_dead(self, name: str) -> bool:
        """Whether a worker's lock is gone. One ledger that cannot be opened keeps nobody from looking at the others."""
        try:
            alive = ledger.is_alive(self._run, name)
        except OSError as error:
            if name not in self._unreadable:
                self._log.warning(
                    "cannot tell whether a worker lives", file=str(self._run / name), error=error.strerror
                )
            self._unreadable.add(name)
            return False
        return alive is False

    def look_around_last(self) -> bool:
        """Deal with the dead before leaving, since nobody may be there afterwards; then `finish`."""
        if self._thread is not None:
            self._thread.join(GRACE)
        try:
            self.look_around()
        except StorageError as error:
            self._log.warning("could not look for dead workers", error=error.message)
        return self.finish()

    def finish(self) -> bool:
        """Wait a little for what was begun; return whether nothing is left that others must go on with.

        What failed already is not tried again.
        """
        self._leaving.set()
        deadline = time.monotonic() + GRACE
        _join([self._thread] if self._thread is not None else [], deadline)
        _join(self._cases, deadline)
        left = list(self._in_hand.values())
        for claim in left:
            self._log.warning(
                "leaving a dead worker's job to who comes next", job=claim.job.id, dead=claim.origin.worker
            )
        return not left and not self.is_unsure

    def tokens(self) -> set[int]:
        """Return the leases that are being dealt with."""
        return set(self._in_hand)

    @contextlib.contextmanager
    def silence(self) -> Iterator[bool]:
        """Keep plugins from being called here meanwhile; yields whether none is being called already."""
        with self._calls_lock:
            yield self._calls == 0

    def _deal(self, dead: list[str], suspects: Mapping[Sign, Suspect]) -> None:
        trouble: Exception | None = None
        try:
            if suspects or self.is_unsure:
                self._give_up(suspects)
            for incarnation in dead:
                trouble = self._try_to_bury(incarnation) or trouble
        except (StorageError, OSError) as error:
            self._silence.forget()
            trouble = error
        if trouble is not None and not self._in_trouble:
            self._log.warning("could not take over from dead workers, trying again", error=str(trouble))
        self._in_trouble = trouble is not None

    def _try_to_bury(self, incarnation: str) -> OSError | None:
        """Look after one dead worker; return what was wrong with its files, which is nobody else's affair."""
        try:
            with ledger.hold_dead(self._run, incarnation) as held:
                if held:
                    self._bury(incarnation)
        except OSError as error:
            return error
        return None

    def _give_up(self, suspects: Mapping[Sign, Suspect]) -> None:
        """Take over from those who keep silent while the storage can be written."""
        begun = time.monotonic()
        self._inherit([], proven=False)  # nobody's jobs: it shows whether the storage can be written
        if time.monotonic() - begun >= PROMPT:
            self._silence.forget()
        elif dead := self._silence.dead(suspects):
            self._inherit(dead, proven=False)

    def _bury(self, incarnation: str) -> None:
        path = self._run / incarnation
        self._inherit([incarnation], proven=True)
        if any(claim.origin.worker == incarnation for claim in list(self._in_hand.values())):
            self._kept[incarnation] = time.monotonic() + LOOK_AGAIN
            return
        try:
            record = ledger.read(self._run, incarnation)
            needed = record is not None and self._is_needed(record)
        except (msgspec.MsgspecError, TypeError):  # of another version, whose processes may yet read it
            needed = True
        if needed and incarnation not in self._buried and not _is_abandoned(path):
            self._kept[incarnation] = time.monotonic() + LOOK_AGAIN
            return
        discard_short(self._logs, incarnation)
        path.unlink(missing_ok=True)
        self._kept.pop(incarnation, None)
        self._buried.discard(incarnation)

    def _is_needed(self, record: Record) -> bool:
        """Whether a ledger may yet be read: somebody else has leases of its, and may die at it too."""
        jobs = [self._storage.get(entry.job) for entry in record.entries.values()]
        return any(job is not None and job.state is State.PROCESSING for job in jobs)

    def _inherit(self, dead: Sequence[str], *, proven: bool) -> None:
        """Take over, begin to deal with each job, and wait a little until that was tried: mostly it takes no time."""
        self.is_unsure = True
        claims = self._storage.take_over(dead, self._by, proven=proven)
        claims = [claim for claim in claims if claim.lease.token not in self._in_hand]
        self._in_hand.update((claim.lease.token, claim) for claim in claims)
        self.is_unsure = False
        self._buried.update(claim.origin.worker for claim in claims)
        rest = self._settle_at_once(claims)
        tried = [threading.Event() for _ in rest]
        pairs = zip(rest, tried, strict=True)
        begun = [threading.Thread(target=self._see_to, args=pair, daemon=True) for pair in pairs]
        self._cases = [thread for thread in self._cases if thread.is_alive()] + begun
        for thread in begun:
            thread.start()
        deadline = time.monotonic() + SOON
        for event in tried:
            event.wait(max(0.0, deadline - time.monotonic()))

    def _settle_at_once(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Settle what never began or had ended, all in one exchange; return the other jobs."""
        settled: list[tuple[Claim, Settlement]] = []
        try:
            for claim in claims:
                self._end_overdue(claim.origin.worker)
                case = inherited(self._run, claim)
                if not case.may_run:
                    settled.append((claim, self._decided(case)))
            self._storage.exchange(self._by, [settlement for _, settlement in settled], None)
        except BaseException:  # a wall: each by itself is tried again, and tells what is wrong
            return claims
        for claim, settlement in settled:
            self._close(claim, settlement)
        return [claim for claim in claims if claim.lease.token in self._in_hand]

    def _see_to(self, claim: Claim, tried: threading.Event) -> None:
        """End what runs of a job and settle it, at once or when it works at last."""
        told = False
        pause = TRY_AGAIN
        while True:
            try:
                self._settle(claim)
            except BaseException as error:  # a wall: whatever a plugin raises, the job must not start beside its rest
                if not told:
                    self._tell(claim, error)
                told = True
                longest = LONGEST_STORAGE_PAUSE if isinstance(error, StorageError) else LONGEST_PAUSE
                with contextlib.suppress(OSError):
                    os.utime(self._run / claim.origin.worker)  # it is not abandoned
            else:
                return
            finally:
                tried.set()
            if self._leaving.wait(pause):
                return
            pause = min(2 * pause, longest)

    def _settle(self, claim: Claim) -> None:
        self._end_overdue(claim.origin.worker)
        settlement = self._decided(inherited(self._run, claim))
        self._storage.exchange(self._by, [settlement], None)
        self._close(claim, settlement)

    def _close(self, claim: Claim, settlement: Settlement) -> None:
        output = settlement.run.output if settlement.run else None
        discard(self._logs, claim.origin.worker, claim.origin.token, output)
        self._in_hand.pop(claim.lease.token, None)
        self._log.warning(
            "took over a job", job=claim.job.id, dead=claim.origin.worker, verdict=settlement.verdict.value
        )

    def _end_overdue(self, worker: str) -> None:
        """See to it that whoever had the job starts nothing any more, and notes nothing after it was read."""
        pid = end_overdue(self._run, worker, self._boot)
        if pid is not None:
            self._log.warning("killed a worker that was stopped for longer than its lease", dead=worker, pid=pid)

    def _decided(self, case: Inherited) -> Settlement:
        """End what runs, then decide. Both may call plugins."""
        with self._calls_lock:
            self._calls += 1
        try:
            if case.may_run:
                end(case, self._policies)
            return settlement_of(case, self._policies, self._logs, self._boot)
        finally:
            with self._calls_lock:
                self._calls -= 1

    def _tell(self, claim: Claim, error: BaseException) -> None:
        if isinstance(error, StorageError):
            self._log.warning("cannot settle a dead worker's job, trying again", job=claim.job.id, error=error.message)
            return
        self._log.error(
            "cannot end what a dead worker left running: the job waits here until that works",
            job=claim.job.id,
            dead=claim.origin.worker,
            plugin=self._policies.executor_name(claim.job),
            error=brief(error),
            exc_info=True,
        )


def _is_abandoned(ledger: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - ledger.stat().st_mtime > ABANDONED
    return False


def _join(threads: Sequence[threading.Thread], deadline: float) -> None:
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
