"""How long each page of the dashboard takes with many jobs, asked of the real program over HTTP.

    python benchmarks/dashboard.py [--jobs 1000000] [--dsn postgresql://localhost/empty]

Fills a store in a temporary directory, or an empty database, with jobs of all states, ended over thirty days, and
prints for each page the median and the slowest of the answers, while jobs keep coming, so that nothing which a page
shows stays as it was; then what open tabs cost while nothing changes, and how soon all of them hear of a change.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from queuectl import Ask, Claim, NewJob, NewWorker, Outcome, Output, Queue, Result, Run, Settlement, Storage, Verdict
from queuectl.config import load_config

PAGES = {
    "overview": "/",
    "overview, 24 hours": "/?range=24h",
    "overview, 7 days": "/?range=7d",
    "jobs": "/jobs",
    "jobs, dead": "/jobs?state=dead",
    "jobs, of a queue": "/jobs?queue=mail",
    "jobs, of a tag": "/jobs?tag=rare",
    "jobs, text that is common": "/jobs?text=send-mail",
    "jobs, text that is rare": "/jobs?text=user777777@",
    "jobs, text of no job": "/jobs?text=nowhere",
    "jobs, text of no dead job": "/jobs?state=dead&text=nowhere",
    "jobs, an id": "/jobs?text=j0500000",
    "a job": "/job?id=j0500000",
    "queues": "/queues",
    "workers": "/workers",
    "dead letters": "/dlq",
    "events": "/events",
    "configuration": "/config",
    "plugins": "/plugins",
    "metrics": "/metrics",
    "API, a page of 50": "/api/v1/jobs",
}

REASONS = ("connection refused: smtp.example.org:587", "no space left on device", None)
BATCH = 5_000
PAUSE = 0.1
"""Seconds between two questions, in which what was remembered for one grows old for the next."""

TABS = 50
DAYS = 30


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def fill(environment: dict[str, str], jobs: int) -> None:
    """Store jobs: nine of ten completed, some dead, and a tenth that waits."""
    config = load_config(environ=environment)
    clock, choice = Clock(time.time() - DAYS * 86_400), config.storage
    assert choice.found.provider.create is not None
    storage: Storage = choice.found.provider.create(choice.settings, replace(config.context(), clock=clock))
    storage.register(NewWorker(id="w", host="here", pid=1, concurrency=8, lease=10.0**9))
    chance = random.Random(1)
    for start in range(0, jobs, BATCH):
        clock.now += DAYS * 86_400 / (jobs / BATCH + 1)
        numbers = range(start, min(start + BATCH, jobs))
        storage.enqueue([_job(number, chance) for number in numbers])
        claims = storage.exchange("w", [], Ask(limit=len(numbers) * 9 // 10)).claims
        settled = [_ended(claim, chance) for claim in claims]
        storage.exchange("w", settled, None)
        print(f"\r{numbers[-1] + 1:,} jobs", end="", file=sys.stderr)
    print(file=sys.stderr)
    storage.close()


def _job(number: int, chance: random.Random) -> NewJob:
    queue = chance.choice(("default", "mail", "mail", "thumbnails", "reports"))
    command = f"send-mail --to user{number}@example.org" if queue == "mail" else f"convert upload-{number}.png"
    tags = ("rare",) if number % 10_000 == 7 else ()
    return NewJob(id=f"j{number:07d}", command=command, queue=queue, tags=tags, cwd="/srv/app")


def _ended(claim: Claim, chance: random.Random) -> Settlement:
    took = chance.lognormvariate(0, 1)
    dead = chance.random() < 0.02
    outcome = Outcome(exit_code=1, error=chance.choice(REASONS)) if dead else Outcome(exit_code=0)
    run = Run(
        number=claim.number,
        result=Result.FAILED if dead else Result.COMPLETED,
        outcome=outcome,
        started_ago=took,
        ended_ago=0.0,
        output=Output(tail=b"done\n", size=5),
    )
    verdict = Verdict.DEAD if dead else Verdict.COMPLETED
    return Settlement(lease=claim.lease, verdict=verdict, run=run, charge=dead)


@contextmanager
def changing(environment: dict[str, str]) -> Iterator[None]:
    """Have a job come twenty times a second."""
    over = threading.Event()

    def go_on() -> None:
        with Queue(load_config(environ=environment)) as queue:
            while not over.wait(0.05):
                queue.enqueue("true", queue="incoming")

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """Start the program; yield it with its port and its token, as soon as it is ready for a person."""
    call = [sys.executable, "-m", "queuectl", "dashboard", "-q", "--port", "0"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, env=os.environ | environment, text=True) as process:
        try:
            assert process.stdout is not None
            address, _, token = process.stdout.readline().strip().partition("/#token=")
            time.sleep(1.0)  # the fastest person needs as long to open it
            yield process, int(address.rpartition(":")[2]), token
        finally:
            process.terminate()


def measure(port: int, token: str, path: str, times: int) -> list[float]:
    """Ask for a page again and again over one connection; return the seconds that each answer took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        connection.request("GET", path, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - begun)
        assert answer.status in {200, 303}, (path, answer.status)
        time.sleep(PAUSE)
    connection.close()
    return taken


