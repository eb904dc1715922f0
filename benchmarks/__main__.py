"""Measure every budget beside its references, and print one table.

Usage: python -m benchmarks [--rounds N] [--only WORD]... [--depth N] [--json FILE] [--plot FILE] [--page FILE]

All contenders of a row take turns, so that what else runs here meets them all; medians and ratios are what counts. Who
is not installed is left out, and it says so. Exits with 0 when all budgets are kept, otherwise with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed import bulk, depth, idle, pickup, starting, working
from benchmarks.speed.contest import Contest, Result, hold
from benchmarks.speed.programs import forget_compiled
from benchmarks.speed.report import document, machine, picture, put_into, table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure every budget.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender does it (default: 5)")
    parser.add_argument("--only", action="append", metavar="WORD", help="only rows with this word in their title")
    parser.add_argument("--depth", type=int, default=1_000_000, help="jobs of each kind in the deep store")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value that was measured")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the medians, as SVG")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the medians into this page, such as README.md")
    return parser.parse_args()


def _measured(contests: Sequence[Contest], rounds: int, folder: Path) -> list[Result]:
    print(machine())
    results = []
    for contest in contests:
        results.append(hold(contest, rounds, folder))
        print("", *table(results[-1]), sep="\n", flush=True)
    return results


def _main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="queuectl-speed-") as name:
        folder = Path(name)
        few, many = depth.Store(folder / "few.db", 1000), depth.Store(folder / "many.db", options.depth)
        contests = [
            working.contest(),
            working.costs(),
            starting.contest(),
            bulk.contest(),
            *pickup.contests(),
            *depth.contests(few, many, options.depth),
            *idle.contests(),
        ]
        if options.only:
            contests = [each for each in contests if any(word in each.title for word in options.only)]
        try:
            results = _measured(contests, options.rounds, folder)
        finally:
            few.close()
            many.close()
            forget_compiled()
    if options.json:
        options.json.write_text(json.dumps(document(results), indent=2) + "\n")
    if options.plot:
        options.plot.write_text(picture(results))
    if options.page:
        options.page.write_text(put_into(options.page.read_text(), results))
    return int(not all(result.contest.budget.is_kept(result.ratio) for result in results))


if __name__ == "__main__":
    sys.exit(_main())
