"""From one worker to very many on the same processors: what more of them bring, and what they cost."""

from __future__ import annotations

import json
import resource
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.speed.programs import QUEUECTL, TRUE, rate, run


def measured(folder: Path, jobs: int, most: int) -> Iterator[dict[str, Any]]:
    """Yield the figures for 1, 2, 4 and so on up to `most` workers, each with a store of its own."""
    count = 1
    while count <= most:
        place = folder / str(count)
        place.mkdir()
        yield _of(place, count, jobs)
        count *= 2


def _of(folder: Path, count: int, jobs: int) -> dict[str, Any]:
    start = (*QUEUECTL, "worker", "start", "--count", str(count), "--drain")
    lines = json.dumps({"command": [TRUE]}) + "\n"
    run(folder, *QUEUECTL, "enqueue", "--quiet", TRUE)
    to_begin = _used(folder, *start)
    run(folder, *QUEUECTL, "enqueue", "--quiet", "-", text=lines * jobs)
    used = _used(folder, *start) - to_begin
    done = json.loads(run(folder, *QUEUECTL, "list", "--json", "--limit", str(jobs)))
    assert all(job["state"] == "completed" for job in done)
    shares = Counter(job["worker"] for job in done)
    return {
        "workers": count,
        "jobs/s": rate(sorted(datetime.fromisoformat(job["finished_at"]).timestamp() for job in done)),
        "processor s to start and stop": to_begin,
        "ms a job besides": used * 1000 / jobs,
        "worked": len(shares),
        "most of one": max(shares.values()),
    }


def _used(folder: Path, *words: str) -> float:
    """Run a program to its end, and return how many seconds of a processor it and all that it started took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(folder, *words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