def cost_of_tabs(
    process: subprocess.Popen[str], port: int, token: str, environment: dict[str, str], seconds: float = 5.0
) -> tuple[float, float]:
    """Return the part of a core that open tabs cost while nothing changes, and how soon all hear of a change."""
    tabs = []
    for _ in range(TABS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/stream", headers={"authorization": f"Bearer {token}"})
        tabs.append((connection, connection.getresponse()))
    for _, stream in tabs:
        stream.readline()
    time.sleep(2.0)  # what came before is told
    before = _cpu(process.pid)
    time.sleep(seconds)
    used = (_cpu(process.pid) - before) / seconds
    with Queue(load_config(environ=environment)) as queue:
        queue.totals()
        known = _watched(port, token)
        begun = time.perf_counter()
        queue.enqueue("true")
        for _, stream in tabs:
            _hear_of(stream, known + 1)
    told = time.perf_counter() - begun
    for connection, _ in tabs:
        connection.close()
    return used, told


def _watched(port: int, token: str) -> int:
    """Return how many changes the server has seen."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/keys", headers={"authorization": f"Bearer {token}"})
    found = re.search(rb'data-watched="(\d+)"', connection.getresponse().read())
    connection.close()
    assert found is not None
    return int(found[1])


def _hear_of(stream: http.client.HTTPResponse, version: int) -> None:
    while line := stream.readline():
        if line.startswith(b"data: ") and json.loads(line[6:])["version"] >= version:
            return
    raise AssertionError("the stream has ended")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Fill, serve, ask, print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=1_000_000)
    options.add_argument("--times", type=int, default=15)
    options.add_argument("--dsn", help="an empty PostgreSQL database, in the place of SQLite")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {"QUEUECTL_HOME": folder}
        if given.dsn:
            environment |= {"QUEUECTL_STORAGE__PLUGIN": "postgres", "QUEUECTL_STORAGE__DSN": given.dsn}
        fill(environment, given.jobs)
        with serving(environment) as (process, port, token):
            with changing(environment):
                for name, path in PAGES.items():
                    taken = measure(port, token, path.replace("j0500000", f"j{given.jobs // 2:07d}"), given.times)
                    print(f"{name:28} {statistics.median(taken) * 1000:7.1f} ms  {max(taken) * 1000:8.1f} ms at most")
            if Path("/proc/self/stat").exists():
                used, told = cost_of_tabs(process, port, token, environment)
                print(f"{f'{TABS} open tabs':28} {used:7.2%} of a core, all of them told after {told * 1000:.0f} ms")


if __name__ == "__main__":
    main()
