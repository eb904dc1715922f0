"""Honker does what is measured: with_honker.py JOBS PROGRAM MARKS, or with_honker.py wait PROGRAM MARKS.

Two processes claim in batches and run a program; or one waits for jobs, and runs a program that notes when it began.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import honker

WHAT, PROGRAM, MARKS = sys.argv[1], sys.argv[2], Path(sys.argv[3])
STORE = str(MARKS.with_name("honker.db"))
BATCH = 32


def work(worker: str) -> None:
    """Claim and run jobs until there is none."""
    queue = honker.open(STORE).queue("jobs")
    with MARKS.open("ab", buffering=0) as marks:
        while jobs := queue.claim_batch(worker, BATCH):
            for _ in jobs:
                subprocess.run([PROGRAM], check=True)
                marks.write(time.monotonic_ns().to_bytes(8, sys.byteorder))
            queue.ack_batch([job.id for job in jobs], worker)


async def wait() -> None:
    """Run each job as it comes."""
    async for job in honker.open(STORE).queue("jobs").claim("waiting"):
        subprocess.run([PROGRAM, str(MARKS)], check=True)  # noqa: ASYNC221  # one job at a time
        job.ack()


def main() -> None:
    """Store all jobs, then work in two processes."""
    database = honker.open(STORE)
    queue = database.queue("jobs")
    with database.transaction() as transaction:
        for number in range(int(WHAT)):
            queue.enqueue(number, tx=transaction)
    workers = [subprocess.Popen([sys.executable, __file__, f"work-{name}", *sys.argv[2:]]) for name in "ab"]
    for worker in workers:
        worker.wait()


if __name__ == "__main__":
    if WHAT == "wait":
        asyncio.run(wait())
    elif WHAT.startswith("work-"):
        work(WHAT)
    else:
        main()
        os._exit(0)
