"""The keeper of a worker: a thread that keeps its promises while a runner is busy.

It settles what ended and gives back what could not start, proves the worker alive, hears of cancels and stops, waits
for news when there is nothing to do, looks after dead neighbours, and prunes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf

import structlog

from queuectl.config import Config
from queuectl.engine.delivery import Deliveries
from queuectl.engine.desk import RELEASE_EARLY, RELEASED
from queuectl.engine.exchanging import BATCH_TIME, Counter
from queuectl.engine.guard import Guard
from queuectl.engine.housekeeping import Housekeeping
from queuectl.engine.rescue import Rescue
from queuectl.errors import StorageError
from queuectl.model.lease import Beat, Lease, Settlement, Verdict
from queuectl.model.worker import StopMode

LONGEST_EXCHANGE = 0.02
"""Seconds to wait for a runner that exchanges, before looking at the rest."""

ROUND = 0.5
"""Seconds between two looks at the neighbours, and at what is asked of this worker; less where a lease is short, which
has at least eight looks."""

LOOK_AFTER = 0.005
"""Seconds after news in which what is asked of this worker is looked at: by then a runner has claimed what there is and
starts it. At once the two would wait for each other, and the job for both."""

FAILED_PAUSE = 1.0
"""Seconds between two tries after something that is no trouble of the storage's."""

RECORD_AFTER = 0.1
"""Seconds after which a run is one that lasts, and the storage is told that it started."""


