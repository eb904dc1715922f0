"""Leaks: whether a worker that runs very many jobs holds more and more of anything."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.place import Place, until
from queuectl import State

LOG_BOUND = 64 * 2**20
"""Bytes beyond which the log of the store is made to start anew."""

RATIO = 1.1
"""How much more memory a worker may hold in the last quarter than in the second."""

SLACK = 3.0
"""How many more descriptors, threads or files there may be on average: some jobs are always under way."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """What a worker holds when so many jobs are done. Memory is in bytes, `log` is the length of the store's `-wal`."""

    done: int
    memory: int
    descriptors: int
    threads: int
    zombies: int
    run: int
    logs: int
    temporary: int
    log: int


COUNTED = ("descriptors", "threads", "zombies", "run", "logs", "temporary")


def watch(place: Place, *, jobs: int, concurrency: int, samples: int, distinct: bool = False) -> Sequence[Sample]:
    """Let one worker run jobs, and look at it so many times meanwhile, and once more when it is idle.

    With `distinct` each job has options of its own.
    """
    temporary = place.root / "tmp"
    temporary.mkdir()
    _enqueue(place, jobs, distinct=distinct)
    supervisor = place.start("--concurrency", str(concurrency))
    (worker,) = (each.pid for each in place.workers())
    with place.open() as queue:

        def done() -> int:
            return queue.totals().get(State.COMPLETED, 0)

        found = [_sample(place, supervisor.pid, worker, done())]
        while found[-1].done < jobs:
            _await(done, min(jobs, found[-1].done + jobs // samples))
            found.append(_sample(place, supervisor.pid, worker, done()))
    until(lambda: _sample(place, supervisor.pid, worker, jobs).logs == 0)
    found.append(_sample(place, supervisor.pid, worker, jobs))
    return found


def _enqueue(place: Place, jobs: int, *, distinct: bool) -> None:
    with place.open() as queue:
        options: list[dict[str, Any]] = [{"kill_after": 1 + number} if distinct else {} for number in range(jobs)]
        queue.enqueue_many([{"command": ["/bin/true"], "cwd": str(place.root), "options": each} for each in options])


def _await(done: Any, count: int) -> None:
    while done() < count:
        time.sleep(0.01)


def _sample(place: Place, supervisor: int, worker: int, done: int) -> Sample:
    process = Path(f"/proc/{worker}")
    log = place.home / "jobs.db-wal"
    return Sample(
        done=done,
        memory=int((process / "statm").read_text().split()[1]) * _PAGE,
        descriptors=len(os.listdir(process / "fd")),
        threads=len(os.listdir(process / "task")),
        zombies=sum(1 for parent in _zombies() if parent in {supervisor, worker}),
        run=len(os.listdir(place.home / "run")),
        logs=len(os.listdir(place.home / "logs")),
        temporary=len(os.listdir(place.root / "tmp")) + len(os.listdir(place.home)),
        log=log.stat().st_size if log.exists() else 0,
    )


def _zombies() -> Iterator[int]:
    """Yield the parent of each process that has exited and was not collected."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
                if state == "Z":
                    yield int(parent)


def complaints(samples: Sequence[Sample]) -> Iterator[str]:
    """Yield what grows, from the second quarter of the jobs to the last, or is left over in the end."""
    *busy, idle = samples
    jobs = idle.done
    last = [sample for sample in busy if jobs * 3 / 4 <= sample.done <= jobs]
    middle = [sample for sample in busy if jobs / 4 <= sample.done < jobs * 3 / 4] or last  # all of it may be missed
    second = [sample for sample in middle if sample.done < jobs / 2] or middle
    before, after = _mean(second, "memory"), _mean(last, "memory")
    if after > RATIO * before:
        yield f"memory grows: {before / 2**20:.1f} MiB, then {after / 2**20:.1f} MiB"
    for name in COUNTED:
        before, after = _mean(second, name), _mean(last, name)
        if after > before + SLACK:
            yield f"{name} grow: {before:.1f}, then {after:.1f}"
    longest = max(sample.log for sample in samples)
    if longest > LOG_BOUND:
        yield f"the log of the store had {longest / 2**20:.1f} MiB"
    if (idle.zombies, idle.logs, idle.run) != (0, 0, 2):
        yield f"left over: {idle.zombies} zombies, {idle.logs} outputs, {idle.run} ledgers"


def _mean(samples: Sequence[Sample], name: str) -> float:
    return statistics.fmean(getattr(sample, name) for sample in samples)


def table(samples: Sequence[Sample], rows: int = 12) -> Iterator[str]:
    """Yield the lines that tell of some of the samples."""
    names = [field.name for field in fields(Sample)]
    yield " ".join(f"{name:>11}" for name in names)
    step = max(1, len(samples) // rows)
    for sample in [*samples[:-1:step], samples[-1]]:
        yield " ".join(f"{getattr(sample, name):>11}" for name in names)
