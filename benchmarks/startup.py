"""How long `queuectl enqueue` takes, beside a Python that only imports the libraries it needs.

Usage: python -m benchmarks.startup [--rounds N] [--queuectl PATH]

Whole processes, run in turn, with a YAML file and a database of their own. Measure an installed wheel: a checkout may
compile its modules anew at each start. The ratio is what counts; the budget is 1.3.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

BUDGET = 1.3
LIBRARIES = "import click, apsw, yaml, msgspec, pluggy"
CONFIGURATION = """\
backoff: {plugin: exponential, base: 2, jitter: full}
jobs: {max-retries: 5}
queues:
  mail: {backoff: {plugin: fixed, delay: 30s}}
"""


def milliseconds(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> float:
    """Run a command to its end and return how long that took."""
    began = time.perf_counter()
    subprocess.run(command, env=env, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def measure(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Run all commands in turn, `rounds` times, after one round that counts for nothing."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(folder)
        (cwd / "queuectl.yaml").write_text(CONFIGURATION)
        env = {key: value for key, value in os.environ.items() if not key.startswith("QUEUECTL_")}
        env["QUEUECTL_HOME"] = str(cwd / "home")
        for number in range(rounds + 1):
            for name, command in commands.items():
                taken = milliseconds(command, env, cwd)
                if number:
                    times[name].append(taken)
    return times


def table(times: Mapping[str, Sequence[float]], reference: str) -> list[str]:
    """Return the lines of the result: median, quartiles and ratio to the reference."""
    beside = statistics.median(times[reference])
    lines = [f"{'':24} {'median ms':>10} {'quartiles':>15} {'ratio':>7}"]
    for name, values in times.items():
        low, median, high = statistics.quantiles(values, n=4)
        lines.append(f"{name:24} {median:10.1f} {f'{low:.1f}-{high:.1f}':>15} {median / beside:7.2f}")
    return lines


def main() -> int:
    """Measure, print the table, and return 1 when the budget is not kept."""
    parser = argparse.ArgumentParser(description="How long `queuectl enqueue` takes.")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--queuectl", default=os.path.join(sysconfig.get_path("scripts"), "queuectl"))
    options = parser.parse_args()
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import the libraries": [sys.executable, "-c", LIBRARIES],
        "queuectl --version": [options.queuectl, "--version"],
        "queuectl enqueue": [options.queuectl, "enqueue", "true"],
    }
    times = measure(commands, options.rounds)
    print("\n".join(table(times, "import the libraries")))
    ratio = statistics.median(times["queuectl enqueue"]) / statistics.median(times["import the libraries"])
    print(f"enqueue takes {ratio:.2f} times the import of its libraries; the budget is {BUDGET}")
    return int(ratio > BUDGET)


if __name__ == "__main__":
    sys.exit(main())
