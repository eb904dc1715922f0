"""What queuectl does in each row, with workers of the real program."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

import queuectl
from benchmarks.speed.programs import QUEUECTL, TRUE, compiled, environment, rate, stamps
from queuectl import Queue, State

BULK = 5000
PLUGIN = """
from dataclasses import dataclass
from queuectl import Outcome, Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Nothing:
    def execute(self, job, context):
        return Outcome(exit_code=0)

@hookimpl
def queuectl_executors():
    yield Provider("nothing", Nothing)
"""
CONFIGURATION = "storage: {{plugin: postgres, dsn: '{dsn}'}}\nexecutor: {{plugin: {executor}}}\nnotifications: []\n"


def enqueue(folder: Path, dsn: str, jobs: int) -> float:
    """Return how many jobs a second a program stores in bulk."""
    with _queue(dsn) as queue:
        queue.counts()  # the others have made their tables before, too
        began = time.perf_counter()
        _fill(queue, jobs)
        return jobs / (time.perf_counter() - began)


def work(folder: Path, dsn: str, jobs: int, *, executor: str, waiting: int = 0) -> float:
    """Return how many jobs a second two workers do, with so many more that wait."""
    with _queue(dsn) as queue:
        _fill(queue, jobs + waiting)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("ANALYZE")
            with _workers(folder, dsn, 2, executor):
                while queue.storage.counts()["default"].get(State.COMPLETED, 0) < jobs:
                    time.sleep(0.02)
            ended = connection.execute("SELECT finished_at FROM queuectl.attempt ORDER BY finished_at").fetchall()
    return rate([row[0] for row in ended[:jobs]])


def crowd(folder: Path, dsn: str, jobs: int, workers: int) -> float:
    """Return how many jobs a second that do nothing many workers do, which wait before there is any; each once."""
    with _queue(dsn) as queue, psycopg.connect(dsn, autocommit=True) as connection:
        with _workers(folder, dsn, workers, "nothing"):
            while len(queue.workers()) < workers:
                time.sleep(0.2)
            time.sleep(5)
            _fill(queue, jobs)
            while queue.storage.counts()["default"].get(State.COMPLETED, 0) < jobs:
                time.sleep(0.1)
        ended = connection.execute("SELECT finished_at FROM queuectl.attempt ORDER BY finished_at").fetchall()
    if len(ended) != jobs:
        raise RuntimeError(f"{jobs} jobs ran {len(ended)} times")
    return rate([row[0] for row in ended])


def pickup(folder: Path, dsn: str, jobs: int) -> list[float]:
    """Return how many milliseconds each job took from its enqueue's answer until its command began, in order."""
    answered: list[float] = []
    marks = folder / "marks"
    with _queue(dsn) as queue, _workers(folder, dsn, 1, "subprocess"):
        for number in range(1, jobs + 1):
            queue.enqueue([str(compiled("stamp")), str(marks)], cwd=str(folder))
            answered.append(time.monotonic())
            while len(stamps(marks)) < number:
                time.sleep(0.002)
            time.sleep(0.02)
    return sorted((there - here) * 1000 for here, there in zip(answered, stamps(marks), strict=True))


def _queue(dsn: str) -> Queue:
    return queuectl.open(overrides=["storage.plugin=postgres", f"storage.dsn={dsn}"])


def _fill(queue: Queue, jobs: int) -> None:
    for stored in range(0, jobs, BULK):
        queue.enqueue_many([{"command": [TRUE]}] * min(BULK, jobs - stored))


@contextmanager
def _workers(folder: Path, dsn: str, count: int, executor: str) -> Iterator[None]:
    """Start workers, and stop them at the end; the plugin that does nothing lies beside them, as if installed."""
    plugins = folder / "plugins"
    (plugins / "nothing-1.dist-info").mkdir(parents=True)
    (plugins / "nothing.py").write_text(PLUGIN)
    (plugins / "nothing-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: nothing\nVersion: 1\n")
    (plugins / "nothing-1.dist-info" / "entry_points.txt").write_text("[queuectl]\nnothing = nothing\n")
    (folder / "queuectl.yaml").write_text(CONFIGURATION.format(dsn=dsn, executor=executor))
    env = {**environment(folder)}
    env["PYTHONPATH"] = ":".join([str(plugins), *env.get("PYTHONPATH", "").split(":")]).rstrip(":")
    command = [*QUEUECTL, "worker", "start", "--count", str(count)]
    with (folder / "log").open("w") as log:
        workers = subprocess.Popen(command, cwd=folder, env=env, stderr=log)
    try:
        while "Ctrl-C" not in (folder / "log").read_text():
            if workers.poll() is not None:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.01)
        yield
    finally:
        workers.terminate()
        workers.wait()
