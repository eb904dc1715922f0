"""Measure what becomes of speed and fairness where there are many.

Usage: python -m benchmarks.many [--only workers|sleeping|writers]... [--jobs N] [--most N] [--seconds S] [--json FILE]

Workers: 1, 2, 4 and so on of them run short jobs from a full queue. Sleeping: one worker runs very many jobs at once
that only sleep. Writers: processes enqueue and claim from one store as fast as they can. Each is done once: what counts
is how the figures go on, not each of them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.many import sleeping, workers, writers
from benchmarks.speed.report import machine

Row = dict[str, Any]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description="Measure what many cost.")
    parser.add_argument("--only", action="append", choices=["workers", "sleeping", "writers"])
    parser.add_argument("--jobs", type=int, default=2000, help="how many short jobs the workers run (default: 2000)")
    parser.add_argument("--most", type=int, default=64, help="the most workers (default: 64)")
    parser.add_argument("--seconds", type=float, default=10.0, help="for how long the writers write (default: 10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser.parse_args()


def _main() -> int:
    options = _options()
    parts: dict[str, Callable[[Path], Iterator[Row]]] = {
        "workers": lambda folder: workers.measured(folder, options.jobs, options.most),
        "sleeping": sleeping.measured,
        "writers": lambda folder: writers.measured(folder, options.seconds),
    }
    print(machine())
    figures: dict[str, list[Row]] = {}
    for name, measured in parts.items():
        if options.only and name not in options.only:
            continue
        print(f"\n{name}")
        figures[name] = []
        with tempfile.TemporaryDirectory(prefix="queuectl-many-") as folder:
            for row in measured(Path(folder)):
                figures[name].append(row)
                print("  " + ", ".join(f"{key} {_shown(value)}" for key, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), **figures}, indent=2) + "\n")
    return 0


def _shown(value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(_main())
