"""Jobs under random kills, and then the question whether every promise held.

Usage: python -m benchmarks.chaos [--seconds S] [--jobs N] [--seed N] [--storage CONFIG.yaml]
       python -m benchmarks.chaos --check FOLDER

Exits with 0 when nothing was broken; otherwise with 1, keeps the folder with the history, and says where it is. The
schedule of all that is done comes from the seed; when exactly it hits whom differs from run to run.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.chaos.checker import check
from benchmarks.chaos.reading import read_history
from benchmarks.chaos.run import Plan, run
from benchmarks.chaos.summary import complaint, summary


def report(folder: Path) -> int:
    """Check a history and tell of it; return the exit code."""
    history = read_history(folder)
    print("\n".join(summary(history)))
    breaches = check(history)
    if not breaches:
        return 0
    print("\n".join(complaint(breaches)))
    print(f"history    {folder}")
    return 1


def main() -> int:
    """Run, check and tell."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description="Jobs under random kills.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the storm lasts")
    parser.add_argument("--jobs", type=int, default=None, help="how many jobs at least (34 a second)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rate", type=float, default=5.0, help="how much is done a second")
    parser.add_argument("--storage", type=Path, default=None, metavar="CONFIG.yaml", help="which storage, and more")
    parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
    parser.add_argument("--check", type=Path, default=None, metavar="FOLDER", help="check a history that was kept")
    options = parser.parse_args()
    if options.check is not None:
        return report(options.check)
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-"))
    began = time.monotonic()
    jobs = int(34 * options.seconds) if options.jobs is None else options.jobs
    plan = Plan(seed=seed, seconds=options.seconds, jobs=jobs, rate=options.rate, storage=options.storage)
    history = run(folder, plan)
    print(f"seed       {seed}, {time.monotonic() - began:.0f} s")
    code = report(history)
    if options.keep:
        print(f"folder     {folder}")
    elif code == 0:
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
