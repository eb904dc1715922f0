"""Start-up: `queuectl enqueue` as a whole process, with a YAML file."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.speed.contest import Budget, Contender, Contest, Measure
from benchmarks.speed.programs import QUEUECTL, environment
from benchmarks.startup import CONFIGURATION, LIBRARIES

CALLS = 15

LITEQUEUE = "import litequeue; litequeue.LiteQueue('queue.db').put('true')"
HUEY = "import huey; huey.SqliteHuey(filename='queue.db').task()(print)('true')"


def contest() -> Contest:
    """Return the contest."""
    from benchmarks.speed.programs import lacks_module

    return Contest(
        title="enqueue: one job, the whole process",
        unit="ms",
        contenders=[
            Contender("queuectl enqueue", _calling(*QUEUECTL, "enqueue", "true")),
            Contender("import the libraries", _calling(sys.executable, "-c", LIBRARIES)),
            Contender("python -c pass", _calling(sys.executable, "-c", "pass")),
            Contender("litequeue, a script", _calling(sys.executable, "-c", LITEQUEUE), lacks_module("litequeue")),
            Contender("huey, a script", _calling(sys.executable, "-c", HUEY), lacks_module("huey")),
        ],
        budget=Budget("import the libraries", 1.3, at_most=True),
        more_is_better=False,
    )


def _calling(*words: str) -> Measure:
    """Return how many milliseconds a call takes, the median of several after one that counts for nothing."""

    def measure(folder: Path) -> float:
        (folder / "queuectl.yaml").write_text(CONFIGURATION)
        env = environment(folder)
        taken = []
        for _ in range(CALLS + 1):
            began = time.perf_counter()
            subprocess.run(words, cwd=folder, env=env, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken[1:])

    return measure
