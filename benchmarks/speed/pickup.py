"""Pickup: from the moment in which an enqueue is committed, and says so, until the command of an idle worker runs."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import queuectl
from benchmarks.speed.contest import Budget, Contender, Contest
from benchmarks.speed.programs import QUEUECTL, compiled, environment, lacks_compiler, run, stamps

JOBS = 100
PAUSE = 0.02
"""Seconds between two jobs, in which the worker becomes idle again."""


def contests() -> list[Contest]:
    """Return the contests: how long it takes half of the time, and at worst in a hundred."""
    return [
        _contest("pickup by an idle worker, the median", lambda taken: statistics.median(taken), 2.0),
        _contest("pickup by an idle worker, 99 of 100", lambda taken: taken[-2], 5.0),
    ]


def _contest(title: str, choose: Callable[[list[float]], float], budget: float) -> Contest:
    return Contest(
        title=title,
        unit="ms",
        contenders=[
            Contender("queuectl", lambda folder: choose(_queuectl(folder)), lacks_compiler()),
            Contender("a spawn alone", lambda folder: choose(_spawn(folder)), lacks_compiler()),
            Contender(f"{budget:g} ms", lambda folder: budget),
        ],
        budget=Budget(f"{budget:g} ms", 1.0, at_most=True),
        more_is_better=False,
    )


def _queuectl(folder: Path) -> list[float]:
    """Return how many milliseconds each took, from the answer of `enqueue`, in order."""
    answered: list[float] = []
    with _worker(folder), queuectl.open(overrides=[f"storage.path={folder / 'home' / 'jobs.db'}"]) as queue:
        for number in range(JOBS + 1):
            queue.enqueue([str(compiled("stamp")), "marks"], cwd=str(folder))
            answered.append(time.monotonic())
            while len(stamps(folder / "marks")) <= number:
                time.sleep(PAUSE / 10)
            time.sleep(PAUSE)
    return _between(answered, stamps(folder / "marks"))


def _spawn(folder: Path) -> list[float]:
    asked: list[float] = []
    for _ in range(JOBS + 1):
        asked.append(time.monotonic())
        subprocess.run([str(compiled("stamp")), "marks"], cwd=folder, check=True)
        time.sleep(PAUSE)
    return _between(asked, stamps(folder / "marks"))


def _between(asked: list[float], began: list[float]) -> list[float]:
    """Return the milliseconds between each and its other, the first left out, in order."""
    return sorted((there - here) * 1000 for here, there in list(zip(asked, began, strict=True))[1:])


@contextmanager
def _worker(folder: Path) -> Iterator[None]:
    run(folder, *QUEUECTL, "enqueue", "--quiet", "true")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*QUEUECTL, "worker", "start"], cwd=folder, env=environment(folder), stderr=log)
    try:
        while "Ctrl-C" not in (folder / "log").read_text():
            time.sleep(0.01)
        run(folder, *QUEUECTL, "list", "--json")
        yield
    finally:
        process.terminate()
        process.wait()
