"""Idleness: what a worker costs that has nothing to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.place import Place
from benchmarks.speed.contest import Budget, Contender, Contest

SETTLED = 3.0
"""Seconds after its start from which on a worker has nothing left to do but to wait."""

LOOKED_AT = 10.0
"""Seconds for which its use of the processor is added up."""

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def contests() -> list[Contest]:
    """Return the contests: memory, and the processor."""
    return [
        _contest("an idle worker's memory", "MiB", _memory, 40.0),
        _contest("an idle worker's use of a processor", "%", _processor, 0.5),
    ]


def _contest(title: str, unit: str, look: Callable[[int], float], budget: float) -> Contest:
    return Contest(
        title=title,
        unit=unit,
        contenders=[
            Contender("queuectl", lambda folder: _idle(folder, look)),
            Contender(f"{budget:g} {unit}", lambda folder: budget),
        ],
        budget=Budget(f"{budget:g} {unit}", 1.0, at_most=True),
        more_is_better=False,
    )


def _idle(folder: Path, look: Callable[[int], float]) -> float:
    """Let a worker run one job and idle, and look at it."""
    place = Place(folder)
    try:
        place.enqueue(job="true")
        place.start()
        place.wait("job")
        (worker,) = (each.pid for each in place.workers())
        time.sleep(SETTLED)
        return look(worker)
    finally:
        place.close()


def _memory(pid: int) -> float:
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return resident * _PAGE / 2**20


def _processor(pid: int) -> float:
    before, began = _ticks(pid), time.monotonic()
    time.sleep(LOOKED_AT)
    return (_ticks(pid) - before) / _TICK / (time.monotonic() - began) * 100


def _ticks(pid: int) -> int:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)
