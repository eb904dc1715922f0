"""Pickup: from the moment in which an enqueue is committed, and says so, until the command of an idle worker runs."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import queuectl
from benchmarks.speed.contest import Budget, Contender, Contest, Shared
from benchmarks.speed.programs import (
    PEERS,
    QUEUECTL,
    compiled,
    environment,
    lacks_command,
    lacks_compiler,
    lacks_module,
    run,
    stamps,
)

JOBS = 100
PAUSE = 0.02
"""Seconds between two jobs, in which the worker becomes idle again."""

Ask = Callable[[], float]
"""Asks for a run of the program that stamps, and returns the moment from which on it is waited for."""


def contests() -> list[Contest]:
    """Return the contests: how long it takes half of the time, and at worst in a hundred."""
    lacks = lacks_compiler()
    measured = {
        "queuectl": Shared(_queuectl),
        "a spawn alone": Shared(_spawn),
        "task-spooler": Shared(_task_spooler),
        "honker": Shared(_honker),
    }
    missing = {
        "task-spooler": lacks or lacks_command("tsp"),
        "honker": lacks or lacks_module("honker"),
    }

    def contest(title: str, choose: Callable[[list[float]], float], budget: float) -> Contest:
        ways = [(name, shared.seen_as(choose)) for name, shared in measured.items()]
        return Contest(
            title=title,
            unit="ms",
            contenders=[
                *(Contender(name, way, missing.get(name, lacks)) for name, way in ways),
                Contender(f"{budget:g} ms", lambda folder: budget),
            ],
            budget=Budget(f"{budget:g} ms", 1.0, at_most=True),
            more_is_better=False,
        )

    return [
        contest("pickup by an idle worker, the median", statistics.median, 2.0),
        contest("pickup by an idle worker, 99 of 100", lambda taken: taken[-2], 5.0),
    ]


def _queuectl(folder: Path) -> list[float]:
    """Ask by the program's own queue."""
    path = folder / "home" / "jobs.db"
    with _worker(folder), queuectl.open(overrides=[f"storage.path={path}"]) as queue:

        def ask() -> float:
            queue.enqueue([str(compiled("stamp")), "marks"], cwd=str(folder))
            return time.monotonic()

        return _taken(folder, ask)


def _spawn(folder: Path) -> list[float]:
    def ask() -> float:
        asked = time.monotonic()
        subprocess.run([str(compiled("stamp")), "marks"], cwd=folder, check=True)
        return asked

    return _taken(folder, ask)


def _task_spooler(folder: Path) -> list[float]:
    """Ask by the command, which is all there is: its own start counts."""
    program = shutil.which("tsp") or "tsp"
    env = {**environment(folder), "TS_SOCKET": str(folder / "socket"), "TMPDIR": str(folder)}

    def ask() -> float:
        asked = time.monotonic()
        _tsp([program, "-n", str(compiled("stamp")), "marks"], folder, env)
        return asked

    try:
        return _taken(folder, ask)
    finally:
        _tsp([program, "-K"], folder, env)


def _tsp(words: list[str], folder: Path, env: Mapping[str, str]) -> None:
    subprocess.run(words, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)


def _honker(folder: Path) -> list[float]:
    import honker

    queue = honker.open(str(folder / "honker.db")).queue("jobs")
    words = [sys.executable, str(PEERS / "with_honker.py"), "wait", str(compiled("stamp")), str(folder / "marks")]
    with subprocess.Popen(words, cwd=folder) as worker:
        try:

            def ask() -> float:
                queue.enqueue("now")
                return time.monotonic()

            time.sleep(1)  # there is no telling when it waits
            return _taken(folder, ask)
        finally:
            worker.kill()


def _taken(folder: Path, ask: Ask) -> list[float]:
    """Return how many milliseconds each took, the first left out, in order."""
    asked: list[float] = []
    for number in range(JOBS + 1):
        asked.append(ask())
        while len(stamps(folder / "marks")) <= number:
            time.sleep(PAUSE / 10)
        time.sleep(PAUSE)
    began = stamps(folder / "marks")
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
