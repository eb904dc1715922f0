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
    STOP_ENQUEUER = "stop an enqueuer, and continue it"
    TERM_WORKER = "terminate a worker"
    TERM_SUPERVISOR = "terminate a supervisor"
    TERM_TWICE = "terminate a supervisor twice"
    TERM_THRICE = "terminate a supervisor three times"
    TERM_COMMAND = "terminate a command"
    TERM_ENQUEUER = "terminate an enqueuer"
    ENQUEUE = "enqueue"
    CANCEL = "cancel"
    RETRY = "retry"
    DLQ_RETRY = "dlq retry"
    LIST = "list"
    STATUS = "status"
    WORKER_STOP = "worker stop"
    WORKER_STOP_FORCE = "worker stop --force"


WEIGHTS: Mapping[Act, int] = {
    Act.START: 30,
    Act.KILL_WORKER: 120,
    Act.KILL_SUPERVISOR: 10,
    Act.KILL_HOUSE: 8,
    Act.KILL_ALL: 2,
    Act.KILL_COMMAND: 40,
    Act.KILL_TYPED: 24,
    Act.KILL_ENQUEUER: 8,
    Act.STOP_WORKER: 60,
    Act.STOP_SUPERVISOR: 8,
    Act.STOP_COMMAND: 16,
    Act.STOP_ENQUEUER: 8,
    Act.TERM_WORKER: 10,
    Act.TERM_SUPERVISOR: 4,
    Act.TERM_TWICE: 4,
    Act.TERM_THRICE: 4,
    Act.TERM_COMMAND: 8,
    Act.TERM_ENQUEUER: 4,
    Act.ENQUEUE: 12,
    Act.CANCEL: 40,
    Act.RETRY: 16,
    Act.DLQ_RETRY: 12,
    Act.LIST: 6,
    Act.STATUS: 6,
    Act.WORKER_STOP: 2,
    Act.WORKER_STOP_FORCE: 2,
}
"""How often each comes beside the others."""

LONG_STOP = 0.25
"""The share of stops that last longer than a lease."""

LONGEST_STOP = 10
"""How many leases a stop lasts at most: who was silent is looked at twice before it is taken for dead."""


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
        span = random.uniform(lease, LONGEST_STOP * lease) if long else random.uniform(0.0, lease / 2)
        actions.append(Action(at, act, random.random(), span))
    return actions
