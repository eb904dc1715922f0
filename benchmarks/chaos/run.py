"""One run of chaos: a house, a storm in it, and the calm after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

import queuectl
from benchmarks.chaos.calm import Calm
from benchmarks.chaos.house import LEASE, House
from benchmarks.chaos.schedule import schedule
from benchmarks.chaos.storm import Storm

ENQUEUERS = 2
ORDERLY_JOBS = 100
LEAST_SUPERVISORS = 2
MOST_JOBS = 3
"""How many times the jobs that were asked for there are at most: a storm may stand still for long meanwhile."""

LEAST_STANDSTILL = 30.0
"""Seconds that the storm waits at least, in all, for somebody to be at work."""

LEAST_PATIENCE = 300.0
"""Seconds that whatever is to end in the calm has at least, and some more for many jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how much, and from which seed. `rate` is how many actions there are a second."""

    seed: int
    seconds: float
    jobs: int
    rate: float = 5.0
    storage: Path | None = None


def run(folder: Path, plan: Plan) -> Path:
    """Run it all, and return the folder of the history; whatever happens, nothing is left running.

    To be called in a process of its own, which moves into the house.
    """
    house = House(folder, plan.storage)
    try:
        house.move_in()
        with queuectl.open() as queue:
            _run(house, queue, plan)
    finally:
        house.clear()
    return house.history


def _run(house: House, queue: queuectl.Queue, plan: Plan) -> None:
    actions = schedule(plan.seed, plan.seconds, rate=plan.rate, lease=LEASE)
    patience = max(LEAST_STANDSTILL, plan.seconds)
    Storm(house, queue, actions, plan.seed, patience=patience).blow(_keeper(house, queue, plan))
    calm = Calm(house, queue, LEAST_PATIENCE + plan.jobs / 30)
    calm.settle(plan.jobs)
    calm.run_in_order(Random(f"order {plan.seed}"), ORDERLY_JOBS)
    calm.write_down()


def _keeper(house: House, queue: queuectl.Queue, plan: Plan) -> Callable[[], None]:
    """Return what is to be called now and then, to have somebody in the place of those that were killed."""
    numbers = count(1)
    jobs, rate = plan.jobs // ENQUEUERS, plan.jobs / plan.seconds / ENQUEUERS

    def keep() -> None:
        while len(house.enqueuers) < ENQUEUERS and sum(queue.totals().values()) < MOST_JOBS * plan.jobs:
            number = next(numbers)
            house.enqueue(f"e{number}", jobs, rate, f"{plan.seed} {number}")
        while len(house.supervisors) < LEAST_SUPERVISORS:
            house.start("--count", "2", "--concurrency", "2")

    return keep
