"""Floods and leaks, in full length.

Usage: python -m benchmarks.endurance floods [--jobs N] [--workers N] [--feeders N] [--enqueuers N]
       python -m benchmarks.endurance leaks [--jobs N] [--concurrency N] [--distinct]

Exits with 0 when all is as promised, otherwise with 1, and says what is not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.endurance.floods import Result, crowd, flood
from benchmarks.endurance.leaks import complaints, table, watch
from benchmarks.place import Place

SHOWN = 10
"""How many complaints are shown."""


def _tell(complaints: Sequence[str]) -> int:
    for complaint in complaints[:SHOWN]:
        print(f"BROKEN     {complaint}")
    if len(complaints) > SHOWN:
        print(f"           and {len(complaints) - SHOWN} more")
    return int(bool(complaints))


def _report(what: str, result: Result) -> int:
    rates = [result.jobs / seconds for seconds in (result.enqueued_after, result.ended_after)]
    print(what)
    print(f"{result.jobs:10} jobs, stored {rates[0]:.0f}/s, done {rates[1]:.0f}/s, {result.ended_after:.0f} s")
    return _tell(result.complaints)


def _floods(folder: Path, options: argparse.Namespace) -> int:
    first, second = (Place(folder / name) for name in ("jobs", "enqueuers"))
    for place in (first, second):
        place.root.mkdir()
    try:
        jobs = flood(first, jobs=options.jobs, workers=options.workers, feeders=options.feeders)
        code = _report(f"{options.feeders} feeders, {options.workers} workers", jobs)
        commands = crowd(second, in_turn=options.enqueuers, together=options.enqueuers // 10, workers=2)
        return code | _report(
            f"{options.enqueuers} enqueuers in turn, then {options.enqueuers // 10} at once", commands
        )
    finally:
        first.close()
        second.close()


def _leaks(folder: Path, options: argparse.Namespace) -> int:
    place = Place(folder)
    try:
        found = watch(place, jobs=options.jobs, concurrency=options.concurrency, samples=200, distinct=options.distinct)
    finally:
        place.close()
    print("\n".join(table(found)))
    return _tell([*complaints(found)])


def main() -> int:
    """Do what was asked for, and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description="Floods and leaks.")
    kinds = parser.add_subparsers(required=True)
    floods = kinds.add_parser("floods", help="very many jobs, and very many who enqueue, while workers run")
    floods.add_argument("--jobs", type=int, default=100_000)
    floods.add_argument("--workers", type=int, default=8)
    floods.add_argument("--feeders", type=int, default=4)
    floods.add_argument("--enqueuers", type=int, default=1_000)
    floods.set_defaults(run=_floods)
    leaks = kinds.add_parser("leaks", help="whether a worker holds more and more of anything")
    leaks.add_argument("--jobs", type=int, default=50_000)
    leaks.add_argument("--concurrency", type=int, default=1)
    leaks.add_argument("--distinct", action="store_true", help="each job has options of its own")
    leaks.set_defaults(run=_leaks)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="endurance-") as folder:
        code: int = options.run(Path(folder), options)
    return code


if __name__ == "__main__":
    sys.exit(main())
