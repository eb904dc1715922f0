"""Measure queuectl on PostgreSQL beside pgqueuer and procrastinate, and print one table.

Usage: python -m benchmarks.postgres [--rounds N] [--jobs N] [--waiting N] [--only WORD]... [--dsn URL] [--json FILE]

Without --dsn a server is started that is gone afterwards; with it, the user must be allowed to make databases. The row
with very many jobs that wait, and that with very many workers, are measured once: they take minutes. Exits with 0 when
queuectl was ahead of both in each, and did at least twice the work of procrastinate.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.postgres.rows import contests, is_ahead
from benchmarks.postgres.server import server
from benchmarks.speed.contest import hold
from benchmarks.speed.programs import forget_compiled
from benchmarks.speed.report import document, machine, table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description="Measure on PostgreSQL.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender does it (default: 5)")
    parser.add_argument("--jobs", type=int, default=3000, help="jobs that are worked (default: 3000)")
    parser.add_argument("--waiting", type=int, default=1_000_000, help="jobs that wait in the row with very many")
    parser.add_argument("--only", action="append", metavar="WORD", help="only rows with this word in their title")
    parser.add_argument("--dsn", metavar="URL", help="a server to measure on")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value that was measured")
    return parser.parse_args()


def _main() -> int:
    options = _options()
    results = []
    print(machine())
    with server(options.dsn) as dsn, tempfile.TemporaryDirectory(prefix="queuectl-speed-") as name:
        for contest in contests(dsn, options.jobs, options.waiting):
            if not options.only or any(word in contest.title for word in options.only):
                rounds = 1 if "waiting" in contest.title else options.rounds  # of jobs, or of workers
                results.append(hold(contest, rounds, Path(name)))
                print("", *table(results[-1]), sep="\n", flush=True)
    forget_compiled()
    if options.json:
        options.json.write_text(json.dumps(document(results), indent=2) + "\n")
    return int(not all(is_ahead(result) for result in results))


if __name__ == "__main__":
    sys.exit(_main())
