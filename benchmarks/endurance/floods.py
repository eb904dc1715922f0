"""Floods: very many jobs, and very many who enqueue, while workers run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.place import Place, Process, until
from queuectl import State

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST = 3600.0
"""Seconds that a flood may take."""


@dataclass(frozen=True)
class Result:
    """What became of a flood: how long it took, and what of it is not as promised."""

    jobs: int
    enqueued_after: float
    ended_after: float
    complaints: Sequence[str]


def flood(place: Place, *, jobs: int, workers: int, feeders: int) -> Result:
    """Let so many processes enqueue jobs while workers run, and ask whether each job ran once."""
    with _working(place, workers) as run:
        for name, process in [_feeder(place, number, jobs // feeders) for number in range(feeders)]:
            out, err = process.communicate()
            run.answered(name, process.returncode, out, err)
    return run.result()


def crowd(place: Place, *, in_turn: int, together: int, workers: int) -> Result:
    """Let so many commands enqueue a job each, one after the other and at the same time, while workers run."""
    marks = f"MARKS={place.root / 'marks'}"
    enqueue = ("enqueue", "--quiet", "--env", marks, 'echo "$QUEUECTL_JOB_ID" >>"$MARKS"')
    with _working(place, workers) as run:
        done = [place.run(*enqueue) for _ in range(in_turn)]
        with ThreadPoolExecutor(max(1, together)) as pool:
            done += pool.map(lambda _: place.run(*enqueue), range(together))
        for each in done:
            run.answered("enqueue", each.returncode, each.stdout, each.stderr)
    return run.result()


@dataclass
class _Run:
    """What is known of a flood while it comes."""

    place: Place
    began: float = field(default_factory=time.monotonic)
    enqueued: float = 0.0
    ended: float = 0.0
    acknowledged: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def answered(self, name: str, code: int, out: str, err: str) -> None:
        """Note what somebody who enqueued was told."""
        self.acknowledged += out.split()
        if code or err:
            self.complaints.append(f"{name} ended with {code}: {err.strip()}")

    def result(self) -> Result:
        """Return what became of it."""
        complaints = [*self.complaints, *_unlike_promised(self.place, self.acknowledged)]
        return Result(len(self.acknowledged), self.enqueued - self.began, self.ended - self.began, complaints)


@contextmanager
def _working(place: Place, workers: int) -> Iterator[_Run]:
    """Let workers run meanwhile, and until all is done."""
    supervisor = place.start("--count", str(workers))
    run = _Run(place)
    yield run
    run.enqueued = time.monotonic()
    final = (State.COMPLETED, State.DEAD, State.CANCELLED)
    with place.open() as queue:
        until(lambda: sum(queue.totals()[state] for state in final) >= len(run.acknowledged), patience=LONGEST)
    run.ended = time.monotonic()
    supervisor.terminate()
    supervisor.wait()


def _feeder(place: Place, number: int, jobs: int) -> tuple[str, Process]:
    name = f"feeder-{number}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks.endurance.feeder", name, str(jobs)),
            *(str(place.home / "jobs.db"), str(place.root / "marks")),
        ],
        cwd=REPOSITORY,
        env=place.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    place.started.append(process)
    return name, process


def _unlike_promised(place: Place, acknowledged: Sequence[str]) -> Iterator[str]:
    """Yield what of the jobs is not as it has to be: each that was acknowledged is completed and ran once."""
    with place.open() as queue:
        jobs = {job.id: job for job in queue.iterate()}
        faults = queue.storage.check()
    ran = Counter((place.root / "marks").read_text().split())
    yield from faults
    yield from (f"{id} was acknowledged, and is not stored" for id in {*acknowledged} - jobs.keys())
    yield from (f"{job.id} is {job.state}" for job in jobs.values() if job.state is not State.COMPLETED)
    yield from (f"{job.id} has {job.runs} runs" for job in jobs.values() if job.runs != 1)
    yield from (f"{id} ran {ran[id]} times" for id in jobs.keys() | ran.keys() if ran[id] != 1)
    yield from (line for line in place.log().splitlines() if "locked" in line or "does not answer" in line)
