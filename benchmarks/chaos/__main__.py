"""Jobs under random kills, and then the question whether every promise held.

Usage: python -m benchmarks.chaos [--seconds S] [--jobs N] [--seed N] [--rate R] [--storage CONFIG.yaml] [--keep]
       python -m benchmarks.chaos --check FOLDER

Exits with 0 when nothing was broken; otherwise with 1, keeps the folder with the history, and says where it is. The
schedule of all that is done comes from the seed; when exactly it hits whom differs from run to run. An interrupt ends
it at once, and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.chaos.checker import check
from benchmarks.chaos.reading import read_history
from benchmarks.chaos.run import Plan, run
from benchmarks.chaos.summary import complaint, summary

JOBS_A_SECOND = 34


def report(history: Path) -> int:
    """Check a history and tell of it; return the exit code."""
    found = read_history(history)
    print("\n".join(summary(found)))
    breaches = check(found)
    print("\n".join(complaint(breaches)))
    if not breaches:
        return 0
    print(f"history    {history}")
    return 1


def storm(plan: Plan, *, keep: bool) -> int:
    """Run, check and tell; return the exit code. The folder stays when something was broken, or failed here."""
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{plan.seed}-"))
    began = time.monotonic()
    try:
        history = run(folder, plan)
    except SystemExit:
        shutil.rmtree(folder)
        raise
    except BaseException:
        print(f"seed       {plan.seed}\nfolder     {folder}")
        raise
    print(f"seed       {plan.seed}, {plan.seconds:g} s of storm, {time.monotonic() - began:.0f} s in all")
    code = report(history)
    if keep:
        print(f"folder     {folder}")
    elif code == 0:
        shutil.rmtree(folder)
    return code


def end_when_asked() -> None:
    """Let a signal that asks to end unwind what was begun, and let no second one disturb that."""
    possible = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    asking = [each for each in possible if signal.getsignal(each) is not signal.SIG_IGN]  # as nohup leaves one

    asked = False

    def end(number: int, _: Any) -> None:
        nonlocal asked
        if not asked:
            asked = True
            sys.exit(128 + number)

    for each in asking:
        signal.signal(each, end)


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description="Jobs under random kills.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the storm lasts")
    parser.add_argument("--jobs", type=int, default=None, help=f"how many jobs at least ({JOBS_A_SECOND} a second)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rate", type=float, default=5.0, help="how much is done a second")
    parser.add_argument("--storage", type=Path, default=None, metavar="CONFIG.yaml", help="which storage, and more")
    parser.add_argument("--keep", action="store_true", help="keep the folder in any case")
    parser.add_argument("--check", type=Path, default=None, metavar="FOLDER", help="check a history that was kept")
    options = parser.parse_args()
    if options.check is not None:
        return report(options.check)
    end_when_asked()
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    jobs = int(JOBS_A_SECOND * options.seconds) if options.jobs is None else options.jobs
    plan = Plan(seed=seed, seconds=options.seconds, jobs=jobs, rate=options.rate, storage=options.storage)
    return storm(plan, keep=options.keep)


if __name__ == "__main__":
    sys.exit(main())
