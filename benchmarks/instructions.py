"""Count the instructions that the three hot paths take, which no other work on the machine can change.

Usage: python -m benchmarks.instructions [--write]

Valgrind counts what is executed outside of the kernel, by one process that does everything in turn. What counts are
the ratios to a reference, a loop that does nothing but write rows in memory: they carry over to other machines and
compilers better than the counts do. Exits with 1 when a path takes more than `SLACK` times what is written down beside
this file; `--write` writes down what it takes now. A worker does some of its work by the clock, so what a job takes
there is told and not held.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

SLACK = 1.1

WRITTEN = Path(__file__).with_suffix(".json")

REFERENCE = "a row written in memory"
ENQUEUE = "enqueue a job through the API"
EXCHANGE = "claim and settle a job, in batches of 16"
RUN = "run a short job by a worker"

HELD = (ENQUEUE, EXCHANGE)

ROWS = 2000
JOBS = 200
BATCH = 16

Path_ = Callable[[int], None]


def main() -> int:
    """Count, print, and compare or write down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description="Count instructions.")
    parser.add_argument("--write", action="store_true", help="write down what the paths take now")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: nothing was counted")
        return 0
    counted = counts()
    ratios = {name: each / counted[REFERENCE] for name, each in counted.items()}
    known = json.loads(WRITTEN.read_text()) if WRITTEN.exists() else {}
    for name, each in counted.items():
        beside = f", {ratios[name] / known[name]:.2f} of what is written down" if name in known else ""
        print(f"{name:45} {each:12,.0f} instructions {ratios[name]:8.1f} x the reference{beside}")
    if options.write:
        WRITTEN.write_text(json.dumps({name: round(ratios[name], 1) for name in HELD}, indent=2) + "\n")
        return 0
    return int(any(ratios[name] > known[name] * SLACK for name in HELD if name in known))


def counts() -> dict[str, float]:
    """Return how many instructions one of each takes."""
    with tempfile.TemporaryDirectory(prefix="queuectl-instructions-") as name:
        folder = Path(name)
        totals = _executed(folder)
    _, reference, _, enqueue, _, exchange, _, _, few, _, many = totals
    return {
        REFERENCE: reference / ROWS,
        ENQUEUE: enqueue / JOBS,
        EXCHANGE: exchange / JOBS,
        RUN: (many - few) / JOBS,
    }


def _executed(folder: Path) -> list[int]:
    """Run all paths, and return what was counted before each mark."""
    valgrind = ["valgrind", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={folder / 'out'}"]
    env = {**os.environ, "PYTHONHASHSEED": "0", "QUEUECTL_HOME": str(folder / "home")}
    words = [*valgrind, sys.executable, "-m", "benchmarks.instructions", "inside", str(folder)]
    subprocess.run(words, env=env, check=True, capture_output=True)
    dumps = (folder / f"out.{number}" for number in count(1))
    return [*_totals(dumps)]


def _totals(dumps: Iterator[Path]) -> Iterator[int]:
    for dump in dumps:
        if not dump.exists():
            return
        lines = dump.read_text().splitlines()
        yield next(int(line.split()[1]) for line in reversed(lines) if line.startswith(("totals:", "summary:")))


def _mark() -> None:
    """Call what valgrind looks out for."""
    os.getppid()


def _inside(folder: Path) -> None:
    """Do everything in turn, the first time of each for what is prepared once."""
    _mark()
    _rows(ROWS)
    _mark()
    for path in (_enqueueing(folder), _exchanging(folder)):
        path(JOBS)
        _mark()
        path(JOBS)
        _mark()
    _running(folder)


def _rows(rows: int) -> None:
    import apsw

    with closing(apsw.Connection(":memory:")) as db:
        db.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, name TEXT, at REAL, value TEXT) STRICT")
        for number in range(rows):
            row = {"name": f"row-{number}", "at": number / 2, "value": "some text of some length"}
            db.execute("INSERT INTO row (name, at, value) VALUES (:name, :at, :value)", row)


def _enqueueing(folder: Path) -> Path_:
    import queuectl

    def enqueue(jobs: int) -> None:
        with queuectl.open(overrides=[f"storage.path={folder / 'enqueue.db'}"]) as queue:
            for _ in range(jobs):
                queue.enqueue(["true"])

    return enqueue


def _exchanging(folder: Path) -> Path_:
    from benchmarks.speed.depth import settlement
    from queuectl import Ask, Claim, NewJob, NewWorker
    from queuectl_sqlite.storage import SqliteStorage

    numbers = count()

    def exchange(jobs: int) -> None:
        with closing(SqliteStorage(folder / "exchange.db")) as storage:
            storage.register(NewWorker(id="worker", host="host", pid=1))
            storage.enqueue([NewJob(id=f"job-{next(numbers)}", command=("true",)) for _ in range(jobs)])
            claims: Sequence[Claim] = ()
            for _ in range(0, jobs + BATCH, BATCH):
                claims = storage.exchange("worker", [settlement(claim) for claim in claims], Ask(limit=BATCH)).claims

    return exchange


def _running(folder: Path) -> None:
    """Let a worker run some jobs, then more of them: what they differ in is what jobs take."""
    from queuectl import Queue
    from queuectl.config import load_config
    from queuectl.engine.worker import Terms, Worker

    config = load_config(overrides=[f"storage.path={folder / 'run.db'}"])
    with Queue(config) as queue:
        for number, jobs in enumerate((JOBS, JOBS, 2 * JOBS)):
            queue.enqueue_many([{"command": ["/bin/true"]}] * jobs)
            if number:
                _mark()
            Worker(config, queue.storage, Terms(id=f"worker-{number}", drain=True)).run()
            _mark()


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        _inside(Path(sys.argv[2]))
    else:
        sys.exit(main())
