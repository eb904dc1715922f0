"""Idleness: what workers and their supervisor cost that have nothing to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.place import Place
from benchmarks.speed.contest import Budget, Contender, Contest, Shared

SETTLED = 3.0
"""Seconds after its start from which on a worker has nothing left to do but to wait."""

LOOKED_AT = 10.0
"""Seconds for which the use of the processor is added up."""

SEVERAL = 8

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """What processes cost: MiB of memory, per cent of a processor, and how often a second they woke up."""

    memory: float
    processor: float
    wakes: float


@dataclass(frozen=True)
class Idle:
    """What was measured at one time: one worker and its supervisor, and several with theirs."""

    worker: Cost
    supervisor: Cost
    several: Cost


def contests() -> list[Contest]:
    """Return the contests: memory, the processor, and waking up."""
    measured = Shared(_idle)
    return [
        _contest("idle: memory", "MiB", measured, lambda cost: cost.memory, 40.0),
        _contest("idle: use of a processor", "%", measured, lambda cost: cost.processor, 0.5),
        _contest("idle: how often it wakes up", "1/s", measured, lambda cost: cost.wakes, 20.0),
    ]


def _contest(title: str, unit: str, measured: Shared[Idle], look: Callable[[Cost], float], budget: float) -> Contest:
    return Contest(
        title=title,
        unit=unit,
        contenders=[
            Contender("a worker", measured.seen_as(lambda idle: look(idle.worker))),
            Contender("its supervisor", measured.seen_as(lambda idle: look(idle.supervisor))),
            Contender(f"{SEVERAL} workers, together", measured.seen_as(lambda idle: look(idle.several))),
            Contender(f"{budget:g} {unit}", lambda folder: budget),
        ],
        budget=Budget(f"{budget:g} {unit}", 1.0, at_most=True),
        more_is_better=False,
    )


def _idle(folder: Path) -> Idle:
    """Let workers run a job and idle, in two places at once, and look at them."""
    one, several = Place(folder / "one"), Place(folder / "several")
    with closing(one), closing(several):
        for place, count in ((one, 1), (several, SEVERAL)):
            place.root.mkdir()
            place.enqueue(job="true")
            place.start("--count", str(count))
            place.wait("job")
        time.sleep(SETTLED)
        (worker,) = _workers(one)
        groups = [[worker], [one.started[0].pid], _workers(several)]
        return Idle(*costs(groups, LOOKED_AT))


def _workers(place: Place) -> list[int]:
    return [worker.pid for worker in place.workers()]


def costs(groups: Sequence[Sequence[int]], seconds: float) -> list[Cost]:
    """Look at groups of processes at the same time, for so long, and return what each group costs."""
    before, began = [_used(group) for group in groups], time.monotonic()
    time.sleep(seconds)
    after, taken = [_used(group) for group in groups], time.monotonic() - began
    return [
        Cost(memory=_memory(group), processor=(spent - had) / taken * 100, wakes=(woke - had_woken) / taken)
        for group, (had, had_woken), (spent, woke) in zip(groups, before, after, strict=True)
    ]


def _memory(pids: Sequence[int]) -> float:
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * _PAGE / 2**20


def _used(pids: Sequence[int]) -> tuple[float, int]:
    """Return for how many seconds all threads have run, and how often they stopped to wait."""
    threads = [thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir()]
    seconds = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    return seconds, sum(_waits(thread) for thread in threads)


def _waits(thread: Path) -> int:
    lines = (thread / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
