"""The schedule of a storm: what is done when, all of it from one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Act(StrEnum):
    """What the storm does."""

    START = "start a supervisor"
    KILL_WORKER = "kill a worker"
    KILL_SUPERVISOR = "kill a supervisor"
    KILL_HOUSE = "kill a supervisor and its workers"
    KILL_ALL = "kill all workers and supervisors"
    KILL_COMMAND = "kill a command"
    KILL_TYPED = "type something, and kill it"
    KILL_ENQUEUER = "kill an enqueuer"
    STOP_WORKER = "stop a worker, and continue it"
    STOP_SUPERVISOR = "stop a supervisor, and continue it"
    STOP_COMMAND = "stop a command, and continue it"
    TERM_WORKER = "terminate a worker"
    TERM_SUPERVISOR = "terminate a supervisor"
    TERM_TWICE = "terminate a supervisor twice"
    ENQUEUE = "enqueue"
    CANCEL = "cancel"
    RETRY = "retry"
    DLQ_RETRY = "dlq retry"
    LIST = "list"
    STATUS = "status"
    WORKER_STOP = "worker stop"
    WORKER_STOP_FORCE = "worker stop --force"


WEIGHTS: Mapping[Act, int] = {
    Act.START: 12,
    Act.KILL_WORKER: 30,
    Act.KILL_SUPERVISOR: 3,
    Act.KILL_HOUSE: 3,
    Act.KILL_ALL: 1,
    Act.KILL_COMMAND: 10,
    Act.KILL_TYPED: 8,
    Act.KILL_ENQUEUER: 3,
    Act.STOP_WORKER: 14,
    Act.STOP_SUPERVISOR: 3,
    Act.STOP_COMMAND: 4,
    Act.TERM_WORKER: 3,
    Act.TERM_SUPERVISOR: 1,
    Act.TERM_TWICE: 1,
    Act.ENQUEUE: 4,
    Act.CANCEL: 14,
    Act.RETRY: 6,
    Act.DLQ_RETRY: 4,
    Act.LIST: 3,
    Act.STATUS: 3,
    Act.WORKER_STOP: 1,
    Act.WORKER_STOP_FORCE: 1,
}
"""How often each comes beside the others."""

LONG_STOP = 0.15
"""The share of stops that last longer than a lease."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is done `at` so many seconds after the beginning.

    `draw`, from 0 to 1, picks whom it hits among those that are there; `span` is for how many seconds somebody is
    stopped, or after how many somebody is killed.
    """

    at: float
    act: Act
    draw: float
    span: float

    def pick(self, count: int) -> int:
        """Return which of so many is hit."""
        return int(self.draw * count)


def schedule(seed: int, seconds: float, *, rate: float, lease: float) -> list[Action]:
    """Return the actions of a storm that lasts so long, `rate` of them a second on the average."""
    random = Random(f"schedule {seed}")
    at = 0.0
    actions = []
    while (at := at + random.expovariate(rate)) < seconds:
        act = random.choices(tuple(WEIGHTS), weights=tuple(WEIGHTS.values()))[0]
        long = random.random() < LONG_STOP
        span = random.uniform(lease, 4 * lease) if long else random.uniform(0.0, lease / 2)
        actions.append(Action(at, act, random.random(), span))
    return actions
