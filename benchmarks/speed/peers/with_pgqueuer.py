"""pgqueuer does what is measured: with_pgqueuer.py DSN MARKS PROGRAM WHAT JOBS [WAITING [WORKERS]].

WHAT is `enqueue`, `nothing`, `program` or `pickup`. MARKS gets the time at which each task ended, or the program began.
More workers than two are started, and wait, before there are any jobs.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import asyncpg
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries

DSN, MARKS, PROGRAM, WHAT = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
BULK = 5000
FEW = 2


async def work() -> None:
    """Be a worker, which does one task at a time."""
    worker = PgQueuer(AsyncpgDriver(await asyncpg.connect(DSN)))
    marks = os.open(MARKS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def mark() -> None:
        os.write(marks, time.monotonic_ns().to_bytes(8, sys.byteorder))

    @worker.entrypoint("nothing")
    async def nothing(job: Job) -> None:
        mark()

    @worker.entrypoint("program")
    async def program(job: Job) -> None:
        await asyncio.to_thread(subprocess.run, [PROGRAM], check=True)
        mark()

    @worker.entrypoint("pickup")
    async def pickup(job: Job) -> None:
        await asyncio.to_thread(subprocess.run, [PROGRAM, str(MARKS)], check=True)

    await worker.run(batch_size=10, dequeue_timeout=timedelta(seconds=30))


async def measure(jobs: int, waiting: int = 0, workers: int = 2) -> None:
    """Store jobs, start workers, and return when these have done so many."""
    connection = await asyncpg.connect(DSN)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    name = "nothing" if WHAT == "enqueue" else WHAT
    started = [_worker() for _ in range(workers)] if workers > FEW else []
    if started:
        await _until_connected(connection, workers)
    if WHAT != "pickup":
        began = time.perf_counter()
        for stored in range(0, jobs + waiting, BULK):
            size = min(BULK, jobs + waiting - stored)
            await queries.enqueue([name] * size, [b""] * size, [0] * size)
        print(json.dumps((jobs + waiting) / (time.perf_counter() - began)))
        if WHAT == "enqueue":
            return
        await connection.execute("ANALYZE")
    started = started or [_worker() for _ in range(1 if WHAT == "pickup" else workers)]
    try:
        if WHAT == "pickup":
            await asyncio.sleep(2)  # there is no telling when it listens
            print(json.dumps([await _picked_up(queries, number) for number in range(1, jobs + 1)]))
        else:
            await _until_marked(jobs)
    finally:
        for worker in started:
            worker.kill()
            worker.wait()


async def _until_connected(connection: asyncpg.Connection, workers: int) -> None:
    count = "SELECT count(DISTINCT client_port) FROM pg_stat_activity WHERE datname = current_database()"
    while await connection.fetchval(count) <= workers:  # noqa: ASYNC110  # other processes connect
        await asyncio.sleep(0.2)
    await asyncio.sleep(5)


def _worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *sys.argv[:4], "work"])


async def _picked_up(queries: Queries, number: int) -> float:
    await queries.enqueue("pickup", b"")
    answered = time.monotonic()
    await _until_marked(number)
    await asyncio.sleep(0.02)
    return answered


def _marked() -> int:
    return MARKS.stat().st_size // 8 if MARKS.exists() else 0


async def _until_marked(jobs: int) -> None:
    while _marked() < jobs:  # noqa: ASYNC110  # other processes mark
        await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(work() if WHAT == "work" else measure(*map(int, sys.argv[5:])))
