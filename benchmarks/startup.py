"""How long `queuectl enqueue` takes, beside a Python that only imports the libraries it needs.

Usage: python -m benchmarks.startup [--rounds N] [--plugins N] [--queuectl PATH]

Whole processes, run in turn, with a YAML file and a database of their own. Measure an installed wheel: a checkout may
compile its modules anew at each start. The ratio is what counts; the budget is 1.3. The commands are run once more with
`--plugins` third parties' plugins installed that nobody selects; they may cost next to nothing.
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
from dataclasses import dataclass
from pathlib import Path

BUDGET = 1.3
CROWDED = 1.1
"""How much more it may work with plugins that are not selected: next to nothing. To look for them costs 20 ms."""

LIBRARIES = "import click, apsw, yaml, msgspec, pluggy"
CONFIGURATION = """\
backoff: {plugin: exponential, base: 2, jitter: full}
jobs: {max-retries: 5}
queues:
  mail: {backoff: {plugin: fixed, delay: 30s}}
"""


@dataclass(frozen=True)
class Call:
    """A command, and whether the plugins that nobody selects are installed beside it."""

    command: Sequence[str]
    crowded: bool = False


def install(site: Path, count: int) -> None:
    """Install distributions with one plugin each, as pip would."""
    for number in range(count):
        module = f"queuectl_unselected_{number}"
        information = site / f"{module}-1.0.dist-info"
        information.mkdir(parents=True)
        (site / f"{module}.py").write_text("raise RuntimeError('nobody selected this plugin')\n")
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: queuectl-unselected-{number}\nVersion: 1.0\n"
        )
        (information / "entry_points.txt").write_text(f"[queuectl]\nunselected-{number} = {module}\n")


@dataclass(frozen=True)
class Taken:
    """How many milliseconds a call took, and how many of a processor it used."""

    wall: float
    cpu: float


def take(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Taken:
    """Run a command to its end and return how long that took."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.perf_counter()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Taken((ended - began) * 1000, (usage.ru_utime + usage.ru_stime) * 1000)


def measure(calls: Mapping[str, Call], rounds: int, plugins: int) -> dict[str, list[Taken]]:
    """Run all commands in turn, `rounds` times, after one round that counts for nothing."""
    times: dict[str, list[Taken]] = {name: [] for name in calls}
    with tempfile.TemporaryDirectory() as folder:
        cwd, site = Path(folder), Path(folder) / "site"
        (cwd / "queuectl.yaml").write_text(CONFIGURATION)
        install(site, plugins)
        alone = {key: value for key, value in os.environ.items() if not key.startswith(("QUEUECTL_", "PYTHONPATH"))}
        alone["QUEUECTL_HOME"] = str(cwd / "home")
        # A directory on the path costs a look of its own: both have one, and it is empty where no plugin is installed.
        (cwd / "empty").mkdir()
        environments = {False: {**alone, "PYTHONPATH": str(cwd / "empty")}, True: {**alone, "PYTHONPATH": str(site)}}
        for number in range(rounds + 1):
            for name, call in calls.items():
                taken = take(call.command, environments[call.crowded], cwd)
                if number:
                    times[name].append(taken)
    return times


def table(times: Mapping[str, Sequence[Taken]], reference: str) -> list[str]:
    """Return the lines of the result: median, quartiles, ratio to the reference, and the processor's time."""
    beside = _wall(times[reference])
    lines = [f"{'':24} {'median ms':>10} {'quartiles':>15} {'ratio':>7} {'cpu ms':>8}"]
    for name, taken in times.items():
        low, median, high = statistics.quantiles([each.wall for each in taken], n=4)
        quartiles = f"{low:.1f}-{high:.1f}"
        lines.append(f"{name:24} {median:10.1f} {quartiles:>15} {median / beside:7.2f} {_cpu(taken):8.1f}")
    return lines


def _wall(taken: Sequence[Taken]) -> float:
    return statistics.median(each.wall for each in taken)


def _cpu(taken: Sequence[Taken]) -> float:
    return statistics.median(each.cpu for each in taken)


def main() -> int:
    """Measure, print the table, and return 1 when the budget is not kept."""
    parser = argparse.ArgumentParser(description="How long `queuectl enqueue` takes.")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--plugins", type=int, default=30)
    parser.add_argument("--queuectl", default=os.path.join(sysconfig.get_path("scripts"), "queuectl"))
    options = parser.parse_args()
    enqueue = [options.queuectl, "enqueue", "true"]
    crowded = f"enqueue, {options.plugins} plugins"
    calls = {
        "python -c pass": Call([sys.executable, "-c", "pass"]),
        "import the libraries": Call([sys.executable, "-c", LIBRARIES]),
        "queuectl --version": Call([options.queuectl, "--version"]),
        "queuectl enqueue": Call(enqueue),
        crowded: Call(enqueue, crowded=True),
    }
    times = measure(calls, options.rounds, options.plugins)
    print("\n".join(table(times, "import the libraries")))
    ratio = _wall(times["queuectl enqueue"]) / _wall(times["import the libraries"])
    # A difference this small is lost in how long processes wait for a processor.
    more = _cpu(times[crowded]) / _cpu(times["queuectl enqueue"])
    print(f"enqueue takes {ratio:.2f} times the import of its libraries; the budget is {BUDGET}")
    print(
        f"{options.plugins} plugins that nobody selects make it work {more:.2f} times as long; the budget is {CROWDED}"
    )
    return int(ratio > BUDGET or more > CROWDED)


if __name__ == "__main__":
    sys.exit(main())
