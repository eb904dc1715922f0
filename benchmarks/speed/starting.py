"""Start-up: everyday commands as whole processes, with a YAML file."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.speed.contest import Budget, Contender, Contest, Measure
from benchmarks.speed.programs import QUEUECTL, environment, lacks_module
from benchmarks.startup import CONFIGURATION, LIBRARIES

CALLS = 15

LITEQUEUE = "import litequeue; litequeue.LiteQueue('queue.db').put('true')"
HONKER = "import honker; honker.open('queue.db').queue('jobs').enqueue('true')"
HUEY = "import huey; huey.SqliteHuey(filename='queue.db').task()(print)('true')"


def contest() -> Contest:
    """Return the contest."""
    return Contest(
        title="start-up: a command as a whole process, with a YAML file",
        unit="ms",
        contenders=[
            Contender("queuectl enqueue", _calling(*QUEUECTL, "enqueue", "true")),
            Contender("queuectl status", _calling(*QUEUECTL, "status")),
            Contender("queuectl list", _calling(*QUEUECTL, "list")),
            Contender("import the libraries", _calling(sys.executable, "-c", LIBRARIES)),
            Contender("python -c pass", _calling(sys.executable, "-c", "pass")),
            Contender("litequeue, a script", _calling(sys.executable, "-c", LITEQUEUE), lacks_module("litequeue")),
            Contender("honker, a script", _calling(sys.executable, "-c", HONKER), lacks_module("honker")),
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
