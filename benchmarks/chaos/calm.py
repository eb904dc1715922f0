"""The calm after a storm: everybody leaves, what is left is drained, and what is there then is written down."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

import queuectl
from benchmarks.chaos.final import Final, Record, Stored
from benchmarks.chaos.house import House, Process
from benchmarks.chaos.journal import Journal, now
from benchmarks.chaos.lines import Acknowledged, Intended
from benchmarks.chaos.reading import FINAL
from benchmarks.chaos.recorder import told
from benchmarks.chaos.rules.order import ORDERLY
from queuectl import Job, Storage

EVENTS = 1000
"""How many events are read at once."""


class Calm:
    """Brings a house to rest. What does not end in `patience` seconds is killed, and is a fault."""

    def __init__(self, house: House, queue: queuectl.Queue, patience: float) -> None:
        self._house = house
        self._queue = queue
        self._patience = patience
        self.faults: list[str] = []

    def settle(self, jobs: int) -> None:
        """Let everybody leave, fill up to so many jobs, and drain."""
        house = self._house
        for process in house.enqueuers:
            process.kill()
            process.wait()
        self._end("what was typed", [typed.process for typed in house.typed])
        house.look()
        missing = jobs - sum(self._queue.totals().values())
        if missing > 0:
            self._succeed("the last enqueuer", house.enqueue("last", missing, 1e6, "last"))
        for process in house.supervisors:
            process.terminate()
        self._end("a supervisor that was terminated", house.supervisors)
        self._succeed("the drain", house.start("--drain", "--count", "2", "--concurrency", "8"))

    def run_in_order(self, random: Random, jobs: int) -> None:
        """Let one worker run jobs of several priorities, one by one."""
        house = self._house
        ids = tuple(f"{ORDERLY}-{number:06}" for number in range(jobs))
        house.journal.write(Intended(batch=ORDERLY, jobs=ids, **now()))
        command = [*house.command, "plain", "0", "0", "0"]
        self._queue.enqueue_many(
            {"id": id, "command": command, "queue": ORDERLY, "priority": random.randint(-3, 3)} for id in ids
        )
        house.journal.write(Acknowledged(batch=ORDERLY, **now()))
        arguments = ("--drain", "--count", "1", "--concurrency", "1", "--queue", ORDERLY)
        self._succeed("the orderly worker", house.start(*arguments))

    def write_down(self) -> Final:
        """Write down what is there, and return it."""
        house, storage = self._house, self._queue.storage
        house.look()
        self._tell_the_rest()
        final = Final(
            jobs=tuple(_stored(job, storage.attempts(job.id)) for job in reversed(self._queue.list())),
            counts={state.value: count for state, count in self._queue.totals().items()},
            problems=tuple(storage.check()),
            left=(*map(_named, house.territory.processes()), *_traces(house, storage)),
            faults=(*self.faults, *_crashes(house)),
        )
        (house.history / FINAL).write_bytes(msgspec.json.encode(final))
        return final

    def _tell_the_rest(self) -> None:
        """Write down the events that no worker came to deliver."""
        journal, after = Journal(self._house.history / "rest.jsonl"), 0
        while events := self._queue.storage.events(after, EVENTS):
            for line in map(told, events):
                if line is not None:
                    journal.write(line)
            after = events[-1].id
        journal.close()

    def _succeed(self, what: str, process: Process) -> None:
        """Wait for a process that nobody disturbs to end with success."""
        self._end(what, [process])
        if process.returncode > 0:  # else it had to be killed, which was told
            self.faults.append(f"{what} ended with exit code {process.returncode}")

    def _end(self, what: str, processes: Sequence[Process]) -> None:
        """Wait for processes to end, each for as long as there is patience."""
        deadline = time.monotonic() + self._patience
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.faults.append(f"{what} did not end within {self._patience:.0f} s: process {process.pid}")
                process.kill()
                process.wait()


def _stored(job: Job, attempts: Sequence[queuectl.Attempt]) -> Stored:
    return Stored(
        id=job.id,
        state=job.state.value,
        queue=job.queue,
        priority=job.priority,
        attempts=job.attempts,
        runs=job.runs,
        token=job.lease,
        records=tuple(map(_record, attempts)),
    )


def _record(attempt: queuectl.Attempt) -> Record:
    return Record(
        number=attempt.number,
        result=attempt.result.value,
        worker=attempt.worker,
        exit_code=attempt.outcome.exit_code,
        signal=attempt.outcome.signal,
        timed_out=attempt.outcome.timed_out,
    )


def _named(pid: int) -> str:
    try:
        return f"{pid} {Path(f'/proc/{pid}/cmdline').read_text(errors='replace').replace(chr(0), ' ')}"
    except OSError:
        return str(pid)


def _traces(house: House, storage: Storage) -> Iterator[str]:
    """Yield what workers left that should be gone with them; the output of these jobs is short, so stored."""
    for worker in storage.workers():
        yield f"worker {worker.id} is registered"
    for name in ("run", "logs"):
        # What is hidden is of somebody who was killed before it had its name; it is swept some time later.
        yield from (f"{name}/{path.name}" for path in sorted((house.home / name).glob("[!.]*")))


def _crashes(house: House) -> list[str]:
    """Return what in the logs no program should say."""
    return [
        f"{path.name}:{number}: {line.strip()}"
        for path in house.logs()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if "Traceback (most recent call last)" in line
    ]
