"""A short storm of kills over real workers, whose history is checked; `python -m benchmarks.chaos` is the long one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the storm looks for its prey in /proc"),
    pytest.mark.timeout(600),  # it starts dozens of processes, which takes a while where much else runs
]

SEED = "271828"
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 500.0
"""Seconds after which whatever has not come fails the test."""

Storm = subprocess.Popen[str]
Start = Callable[..., Storm]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start storms whose folders lie in this test's own; one that a test leaves is ended, and clears its house."""
    started: list[Storm] = []
    environment = os.environ | {"TMPDIR": str(tmp_path)}

    def start(*arguments: str) -> Storm:
        storm = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chaos", "--seed", SEED, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(storm)
        return storm

    yield start
    for storm in started:
        storm.terminate()
        storm.communicate()


def left_behind(folder: Path) -> list[str]:
    """Return the processes that were started in a folder, and what lies in it."""
    mark = f"CHAOS_HISTORY={folder}/".encode()
    processes = [path.parent.name for path in Path("/proc").glob("[0-9]*/environ") if mark in content(path)]
    return [*processes, *map(str, folder.iterdir())]


def content(path: Path) -> bytes:
    """Return what is in a file, nothing where that cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_storm_breaks_no_promise(start: Start, tmp_path: Path) -> None:
    """Whatever is killed, stopped or terminated: the history holds every promise, and nothing is left behind.

    When it does not, the output says with which seed, and where the history lies.
    """
    storm = start("--seconds", "4", "--rate", "10", "--jobs", "200")
    said, _ = storm.communicate(timeout=PATIENCE)
    assert storm.returncode == 0, said
    counted = {name: int(count) for name, count in re.findall(r"^(\S+) +(\d+)", said, re.MULTILINE)}
    assert counted["seed"] == int(SEED), said
    assert counted["breaches"] == 0, said
    assert counted["jobs"] >= 200, said
    assert counted["kills"] > 0, said
    assert counted["runs"] >= 200, said
    assert left_behind(tmp_path) == []


def test_a_storm_tells_what_was_broken(start: Start, tmp_path: Path) -> None:
    """Where workers cannot begin, nothing is ever done; the history stays, and can be checked once more."""
    useless = tmp_path / "useless.yaml"
    useless.write_text("executor: {plugin: nobody}\n")
    storm = start("--seconds", "1", "--jobs", "30", "--storage", str(useless))
    said, _ = storm.communicate(timeout=PATIENCE)
    assert storm.returncode == 1, said
    assert "BROKEN     an acknowledged enqueue is kept until it is done" in said
    assert "pending in the end" in said
    assert "the drain ended with exit code 78" in said
    kept = re.search(r"^history +(\S+)$", said, re.MULTILINE)
    assert kept is not None, said
    again = start("--check", kept[1])
    told, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 1, told
    assert told in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_storm_leaves_nothing_behind(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    """Not even when it is interrupted once more while it clears up."""
    storm = start("--seconds", "60")
    until(lambda: [*tmp_path.glob("chaos-*/history/commands.jsonl")])  # workers, an enqueuer and a command are there
    storm.send_signal(number)
    storm.send_signal(number)
    storm.send_signal(signal.SIGTERM)
    said, _ = storm.communicate(timeout=PATIENCE)
    assert storm.returncode in {128 + number, 128 + signal.SIGTERM}, said
    assert "Traceback" not in said
    assert left_behind(tmp_path) == []
