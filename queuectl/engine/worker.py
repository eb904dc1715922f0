"""The worker: claims jobs, runs them, settles what became of them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from queuectl.config import Config
from queuectl.engine.boot import boot_id, host_name
from queuectl.engine.delivery import Deliveries
from queuectl.engine.desk import RELEASED, Desk, Ended
from queuectl.engine.draining import is_drained
from queuectl.engine.environment import base_environment
from queuectl.engine.exchanging import Counter
from queuectl.engine.files import make_logs
from queuectl.engine.hearing import hear, ignore_when_leaving
from queuectl.engine.isolation import Isolation
from queuectl.engine.keeper import Keeper
from queuectl.engine.ledger import Ledger
from queuectl.engine.orders import ORDERS
from queuectl.engine.policies import Policies
from queuectl.engine.rescue import Rescue
from queuectl.engine.retry import is_suspect
from queuectl.engine.runner import Runner
from queuectl.engine.shares import EXPIRED
from queuectl.errors import StorageError
from queuectl.model.lease import Claim, Exchange
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker, StopMode

DELIVERY_GRACE = 10.0
"""Seconds that a worker waits at its end for notifiers."""

TRY_AGAIN = 1.0
"""Seconds before a job that could not even be tried may be claimed again."""

LONGEST_NAP = 5.0
"""Seconds after which an idle worker looks again even if nobody woke it."""

LONGEST_DRAIN_NAP = 0.5
"""The same for one that drains: it may be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one worker is started with."""

    id: str
    concurrency: int = 1
    queues: tuple[str, ...] | None = None
    drain: bool = False
    supervisor: str | None = None


class Worker:
    """One incarnation. `run` returns when it has stopped, drained or lost its registration."""

    def __init__(self, config: Config, storage: Storage, terms: Terms) -> None:
        """Lock the ledger and register."""
        self.terms = terms
        self.storage = storage
        self.config = config
        self.log = structlog.get_logger().bind(worker=terms.id)
        run, self.logs = config.data / "run", make_logs(config)
        # What a plugin cannot build is known before anybody hears of this worker.
        self.policies = Policies(config)
        self.policies.prepare()
        self.deliveries = Deliveries(config, storage, terms.id)
        self.ledger = Ledger(run, terms.id, slots=terms.concurrency + 64, boot=boot_id())
        lease = float(config.worker.lease)
        storage.register(
            NewWorker(
                id=terms.id,
                host=host_name(),
                pid=os.getpid(),
                supervisor=terms.supervisor,
                queues=terms.queues,
                concurrency=terms.concurrency,
                lease=lease * EXPIRED,
            )
        )
        self.desk = Desk()
        self._fresh = lease / 2
        self.counter = Counter(storage, self.desk, terms, self.logs, self.ledger, self.log)
        rescue = Rescue(storage, terms.id, run, self.logs, self.policies)
        self.keeper = Keeper(self.counter, rescue, self.deliveries, config, lease=lease, stop=self.stop)
        self._isolation = Isolation()
        self._among_others = self._isolation.among_others if terms.concurrency > 1 else contextlib.nullcontext
        self._given_back_until = 0.0
        self._stop: StopMode | None = None
        self.exit_code = 0
        self.delivered = True

    def run(self, ready: Callable[[], None] = lambda: None) -> int:
        """Work until there is a reason to end; return the exit code."""
        self.deliveries.start()
        self.keeper.start()
        ready()
        try:
            self._work()
        finally:
            self._leave()
        return self.exit_code

    def stop(self, mode: StopMode, *, exit_code: int = 0) -> None:
        """Claim nothing more; with FORCE end what runs and give it back.

        Not for a signal's handler, which may have interrupted who holds the desk's lock.
        """
        if self._stop is StopMode.FORCE or self._stop is mode:
            return
        self.exit_code = max(self.exit_code, exit_code)
        self._stop = mode
        self.log.debug("no more claims", mode=mode.value)
        self.counter.leaving = True
        self.desk.give_back(RELEASED)
        if mode is StopMode.FORCE:
            self.desk.end_running("stop")
        self.desk.announce()
        self.storage.interrupt()

    def _work(self) -> None:
        if self.terms.concurrency == 1:
            self._loop()
            return
        threads = [threading.Thread(target=self._guarded_loop, name=f"run-{n}") for n in range(self.terms.concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _guarded_loop(self) -> None:
        """Stop the whole worker when one of its threads fails: its supervisor starts a sound one."""
        try:
            self._loop()
        except BaseException:
            self.stop(StopMode.FINISH, exit_code=os.EX_SOFTWARE)
            raise

    def _loop(self) -> None:
        environment = base_environment(os.environ, file=self.config.file, data=self.config.data)
        execute = self.config.registry.execute
        runner = Runner(self.desk, self.ledger, self.logs, self.policies, execute, environment, self._holds)
        while self._stop is None:
            if not (self._run_next(runner) or self._fetch(runner)):
                break
        runner.close()

    def _run_next(self, runner: Runner) -> bool:
        """Run the next claim, if one waits; whether one did."""
        with self._among_others():
            claim = self.desk.take(younger_than=self._fresh)
            if claim is None:
                return False
            if self.counter.is_low():
                self.keeper.ask_ahead()
            suspect = self.terms.concurrency > 1 and is_suspect(claim.job)
            if not suspect:
                self._run(runner, claim)
        if suspect:
            self._run_alone(runner, claim)
        self.keeper.nudge()
        return True

    def _run_alone(self, runner: Runner, claim: Claim) -> None:
        def unwanted() -> bool:
            return self._stop is not None or self.desk.is_doomed(claim)

        self.log.warning("running a job by itself, since several workers did not survive it", job=claim.job.id)
        with self._isolation.alone(unwanted=unwanted):
            if self._stop is None:
                self._run(runner, claim)
            else:
                self.desk.finish(Ended(claim, RELEASED, time.monotonic()))

    def _holds(self) -> bool:
        """Whether the leases of this worker hold for certain: the storage heard of it not long ago."""
        return time.monotonic() - self.counter.confirmed_at < self._fresh

    def _run(self, runner: Runner, claim: Claim) -> None:
        try:
            self.counter.observe(runner.run(claim))
        except Exception:  # a wall: what goes wrong around an attempt, such as a ledger on a broken disk
            self.log.exception("cannot run a job, giving it back", job=claim.job.id)
            # A drain is not done before that job has come back.
            self._given_back_until = time.monotonic() + 2 * TRY_AGAIN
            self.desk.finish(Ended(claim, replace(RELEASED, delay=TRY_AGAIN), time.monotonic()))

    def _fetch(self, runner: Runner) -> bool:
        """Get claims, or wait for some; return False when there is no more to come."""
        seen = self.desk.version
        result = self._exchange(seen)
        if result is not None and self.terms.drain and self._is_drained(result.next_due):
            # What was given back between the two looks, as by who took over from the dead, neither of them saw.
            result = self._exchange(seen)
            if result is not None and result.next_due != 0.0:
                self.log.debug("nothing is left to drain")
                self.desk.announce()  # the other runners are done too
                return False
        if result is not None:
            runner.drop_blank()  # there may be nothing to do for long
            longest = LONGEST_DRAIN_NAP if self.terms.drain else LONGEST_NAP
            self.desk.await_news(seen, longest if result.next_due is None else min(result.next_due, longest))
        return True

    def _exchange(self, seen: int) -> Exchange | None:
        """Settle and claim; return the answer when it brought nothing to run, and nothing was there already."""
        with self.counter.lock:
            if self.desk.has_waiting():
                return None
            try:
                result = self.counter.exchange(ask=self._stop is None)
            except StorageError as error:
                self.counter.trouble(error)
                if not self._is_over(error):
                    self.desk.await_news(seen, self.counter.pause())
                return None
        if not result.claims:
            return result
        self.keeper.nudge()
        return None

    def _is_drained(self, next_due: float | None) -> bool:
        if next_due == 0.0 or not self.desk.is_empty() or time.monotonic() < self._given_back_until:
            return False
        try:
            return is_drained(self.storage, self.terms.queues)
        except StorageError as error:
            if self._is_over(error):
                self.counter.trouble(error)
            return False

    def _is_over(self, error: StorageError) -> bool:
        """Stop, if it is no use to wait for the storage; whether it is not."""
        hopeless = self.counter.is_hopeless(error)
        if hopeless:
            self.stop(StopMode.FINISH, exit_code=error.exit_code)
        return hopeless

    def _leave(self) -> None:
        self._stop = self._stop or StopMode.FINISH
        self.counter.leaving = True
        self.desk.give_back(RELEASED)
        hopeless = self.counter.settle_all(in_haste=lambda: self._stop is StopMode.FORCE)
        if hopeless is not None:
            self.exit_code = hopeless.exit_code
        self.delivered = self.deliveries.finish(DELIVERY_GRACE if self.desk.is_empty() else 0.0)
        # Who holds leases yet must not retire: that would give them back, whatever runs or is noted of them.
        done = self.keeper.finish() and self.desk.is_empty()
        if done:
            self.counter.retire()
        self.ledger.close(unlink=done)


def install_signals(worker: Worker) -> None:
    """Let SIGTERM, SIGINT and SIGHUP stop a worker, a second one end its jobs, a third the process.

    Its supervisor sends others, so that a signal that both were sent counts once.
    """
    received = 0

    def heard(number: signal.Signals) -> None:
        nonlocal received
        if number in ORDERS:
            worker.stop(ORDERS[number], exit_code=128 + number)
            return
        received += 1
        if received > 2:
            os._exit(128 + number)
        worker.stop(StopMode.FORCE if received == 2 else StopMode.FINISH, exit_code=128 + number)

    numbers = [*ORDERS, signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        numbers.append(signal.SIGHUP)
    hear(numbers, heard)
    ignore_when_leaving(numbers)
