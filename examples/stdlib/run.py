"""Squeeze the standard library with two workers, then show the status, the dead letter queue and the report.

Usage: python examples/stdlib/run.py [--out DIR] [--count N] [--config FILE] [PACKAGE ...]

Everything lies in DIR: the job file, the results, the workers' log and, unless $QUEUECTL_HOME says otherwise,
queuectl's own data. A run that was interrupted goes on where it was when the same command is given again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


def call(*words: str) -> None:
    """Run `queuectl`, having said so; end with its exit code when it fails."""
    print(f"\n$ queuectl {' '.join(words)}", flush=True)
    code = subprocess.call([QUEUECTL, *words])
    if code:
        sys.exit(code)


@contextmanager
def workers(count: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start workers that end when nothing is left to do; they are stopped gracefully if we end before."""
    words = ["worker", "start", "--count", count, "--drain"]
    print(f"\n$ queuectl {' '.join(words)} 2> {log}", flush=True)
    with log.open("ab") as errors:
        process = subprocess.Popen([QUEUECTL, *words], stderr=errors)
    try:
        yield process
    except KeyboardInterrupt:
        print("\nstopping; give the same command again to go on", file=sys.stderr)
    finally:
        if process.poll() is None:
            process.terminate()
        code = process.wait()
    if code:
        sys.exit(code)


def finished(queue: queuectl.Queue) -> tuple[int, int]:
    """Return how many jobs are done with, and how many there are."""
    totals = queue.totals()
    return sum(totals[state] for state in queuectl.FINAL), sum(totals.values())


def watch(queue: queuectl.Queue, process: subprocess.Popen[bytes]) -> None:
    """Show how far the workers are until they end: a bar on a terminal, elsewhere a line now and then."""
    if not sys.stderr.isatty():
        said = time.monotonic()
        while process.poll() is None:
            time.sleep(0.1)
            if time.monotonic() - said >= 5:
                said = time.monotonic()
                print("{:,} of {:,} jobs".format(*finished(queue)), file=sys.stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("jobs")
        while process.poll() is None:
            done, total = finished(queue)
            bar.update(task, completed=done, total=total)
            time.sleep(0.1)
        done, total = finished(queue)
        bar.update(task, completed=done, total=total)


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
    print(f"{file}: {len(lines):,} jobs")
    call("enqueue", "--skip-existing", "--quiet", "--file", str(file))
    with workers(options.count, options.out / "worker.log") as process, queuectl.open() as queue:
        watch(queue, process)
    call("status")
    call("dlq", "list")
    print("\n" + "\n".join(report(results)))


if __name__ == "__main__":
    main()
