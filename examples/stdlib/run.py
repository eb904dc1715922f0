"""Squeeze the standard library with two workers, then show the status, the dead letter queue and the report.

Usage: python examples/stdlib/run.py [--out DIR] [--count N] [--config FILE] [PACKAGE ...]

Everything lies in DIR: the job file, the results and, unless $QUEUECTL_HOME says otherwise, queuectl's own data. A run
that was interrupted goes on where it was when the same command is given again.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

from jobs import job_file
from report import report

import queuectl

QUEUECTL = Path(sysconfig.get_path("scripts")) / "queuectl"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Squeeze the standard library.")
    parser.add_argument("--out", type=Path, default=Path("out/stdlib"), help="where everything lies")
    parser.add_argument("--count", default="2", help="how many workers")
    parser.add_argument("--config", help="a configuration file; default: the one that queuectl finds")
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="only these packages, such as json")
    return parser.parse_args()


def call(*words: str, stdout: int | None = None) -> None:
    """Run `queuectl`, having said so; end with its exit code when it fails."""
    print(f"\n$ {shlex.join(['queuectl', *words])}", flush=True)
    code = subprocess.call([QUEUECTL, *words], stdout=stdout)
    if code:
        sys.exit(code)


def left() -> int:
    """Return how many jobs still have work to do."""
    with queuectl.open() as queue:
        totals = queue.totals()
    return sum(totals[state] for state in queuectl.LIVE)


def main() -> None:
    """Do it all."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QUEUECTL_HOME", os.path.abspath(options.out / "queuectl"))
    if options.config:
        os.environ["QUEUECTL_CONFIG"] = os.path.abspath(options.config)
    file, results = options.out / "jobs.jsonl", options.out / "results"
    lines = job_file(results, options.packages)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # Into a pipe `enqueue` writes a line for each job.
    call("enqueue", "--skip-existing", "--file", str(file), stdout=None if sys.stdout.isatty() else subprocess.DEVNULL)
    # Ctrl-C is the workers' to answer: they let the running jobs finish.
    signal.signal(signal.SIGINT, lambda *_: None)
    call("worker", "start", "--count", options.count, "--drain", "--set", "notifications=[]")
    call("status")
    call("dlq", "list")
    print("\n" + "\n".join(report(results)))
    if left():
        print("not all is done: give the same command again to go on")


if __name__ == "__main__":
    main()
