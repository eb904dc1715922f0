"""Measure what a transaction that somebody leaves open does to claims: before, while it is open, and afterwards.

Usage: python -m benchmarks.postgres.held [--minutes M] [--dsn URL] [--json FILE]

While a transaction sees what was there when it began, the server may take no old row away that was replaced since. One
client stores, claims and settles jobs, ten at a time, as fast as it can; each line tells of some seconds of that.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

import queuectl
from benchmarks.postgres.server import database, server
from benchmarks.speed.programs import TRUE
from benchmarks.speed.report import machine
from queuectl import Ask, NewWorker, Outcome, Result, Run, Settlement, Verdict

AT_ONCE = 10
WORKER = "held"
LINE = "{phase:<8} {seconds:>6} {rate:>9} {median:>11} {p99:>9} {dead:>11} {megabytes:>9}"


@dataclass(kw_only=True)
class Window:
    """What was measured in some seconds. Times of an exchange, which settles ten jobs and claims ten, are in ms."""

    phase: str
    began: float
    jobs: int = 0
    times: list[float] = field(default_factory=list, repr=False)
    dead: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0

    def __str__(self) -> str:
        """Return a line of the table."""
        return LINE.format(
            phase=self.phase,
            seconds=f"{self.began:.0f}",
            rate=f"{self.jobs / self.seconds:,.0f}",
            median=f"{statistics.median(self.times):.1f}",
            p99=f"{sorted(self.times)[int(len(self.times) * 0.99)]:.1f}",
            dead=f"{self.dead:,}",
            megabytes=f"{self.megabytes:.0f}",
        )


class Load:
    """One client that stores, claims and settles."""

    def __init__(self, queue: queuectl.Queue) -> None:
        """Register as a worker."""
        self._queue = queue
        self._settlements: list[Settlement] = []
        queue.storage.register(NewWorker(id=WORKER, host="host", pid=1))

    def round(self) -> float:
        """Store ten jobs, settle ten and claim ten; return how many milliseconds the last two took."""
        self._queue.enqueue_many([{"command": [TRUE]}] * AT_ONCE)
        began = time.perf_counter()
        claims = self._queue.storage.exchange(WORKER, self._settlements, Ask(limit=AT_ONCE)).claims
        took = time.perf_counter() - began
        self._settlements = [
            Settlement(
                lease=claim.lease,
                verdict=Verdict.COMPLETED,
                charge=True,
                run=Run(
                    number=claim.number,
                    result=Result.COMPLETED,
                    outcome=Outcome(exit_code=0),
                    started_ago=took,
                    ended_ago=0.0,
                ),
            )
            for claim in claims
        ]
        return 1000 * took


def windows(dsn: str, minutes: float) -> Iterator[Window]:
    """Measure a minute before, the minutes while a transaction is open, and a minute after it."""
    overrides = ["storage.plugin=postgres", f"storage.dsn={dsn}", "notifications=[]"]
    with queuectl.open(overrides=overrides) as queue, psycopg.connect(dsn, autocommit=True) as looker:
        load, start = Load(queue), time.monotonic()
        yield from _phase("before", 60.0, load, looker, start)
        with psycopg.connect(dsn) as holder:
            holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            holder.execute("SELECT count(*) FROM queuectl.version")
            yield from _phase("open", 60.0 * minutes, load, looker, start)
            holder.rollback()
        yield from _phase("after", 60.0, load, looker, start)


def _phase(
    name: str, seconds: float, load: Load, looker: psycopg.Connection[Any], start: float, each: float = 20.0
) -> Iterator[Window]:
    for _ in range(max(1, round(seconds / each))):
        began = time.monotonic()
        window = Window(phase=name, began=began - start)
        while time.monotonic() < began + each:
            window.times.append(load.round())
            window.jobs += AT_ONCE
        window.seconds = time.monotonic() - began
        window.dead, window.megabytes = _size(looker)
        yield window


def _size(looker: psycopg.Connection[Any]) -> tuple[int, float]:
    row = looker.execute(
        "SELECT n_dead_tup, pg_total_relation_size(relid) / 1048576.0 FROM pg_stat_all_tables"
        " WHERE relid = 'queuectl.job'::regclass"
    ).fetchone()
    assert row is not None
    return int(row[0]), float(row[1])


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres.held", description="Hold a transaction open.")
    parser.add_argument("--minutes", type=float, default=5.0, help="for how long it is open (default: 5)")
    parser.add_argument("--dsn", metavar="URL", help="a server to measure on")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value that was measured")
    options = parser.parse_args()
    print(machine())
    print(
        LINE.format(
            phase="", seconds="second", rate="jobs/s", median="exchange ms", p99="p99", dead="old rows", megabytes="MB"
        )
    )
    measured = []
    with server(options.dsn) as there, database(there) as dsn:
        for window in windows(dsn, options.minutes):
            print(window, flush=True)
            measured.append(asdict(window))
    if options.json:
        options.json.write_text(json.dumps(measured) + "\n")


if __name__ == "__main__":
    _main()