class Keeper:
    """Runs until `finish`."""

    def __init__(
        self,
        counter: Counter,
        rescue: Rescue,
        deliveries: Deliveries,
        config: Config,
        *,
        lease: float,
        stop: Callable[..., None],
    ) -> None:
        self._counter = counter
        self._desk = counter.desk
        self._storage = counter.storage
        self._worker = counter.terms.id
        self._rescue = rescue
        self._deliveries = deliveries
        self._housekeeping = Housekeeping(config, counter.storage)
        self._stop = stop
        self._round = min(ROUND, lease / 8)
        self._guard = Guard(counter, lease=lease) if "multi_host" in counter.storage.capabilities else None
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._finished = False
        self._given_up = False
        self._ledger_is_lost = False
        self._napping = False
        self._asked = False
        self._round_at = 0.0
        self._look_at = inf
        self._strange: frozenset[Lease] = frozenset()
        self._log = structlog.get_logger().bind(worker=self._worker)

    def start(self) -> None:
        """Start the thread, and that of the guard."""
        self._thread.start()
        if self._guard is not None:
            self._guard.start()

    def nudge(self) -> None:
        """Say that the desk has changed; cheap unless the keeper sleeps for long."""
        if self._napping:
            self._napping = False
            self._storage.interrupt()

    def ask_ahead(self) -> None:
        """Say that what waits on the desk is nearly done, so that more is claimed while the last of it runs."""
        if not self._asked:
            self._asked = True
            self._storage.interrupt()

    def finish(self) -> bool:
        """Stop the thread; returns when it has ended, and whether this worker leaves nothing to others.

        Who was given up for dead leaves its ledger: others deal with its jobs.
        """
        self._finished = True
        self._storage.interrupt()
        self._thread.join()
        if self._guard is not None:
            self._guard.finish()
        return self._rescue.finish() and not self._given_up

    def _run(self) -> None:
        while not self._finished:
            try:
                woken = self._wait()
                asked, self._asked = self._asked, False
                self._tick(woken=woken and not asked)
            except StorageError as error:
                self._counter.trouble(error)
                if self._counter.is_hopeless(error):
                    self._stop(StopMode.FINISH, exit_code=error.exit_code)
                self._housekeeping.sleep(self._counter.pause())
            except Exception:  # a wall: without its keeper a worker would be taken for dead
                self._log.exception("the keeper failed, and goes on")
                self._housekeeping.sleep(FAILED_PAUSE)

    def _wait(self) -> bool:
        if self._asked:
            return False
        now = time.monotonic()
        waits = [max(0.0, min(self._round_at, self._look_at) - now)]
        due = self._desk.due()
        unrecorded = [run.started for run in self._desk.running() if not run.recorded]
        if due is not None:
            waits.append(due)
        if unrecorded:
            waits.append(max(0.0, min(unrecorded) + RECORD_AFTER - now))
        timeout = min(waits)
        if timeout == 0.0:
            return False
        self._napping = due is None and timeout > LOOK_AFTER
        woken = self._storage.wait(timeout)
        self._napping = False
        return woken

    def _tick(self, *, woken: bool) -> None:
        if woken:
            self._desk.announce()  # first: a job may wait, and who runs it looks for itself
            self._look_at = min(self._look_at, time.monotonic() + LOOK_AFTER)
        self._settle()
        self._record()
        now = time.monotonic()
        is_round = now >= self._round_at
        if is_round or now >= self._look_at:
            is_told, self._look_at = self._look_at < inf, inf
            # What runs is looked at first: a run that starts after the beat has a lease that the beat does not list.
            running = {run.claim.lease.token for run in self._desk.running()}
            asked = time.monotonic()
            self._obey(self._storage.beat(self._worker), running, asked, is_round=is_round)
            if is_told:
                self._deliveries.announce()
        if is_round:
            self._round_at = now + self._round
            self._restore_ledger()
            self._rescue.look_around()
            self._deliveries.watch()
            self._housekeeping.work()

    def _restore_ledger(self) -> None:
        try:
            if self._counter.ledger.restore():
                self._log.warning("the ledger was removed, and is put back")
            self._ledger_is_lost = False
        except OSError as error:  # the data directory is gone, say, and the store is elsewhere
            if not self._ledger_is_lost:
                self._log.warning("the ledger was removed, and cannot be put back", error=str(error))
            self._ledger_is_lost = True

    def _settle(self) -> None:
        due = self._desk.due()
        if not self._is_to_ask() and (due is None or due > 0.001):
            return
        self._desk.give_back(RELEASED, older_than=RELEASE_EARLY)
        # A runner that exchanges at this moment settles all of it.
        if self._counter.lock.acquire(timeout=LONGEST_EXCHANGE):
            try:
                if (ask := self._is_to_ask(settling=due is not None)) or self._desk.due() is not None:
                    self._counter.exchange(ask=ask)
            finally:
                self._counter.lock.release()

    def _is_to_ask(self, *, settling: bool = False) -> bool:
        """Whether to claim for a runner that will be done soon; not for one whose job takes long, against all odds."""
        if not self._counter.is_low(settling=settling):
            return False
        now = time.monotonic()
        return all(now - run.started < BATCH_TIME for run in self._desk.running())

    def _record(self) -> None:
        now = time.monotonic()
        for run in self._desk.running():
            if not run.recorded and now - run.started >= RECORD_AFTER:
                if run.spool is not None:  # first: whoever sees that it runs looks for its output
                    run.spool.show()
                holds = self._storage.record(run.claim.lease, run.handle, started_ago=now - run.started)
                run.recorded = True
                if not holds:
                    self._lose([run.claim.lease.token])

    def _obey(self, beat: Beat, running: set[int], asked: float, *, is_round: bool) -> None:
        if not beat.alive:
            self._log.error("this worker was given up for dead, and ends what it runs")
            self._given_up = True
            self._desk.drop()
            self._desk.end_running("lost")
            self._stop(StopMode.FORCE, exit_code=75)
            return
        self._counter.confirmed_at = max(self._counter.confirmed_at, asked)
        if beat.proven_ago is not None:
            self._counter.proven_at = max(self._counter.proven_at, asked - beat.proven_ago)
        self._desk.withdraw(beat.cancelled)
        self._lose(sorted(running - {lease.token for lease in beat.leases}))
        if beat.stop is not None:
            self._stop(beat.stop)
        if is_round:
            self._give_back_strange(beat)

    def _lose(self, tokens: list[int]) -> None:
        """End runs whose lease is somebody else's; those that have ended meanwhile had it until they were settled."""
        lost = [run.claim for run in self._desk.running() if run.claim.lease.token in tokens]
        for claim in lost:
            self._log.warning("a lease was lost, its command is ended", job=claim.job.id, lease=claim.lease.token)
        self._desk.end_running("lost", [claim.lease.token for claim in lost])

    def _give_back_strange(self, beat: Beat) -> None:
        """Give back leases that this worker does not know: the answer that brought them was lost on the way.

        Not while those of the dead are not known: of their jobs something may run.
        """
        if self._rescue.is_unsure:
            self._strange = frozenset()
            return
        known = self._desk.known() | self._rescue.tokens()
        strange = frozenset(lease for lease in beat.leases if lease.token not in known)
        # Twice in a row, since a beat may cross an exchange; one that is under way may bring them still.
        doubtful = strange & self._strange
        if doubtful:
            with self._counter.lock:
                known = self._desk.known() | self._rescue.tokens()
        for lease in (lease for lease in doubtful if lease.token not in known):
            self._log.warning("giving back a job that was claimed unawares", job=lease.job)
            self._storage.exchange(self._worker, [Settlement(lease=lease, verdict=Verdict.RELEASED)], None)
        self._strange = strange
