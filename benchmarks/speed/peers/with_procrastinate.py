"""Procrastinate does what is measured: with_procrastinate.py DSN MARKS PROGRAM WHAT JOBS [WAITING [WORKERS]].

WHAT is `enqueue`, `nothing`, `program` or `pickup`. MARKS gets the time at which each task ended, or the program began.
More workers than two are started, and wait, before there are any jobs.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

from procrastinate import App, PsycopgConnector

DSN, MARKS, PROGRAM, WHAT = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
BULK = 5000
FEW = 2

app = App(connector=PsycopgConnector(conninfo=DSN))


def mark() -> None:
    """Note when a task has ended."""
    with MARKS.open("ab", buffering=0) as marks:
        marks.write(time.monotonic_ns().to_bytes(8, sys.byteorder))


@app.task(name="nothing")
async def nothing() -> None:
    """Do nothing."""
    mark()


@app.task(name="program")
def program() -> None:
    """Run a program."""
    subprocess.run([PROGRAM], check=True)
    mark()


@app.task(name="pickup")
def pickup() -> None:
    """Run a program that notes when it began."""
    subprocess.run([PROGRAM, str(MARKS)], check=True)


async def work() -> None:
    """Be a worker, which does one task at a time."""
    async with app.open_async():
        await app.run_worker_async(concurrency=1, install_signal_handlers=False)


async def measure(jobs: int, waiting: int = 0, workers: int = 2) -> None:
    """Store jobs, start workers, and return when these have done so many."""
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        started = [_worker() for _ in range(workers)] if workers > FEW else []
        if started:
            await _until_connected(workers)
        task = {"program": program, "pickup": pickup}.get(WHAT, nothing)
        if WHAT != "pickup":
            began = time.perf_counter()
            for stored in range(0, jobs + waiting, BULK):
                await task.batch_defer_async(*[{}] * min(BULK, jobs + waiting - stored))
            print(json.dumps((jobs + waiting) / (time.perf_counter() - began)))
            if WHAT == "enqueue":
                return
            await app.connector.execute_query_async("ANALYZE")
        started = started or [_worker() for _ in range(1 if WHAT == "pickup" else workers)]
        try:
            if WHAT == "pickup":
                await asyncio.sleep(2)  # there is no telling when it listens
                print(json.dumps([await _picked_up(number) for number in range(1, jobs + 1)]))
            else:
                await _until_marked(jobs)
        finally:
            for worker in started:
                worker.kill()
                worker.wait()


async def _until_connected(workers: int) -> None:
    count = "SELECT count(*) AS workers FROM procrastinate_workers"
    while (await app.connector.execute_query_one_async(count))["workers"] < workers:  # noqa: ASYNC110  # other processes connect
        await asyncio.sleep(0.2)
    await asyncio.sleep(5)


def _worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *sys.argv[:4], "work"])


async def _picked_up(number: int) -> float:
    await pickup.defer_async()
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
