"""Work: two workers run `/bin/true` from a full queue."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.speed.contest import Budget, Contender, Contest
from benchmarks.speed.programs import (
    PEERS,
    QUEUECTL,
    TRUE,
    compiled,
    environment,
    lacks_command,
    lacks_compiler,
    lacks_module,
    rate,
    run,
    stamps,
)

JOBS = 3000
FEW = 300
"""As many for those that are slow, or hold a process for each job that waits."""

PYTHON = """
import os, sys, time
began = time.perf_counter()
for _ in range(2):
    if not os.fork():
        for _ in range(int(sys.argv[1]) // 2):
            os.waitpid(os.posix_spawn(sys.argv[2], [sys.argv[2]], os.environ), 0)
        os._exit(0)
for _ in range(2):
    os.wait()
print(time.perf_counter() - began)
"""


def contest() -> Contest:
    """Return the contest."""
    return Contest(
        title="work: /bin/true, 2 workers, from a full queue",
        unit="jobs/s",
        contenders=[
            Contender("queuectl", _queuectl),
            Contender("xargs -P2 -n1", _xargs, lacks_command("xargs")),
            Contender("C, posix_spawn", _c, lacks_compiler()),
            Contender("Python, os.posix_spawn", _python),
            Contender("honker, batches of 32", _honker, lacks_module("honker")),
            Contender("task-spooler", _task_spooler, lacks_command("tsp") or lacks_compiler()),
            Contender("huey", _huey, lacks_module("huey")),
            Contender("litequeue", _litequeue, lacks_module("litequeue")),
            Contender("GNU parallel", _parallel, lacks_command("parallel")),
        ],
        budget=Budget("xargs -P2 -n1", 1.0),
    )


def costs() -> Contest:
    """Return the contest of queuectl with itself: what a promise costs that somebody may not need, or want besides."""
    return Contest(
        title="what it costs: the same jobs by queuectl",
        unit="jobs/s",
        contenders=[
            Contender("as it comes", _queuectl),
            Contender("with durability: full", lambda folder: _queuectl(folder, "--set=storage.durability=full")),
            Contender("with a line of output kept", lambda folder: _queuectl(folder, command=["/bin/echo", "done"])),
            Contender("as a text for the shell", lambda folder: _queuectl(folder, command=TRUE)),
        ],
        budget=Budget("with durability: full", 1.0),
    )


def _queuectl(folder: Path, *options: str, command: str | Sequence[str] = (TRUE,)) -> float:
    lines = json.dumps({"command": command}) + "\n"
    run(folder, *QUEUECTL, "enqueue", "--quiet", "-", text=lines * JOBS)
    run(folder, *QUEUECTL, "worker", "start", "--count", "2", "--drain", *options)
    jobs = json.loads(run(folder, *QUEUECTL, "list", "--json"))
    assert all(job["state"] == "completed" for job in jobs)
    return rate(sorted(datetime.fromisoformat(job["finished_at"]).timestamp() for job in jobs))


def _xargs(folder: Path) -> float:
    numbers = "\n".join(map(str, range(JOBS)))
    return JOBS / _seconds(folder, "xargs", "-P2", "-n1", TRUE, text=numbers)


def _c(folder: Path) -> float:
    return JOBS / float(run(folder, compiled("spawn") or "", str(JOBS), "2", TRUE))


def _python(folder: Path) -> float:
    return JOBS / float(run(folder, sys.executable, "-c", PYTHON, str(JOBS), TRUE))


def _parallel(folder: Path) -> float:
    numbers = "\n".join(map(str, range(FEW)))
    return FEW / _seconds(folder, "parallel", "--will-cite", "-j2", "--joblog", "log", TRUE, text=numbers)


def _task_spooler(folder: Path) -> float:
    """Fill the queue behind two jobs that wait for a word; who tells of no times runs a program that writes them."""
    program = shutil.which("tsp") or "tsp"
    server = {**environment(folder), "TS_SOCKET": str(folder / "socket"), "TMPDIR": str(folder)}

    def tsp(*words: str) -> str:
        done = subprocess.run((program, *words), cwd=folder, env=server, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    try:
        tsp("-S", "2")
        for _ in range(2):
            tsp("-n", "sh", "-c", "until test -e go; do sleep 0.01; done")
        for _ in range(FEW):
            tsp("-n", str(compiled("stamp")), "marks")
        (folder / "go").touch()
        while len(stamps(folder / "marks")) < FEW:
            time.sleep(0.05)
        return rate(stamps(folder / "marks"))
    finally:
        tsp("-K")


def _honker(folder: Path) -> float:
    return _peer(folder, "with_honker.py")


def _huey(folder: Path) -> float:
    return _peer(folder, "with_huey.py")


def _litequeue(folder: Path) -> float:
    return _peer(folder, "with_litequeue.py")


def _peer(folder: Path, script: str) -> float:
    """Run a peer's script, which stores the jobs, starts two workers, and returns once all has been done."""
    run(folder, sys.executable, PEERS / script, str(JOBS), TRUE, folder / "marks")
    return rate(stamps(folder / "marks"))


def _seconds(folder: Path, *words: str, text: str) -> float:
    began = time.perf_counter()
    run(folder, *words, text=text)
    return time.perf_counter() - began
