"""The storm: does what the schedule says to whoever is there."""

from __future__ import annotations

import heapq
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from random import Random

import queuectl
from benchmarks.chaos.house import House
from benchmarks.chaos.schedule import Act, Action
from benchmarks.chaos.work import jobs
from queuectl import Role, State

MOST_SUPERVISORS = 4
CROWD = 200
"""How many jobs are looked at to pick one to cancel or to retry."""

EARLY = 0.2
"""The share of signals that may hit anybody: a supervisor before it has a worker, who is stopped, who is idle."""

TICK = 0.05
"""Seconds between two looks."""


class Storm:
    """Goes through a schedule, in a time of its own, which stands still while there is nobody at work.

    Otherwise a slow machine would spend the storm with starts, and each signal would hit somebody who has not begun.
    It stands still for `patience` seconds at most. What else an action needs of chance comes from the seed and its
    place in the schedule, so that it is the same whatever was met before.
    """

    def __init__(
        self, house: House, queue: queuectl.Queue, actions: Sequence[Action], seed: int, *, patience: float
    ) -> None:
        self._house = house
        self._queue = queue
        self._actions = actions
        self._seed = seed
        self._random = Random()
        self._clock = 0.0
        self._patience = patience
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._stopped: set[int] = set()
        self._order = count()

    def blow(self, each: Callable[[], object]) -> None:
        """Do everything; in the end all that is stopped goes on. `each` is called between two actions."""
        for number, action in enumerate(self._actions):
            self._until(action.at, each)
            self._random = Random(f"action {self._seed} {number}")
            self._acts[action.act](self, action)
        while self._later:
            heapq.heappop(self._later)[2]()

    def _until(self, at: float, each: Callable[[], object]) -> None:
        while (left := at - self._clock) > 0:
            is_moving = bool(self._workers()) or self._patience < 0
            passed = self._pass(min(left, TICK), each)
            if is_moving:
                self._clock += passed
            else:
                self._patience -= passed

    def _pass(self, seconds: float, each: Callable[[], object]) -> float:
        """Let so many seconds pass, and do what is due; return how many passed in truth."""
        began = time.monotonic()
        self._house.look()
        each()
        while self._later and self._later[0][0] <= began:
            heapq.heappop(self._later)[2]()
        time.sleep(seconds)
        return time.monotonic() - began

    def _after(self, seconds: float, what: Callable[[], object]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), what))

    def _start(self, action: Action) -> None:
        workers, concurrency = self._random.randint(1, 3), self._random.choice((1, 1, 2, 4))
        if len(self._house.supervisors) < MOST_SUPERVISORS:
            self._house.start("--count", str(workers), "--concurrency", str(concurrency))

    def _workers(self, supervisor: str | None = None, *, busy: bool = False) -> list[int]:
        """Return the processes of the workers that live, or of one supervisor's; of those that are `busy` if wanted."""
        workers = [worker for worker in self._queue.workers() if worker.role is Role.WORKER]
        wanted = [worker for worker in workers if supervisor in {None, worker.supervisor}]
        pids = [worker.pid for worker in wanted if worker.running or not busy]
        return [pid for pid in pids if self._house.territory.holds(pid)]  # who was killed may not be missed yet

    def _hit(self, pids: Sequence[int], action: Action, number: int, role: str) -> int | None:
        """Send a signal to one of these, and return who got it.

        Who is stopped is mostly spared: it is to come back one day.
        """
        if self._random.random() >= EARLY:
            pids = [pid for pid in pids if pid not in self._stopped]
        if not pids:
            return None
        pid = pids[action.pick(len(pids))]
        return pid if self._house.send(pid, number, role) else None

    def _kill_worker(self, action: Action) -> None:
        self._hit(self._workers(), action, signal.SIGKILL, "worker")

    def _kill_supervisor(self, action: Action) -> None:
        self._hit(self._supervisors(), action, signal.SIGKILL, "supervisor")

    def _kill_house(self, action: Action) -> None:
        supervisor = self._hit(self._supervisors(), action, signal.SIGKILL, "supervisor")
        known = {worker.pid: worker.id for worker in self._queue.storage.workers()}
        if supervisor in known:
            self._kill_each(self._workers(known[supervisor]), "worker")

    def _kill_all(self, action: Action) -> None:
        self._kill_each([process.pid for process in self._house.supervisors], "supervisor")
        self._kill_each(self._workers(), "worker")

    def _kill_each(self, pids: Sequence[int], role: str) -> None:
        for pid in pids:
            self._house.send(pid, signal.SIGKILL, role)

    def _kill_command(self, action: Action) -> None:
        self._hit(self._house.territory.commands(), action, signal.SIGKILL, "command")

    def _kill_typed(self, action: Action) -> None:
        act = self._random.choice((self._enqueue, self._cancel, self._retry, self._retry_dead))
        pid = act(action)
        if pid is not None:  # it lasts that long until all is imported, and not much longer
            self._after(self._random.uniform(0.05, 0.3), lambda: self._house.send(pid, signal.SIGKILL, "typed"))

    def _enqueue(self, action: Action) -> int:
        ids = [f"typed-{next(self._order):06}" for _ in range(self._random.randint(1, 5))]
        return self._house.type_enqueue(jobs(self._random, self._house.command, ids))

    def _kill_enqueuer(self, action: Action) -> None:
        self._hit(self._enqueuers(), action, signal.SIGKILL, "enqueuer")

    def _stop_worker(self, action: Action) -> None:
        """Stop one, mostly one that has jobs in hand: it may be taken for dead."""
        busy = self._random.random() >= EARLY
        self._stop(self._workers(busy=busy) or self._workers(), action, "worker")

    def _stop_supervisor(self, action: Action) -> None:
        self._stop(self._supervisors(), action, "supervisor")

    def _stop_command(self, action: Action) -> None:
        self._stop(self._house.territory.commands(), action, "command")

    def _stop_enqueuer(self, action: Action) -> None:
        self._stop(self._enqueuers(), action, "enqueuer")

    def _stop(self, pids: Sequence[int], action: Action, role: str) -> None:
        stopped = self._hit(pids, action, signal.SIGSTOP, role)
        if stopped is not None:
            self._stopped.add(stopped)
            self._after(action.span, lambda: self._continue(stopped, role))

    def _continue(self, pid: int, role: str) -> None:
        self._stopped.discard(pid)
        self._house.send(pid, signal.SIGCONT, role)

    def _term_worker(self, action: Action) -> None:
        self._hit(self._workers(), action, signal.SIGTERM, "worker")

    def _term_supervisor(self, action: Action) -> None:
        self._hit(self._supervisors(), action, signal.SIGTERM, "supervisor")

    def _term_twice(self, action: Action) -> None:
        self._term_again(action, 1)

    def _term_thrice(self, action: Action) -> None:
        self._term_again(action, 2)

    def _term_again(self, action: Action, times: int) -> None:
        pid = self._hit(self._supervisors(), action, signal.SIGTERM, "supervisor")
        if pid is not None:
            for place in range(1, times + 1):
                self._after(place * action.span / 4, lambda: self._house.send(pid, signal.SIGTERM, "supervisor"))

    def _term_command(self, action: Action) -> None:
        self._hit(self._house.territory.commands(), action, signal.SIGTERM, "command")

    def _term_enqueuer(self, action: Action) -> None:
        self._hit(self._enqueuers(), action, signal.SIGTERM, "enqueuer")

    def _enqueuers(self) -> list[int]:
        return [process.pid for process in self._house.enqueuers]

    def _supervisors(self) -> list[int]:
        """Return the processes of the supervisors: mostly of those only that have workers by now.

        Who is always hit before it has begun leaves nobody who could be hit at work.
        """
        pids = [process.pid for process in self._house.supervisors]
        if self._random.random() < EARLY:
            return pids
        busy = {worker.supervisor for worker in self._queue.workers()}
        working = {worker.pid for worker in self._queue.storage.workers() if worker.id in busy}
        return [pid for pid in pids if pid in working]

    def _cancel(self, action: Action) -> int | None:
        return self._type_for("cancel", action, State.PROCESSING, State.PROCESSING, State.FAILED, State.PENDING)

    def _retry(self, action: Action) -> int | None:
        return self._type_for("retry", action, State.CANCELLED, State.FAILED, State.DEAD, State.COMPLETED)

    def _retry_dead(self, action: Action) -> int | None:
        return self._type_for("dlq retry", action, State.DEAD)

    def _type_for(self, action: str, act: Action, *states: State) -> int | None:
        """Type a command about a job in one of these states, if there is any."""
        state = states[self._random.randrange(len(states))]
        crowd = self._queue.list(state=state, limit=CROWD)
        return self._house.type(action, crowd[act.pick(len(crowd))].id) if crowd else None

    def _type(self, action: Action) -> None:
        self._house.type(action.act.value)

    _acts: Mapping[Act, Callable[[Storm, Action], object]] = {
        Act.START: _start,
        Act.KILL_WORKER: _kill_worker,
        Act.KILL_SUPERVISOR: _kill_supervisor,
        Act.KILL_HOUSE: _kill_house,
        Act.KILL_ALL: _kill_all,
        Act.KILL_COMMAND: _kill_command,
        Act.KILL_TYPED: _kill_typed,
        Act.KILL_ENQUEUER: _kill_enqueuer,
        Act.STOP_WORKER: _stop_worker,
        Act.STOP_SUPERVISOR: _stop_supervisor,
        Act.STOP_COMMAND: _stop_command,
        Act.STOP_ENQUEUER: _stop_enqueuer,
        Act.TERM_WORKER: _term_worker,
        Act.TERM_SUPERVISOR: _term_supervisor,
        Act.TERM_TWICE: _term_twice,
        Act.TERM_THRICE: _term_thrice,
        Act.TERM_COMMAND: _term_command,
        Act.TERM_ENQUEUER: _term_enqueuer,
        Act.ENQUEUE: _enqueue,
        Act.CANCEL: _cancel,
        Act.RETRY: _retry,
        Act.DLQ_RETRY: _retry_dead,
        Act.LIST: _type,
        Act.STATUS: _type,
        Act.WORKER_STOP: _type,
        Act.WORKER_STOP_FORCE: _type,
    }
