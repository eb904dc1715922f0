"""One worker that runs very many jobs at once, all of which sleep: memory, threads and the processor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.place import Place
from benchmarks.speed.idle import costs
from queuectl import State

ALL = (1, 10, 100, 1000)
SLEEP = 600
LOOKED_AT = 10.0


def measured(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures for ever more jobs at once."""
    for jobs in ALL:
        place = folder / str(jobs)
        place.mkdir()
        with closing(Place(place)) as at:
            yield _of(at, jobs)


def _of(place: Place, jobs: int) -> dict[str, Any]:
    with place.open() as queue:
        queue.enqueue_many([{"command": ["sleep", str(SLEEP)], "cwd": str(place.root)}] * jobs)
        began = time.monotonic()
        place.begin("worker", "start", "--concurrency", str(jobs))
        place.until(lambda: _started(place) == jobs)
        taken = time.monotonic() - began
    (worker,) = place.workers()
    time.sleep(2.0)
    (cost,) = costs([[worker.pid]], LOOKED_AT)
    threads = len(list(Path(f"/proc/{worker.pid}/task").iterdir()))
    return {
        "at once": jobs,
        "s until all run": taken,
        "MiB": cost.memory,
        "threads": threads,
        "% of a processor": cost.processor,
        "wakes/s": cost.wakes,
    }


def _started(place: Place) -> int:
    counts = place.queue.counts().get("default", {})
    if counts.get(State.PROCESSING, 0) == 0:
        return 0
    return sum(job.started_at is not None for job in place.queue.list(state=State.PROCESSING))
