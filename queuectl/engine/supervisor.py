"""The supervisor: starts the workers, starts one anew that dies, passes on that they must stop, reaps.

It runs no job. It is registered, so that `worker stop` finds it through the store, and has a ledger, so that others
see when it is gone. The workers hold the reading end of a pipe of its: when it dies, they notice and stop.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from queuectl.config import Config
from queuectl.engine.boot import boot_id, host_name
from queuectl.engine.environment import reaches_same_store
from queuectl.engine.files import make_logs
from queuectl.engine.hearing import ignore_when_leaving
from queuectl.engine.identity import new_id
from queuectl.engine.ledger import Ledger
from queuectl.engine.orders import SIGNALS
from queuectl.engine.policies import Policies
from queuectl.engine.rescue import Rescue
from queuectl.engine.shares import EXPIRED
from queuectl.engine.spawning import Child, spawn
from queuectl.errors import ConfigError, StorageError, StorageGoneError, StorageRefusedError
from queuectl.model.storage import Storage
from queuectl.model.worker import NewWorker, Role, StopMode

ROUND = 0.5
LONGEST_PAUSE = 30.0
"""Seconds that a worker that keeps dying waits at most before it is started again."""

HEALTHY = 10.0
"""Seconds after which a worker that dies is started again at once."""

STORE_HINT = "jobs get neither --set nor QUEUECTL_STORAGE__*: put what they say of the storage into the configuration"


@dataclass(slots=True)
class Place:
    """One of the `--count` places: the worker in it, or when the next one may start."""

    child: Child | None = None
    started: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `worker start` was asked for.

    `flags` are the global options of the workers. `stderr` is a descriptor for their log, None for ours, and `console`
    says that people read it even though it is no terminal.
    """

    count: int
    concurrency: int
    queues: tuple[str, ...] | None = None
    drain: bool = False
    flags: Sequence[str] = ()
    stderr: int | None = None
    console: bool = False


@dataclass(slots=True)
class Signals:
    """Signals that came, seen in the main loop through a pipe."""

    count: int = 0
    last: int = 0
    leaving: bool = False
    wakeup: tuple[int, int] = field(default_factory=lambda: os.pipe())

    def install(self) -> None:
        """Listen from now on."""
        for end in self.wakeup:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self.wakeup[1], warn_on_full_buffer=False)
        numbers = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
            numbers.append(signal.SIGHUP)
        for number in numbers:
            signal.signal(number, self._note)
        ignore_when_leaving(numbers)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def wait(self, timeout: float) -> None:
        """Block until a signal comes, or for `timeout` seconds."""
        if select.select([self.wakeup[0]], [], [], timeout)[0]:
            os.read(self.wakeup[0], 4096)

    def close(self) -> None:
        """Listen no more."""
        signal.set_wakeup_fd(-1)
        for end in self.wakeup:
            os.close(end)

    def _note(self, number: int, _: Any) -> None:
        self.count += 1
        self.last = number
        if self.leaving and self.count > 2:
            os._exit(128 + number)  # nobody looks at the count any more


