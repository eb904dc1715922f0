"""Processes that enqueue and processes that claim and settle, all in one store: who waits for how long, who gets most.

No command is run, so that nothing but the store stands between them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.speed.depth import settlement
from queuectl import Ask, Claim, NewJob, NewWorker
from queuectl_sqlite.storage import SqliteStorage

CROWDS = ((1, 1), (2, 2), (4, 4), (16, 16))
"""How many enqueue and how many claim."""

BATCH = 16
BACKLOG = 20_000


def measured(folder: Path, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield the figures of each crowd, of those who enqueue and of those who claim."""
    for enqueuers, claimers in CROWDS:
        place = folder / f"{enqueuers}-{claimers}.db"
        with closing(SqliteStorage(place)) as storage:
            storage.enqueue([_job(f"before-{number}") for number in range(BACKLOG)])
        told = _crowd(place, ["enqueue"] * enqueuers + ["claim"] * claimers, seconds)
        for what, group in (("enqueue", told[:enqueuers]), ("claim and settle", told[enqueuers:])):
            yield {"processes": f"{enqueuers}+{claimers}", "what": what, **_summary(group, seconds)}


def _crowd(place: Path, parts: Sequence[str], seconds: float) -> list[list[float]]:
    """Let each part be a process, all begin at one moment, and return how long each of its calls took."""
    start = time.monotonic() + 2.0 + 0.1 * len(parts)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.many.writers", part, str(place), str(number), str(start), str(seconds)],
            stdout=subprocess.PIPE,
        )
        for number, part in enumerate(parts)
    ]
    return [json.loads(process.communicate()[0]) for process in processes]


def _summary(group: Sequence[Sequence[float]], seconds: float) -> dict[str, Any]:
    taken = sorted(one for calls in group for one in calls)
    return {
        "calls/s": len(taken) / seconds,
        "ms: half": taken[len(taken) // 2] * 1000,
        "99 of 100": taken[len(taken) * 99 // 100] * 1000,
        "slowest": taken[-1] * 1000,
        "fewest of one": min(map(len, group)),
        "most of one": max(map(len, group)),
    }


def _part() -> None:
    what, place, name, start, seconds = sys.argv[1:]
    with closing(SqliteStorage(Path(place))) as storage:
        step = _enqueuing(storage, name) if what == "enqueue" else _claiming(storage, name)
        time.sleep(max(0.0, float(start) - time.monotonic()))
        end = time.monotonic() + float(seconds)
        taken = []
        while (began := time.monotonic()) < end:
            if step():
                taken.append(time.monotonic() - began)
            else:
                storage.wait(0.1)
    print(json.dumps(taken))


def _enqueuing(storage: SqliteStorage, name: str) -> Callable[[], bool]:
    numbers = count()
    return lambda: bool(storage.enqueue([_job(f"{name}-{next(numbers)}")]))


def _claiming(storage: SqliteStorage, name: str) -> Callable[[], bool]:
    """Return what settles what it claimed last and claims anew, and whether it had anything to do."""
    storage.register(NewWorker(id=name, host="host", pid=1))
    claims: Sequence[Claim] = ()

    def step() -> bool:
        nonlocal claims
        settled = [settlement(claim) for claim in claims]
        claims = storage.exchange(name, settled, Ask(limit=BATCH)).claims
        return bool(settled or claims)

    return step


def _job(id: str) -> NewJob:
    return NewJob(id=id, command=("true",))


if __name__ == "__main__":
    _part()
