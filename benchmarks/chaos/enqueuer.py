"""A program that enqueues jobs at its pace, and notes each answer: `python -m benchmarks.chaos.enqueuer …`.

Usage: enqueuer NAME COUNT RATE SEED, with the command of the jobs behind it. It ends when COUNT jobs are acknowledged.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import queuectl
from benchmarks.chaos.journal import Journal, now
from benchmarks.chaos.lines import Acknowledged, Intended
from benchmarks.chaos.work import jobs

LARGEST = 60
"""How many jobs are enqueued in one transaction at most."""


def enqueue(queue: queuectl.Queue, journal: Journal, batch: str, some: Sequence[dict[str, object]]) -> int:
    """Enqueue jobs in one transaction; return how many were acknowledged."""
    ids = tuple(str(job["id"]) for job in some)
    journal.write(Intended(batch=batch, jobs=ids, **now()))
    try:
        queue.enqueue_many(some)
    except queuectl.StorageBusyError:
        return 0
    journal.write(Acknowledged(batch=batch, **now()))
    return len(ids)


def main(name: str, count: int, rate: float, random: Random, command: Sequence[str]) -> None:
    """Enqueue until enough was acknowledged."""
    journal = Journal(Path(os.environ["CHAOS_HISTORY"]) / f"enqueuer-{name}.jsonl")
    began, sent, acknowledged = time.monotonic(), 0, 0
    with queuectl.open() as queue:
        while acknowledged < count:
            size = min(count - acknowledged, random.choice((1, 1, 1, 2, 5, random.randint(2, LARGEST))))
            ids = [f"{name}-{number:06}" for number in range(sent, sent + size)]
            acknowledged += enqueue(queue, journal, f"{name}/{sent}", jobs(random, command, ids))
            sent += size
            time.sleep(max(0.0, began + sent / rate - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Random(sys.argv[4]), sys.argv[5:])