class Supervisor:
    """Looks after `plan.count` workers until they are done."""

    def __init__(self, config: Config, storage: Storage, plan: Plan) -> None:
        """Lock the ledger and register."""
        self.id = new_id()
        self._plan = plan
        self._storage = storage
        self._log = structlog.get_logger().bind(supervisor=self.id)
        run, logs = config.data / "run", make_logs(config)
        self._ledger = Ledger(run, self.id, slots=1, boot=boot_id())
        lease = float(config.worker.lease) * EXPIRED
        storage.register(NewWorker(id=self.id, host=host_name(), pid=os.getpid(), role=Role.SUPERVISOR, lease=lease))
        self._same_store = reaches_same_store(config, os.environ)
        self._rescue = Rescue(storage, self.id, run, logs, Policies(config))
        self._signals = Signals()
        self._places = [Place() for _ in range(plan.count)]
        self._life = os.pipe()
        self._stopping: StopMode | None = None
        self._told_gone = False
        self._exit_code = 0
        self._refusal: ConfigError | None = None

    def run(self, *, ready: Callable[[], None], watch: Callable[[], None] = lambda: None) -> int:
        """Supervise until all workers are done; return the exit code. `ready` is called once they all work.

        Raises ConfigError when they cannot begin, for all of them at once.
        """
        self._signals.install()
        if not self._same_store:
            self._log.warning("queuectl in a job reaches another store than this one", hint=STORE_HINT)
        try:
            self._supervise(ready, watch)
        finally:
            self._leave()
        if self._refusal is not None:
            raise self._refusal
        return self._exit_code

    def _supervise(self, ready: Callable[[], None], watch: Callable[[], None]) -> None:
        announced = False
        next_round = 0.0
        while True:
            self._reap()
            self._fill()
            if all(place.done for place in self._places):
                return
            if not announced and all(place.done or (place.child and place.child.is_ready()) for place in self._places):
                announced = True
                ready()
            if time.monotonic() >= next_round:
                next_round = time.monotonic() + ROUND
                self._look_around()
            watch()
            seen = self._signals.count
            self._signals.wait(0.05 if not announced else max(0.0, next_round - time.monotonic()))
            if self._signals.count != seen or self._signals.count > self._stage():
                self._on_signal()

    def _stage(self) -> int:
        return 0 if self._stopping is None else 1 if self._stopping is StopMode.FINISH else 2

    def _on_signal(self) -> None:
        if self._signals.count > 2:
            self._kill()
        elif self._signals.count == 2:
            self._stop(StopMode.FORCE)
        else:
            self._stop(StopMode.FINISH)

    def _stop(self, mode: StopMode) -> None:
        if self._stopping is StopMode.FORCE or self._stopping is mode:
            return
        self._stopping = mode
        what = "ending the running jobs" if mode is StopMode.FORCE else "waiting for the running jobs"
        self._log.info("stopping", what=what)
        for place in self._places:
            if place.child is not None:
                place.child.send(SIGNALS[mode])
            else:
                place.done = True

    def _kill(self) -> None:
        """Leave at once. What the workers ran is found by whoever starts next."""
        for place in self._places:
            if place.child is not None:
                place.child.send(signal.SIGKILL)
        os._exit(128 + self._signals.last)

    def _fill(self) -> None:
        now = time.monotonic()
        for index, place in enumerate(self._places):
            if place.done or place.child is not None or now < place.start_at:
                continue
            gone = self._gone()
            if gone is not None:  # a worker would begin a new store in its place
                place.start_at = now + LONGEST_PAUSE / 10
                if not self._told_gone:
                    self._log.warning("no worker is started until the store is back", error=gone.message)
                self._told_gone = True
                continue
            self._told_gone = False
            try:
                place.child = spawn(self._plan, supervisor=self.id, index=index, life=self._life)
            except OSError as error:  # no process or descriptor to be had now: the other workers go on
                place.start_at = now + LONGEST_PAUSE / 10
                self._log.warning("cannot start a worker, trying again", error=error.strerror)
                continue
            place.started = now

    def _reap(self) -> None:
        """Collect all children that ended, also such as were handed to us as process 1 of a container.

        While a plugin is being called only our own: it may wait for a child that it started here.
        """
        with self._rescue.silence() as silent:
            pids = [-1] if silent else [place.child.pid for place in self._places if place.child is not None]
            for pid in pids:
                self._collect(pid)

    def _collect(self, which: int) -> None:
        while True:
            try:
                pid, status = os.waitpid(which, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for place in self._places:
                if place.child is not None and place.child.pid == pid:
                    self._on_end(place, os.waitstatus_to_exitcode(status))

    def _on_end(self, place: Place, code: int) -> None:
        child, place.child = place.child, None
        refusal = child.refusal() if child is not None else None
        # One that has worked does not find fault with its configuration, but with the store.
        refused = child is not None and (child.is_ready() or (refusal and refusal.code) == StorageRefusedError.code)
        if child is not None:
            child.close()
        if code in (os.EX_CONFIG, os.EX_USAGE) and (refused or not place.deaths):
            self._refusal = self._refusal or refusal
            self._exit_code = code
            place.done = True
            self._stop(StopMode.FINISH)
            return
        if code == 0 or self._stopping is not None:
            place.done = True
            return
        gone = self._gone() if self._plan.drain else None
        if gone is not None:
            self._exit_code = gone.exit_code
            place.done = True
            return
        lived = time.monotonic() - place.started
        place.deaths = 1 if lived > HEALTHY else place.deaths + 1
        pause = 0.0 if place.deaths == 1 else min(LONGEST_PAUSE, 0.1 * 2.0 ** min(place.deaths, 10))
        place.start_at = time.monotonic() + pause
        told = {} if refusal is None else {"error": refusal.message}
        self._log.warning("a worker died, starting another", exit_code=code, pause=pause, **told)

    def _gone(self) -> StorageGoneError | None:
        """Return what tells that the store was taken away, if it was."""
        try:
            self._storage.beat(self.id)
        except StorageGoneError as error:
            return error
        except StorageError:  # it may answer later
            return None
        return None

    def _look_around(self) -> None:
        try:
            beat = self._storage.beat(self.id)  # first: where the store is gone a ledger is out of place
            if self._ledger.restore():
                self._log.warning("the ledger was removed, and is put back")
            self._rescue.look_around()
        except (StorageError, OSError) as error:
            self._log.debug("cannot look around, trying again", error=str(error))
            return
        if beat.stop is not None:
            self._stop(beat.stop)

    def _leave(self) -> None:
        self._signals.leaving = True
        done = self._rescue.look_around_last()
        self._signals.close()
        for end in self._life:
            os.close(end)
        if done:
            self._retire()
        self._ledger.close(unlink=done)

    def _retire(self) -> None:
        try:
            self._storage.retire(self.id)
        except StorageError as error:
            self._log.warning("could not say goodbye to the storage", error=error.message)
