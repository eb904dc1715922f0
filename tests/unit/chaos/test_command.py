"""The command of all jobs notes its begin and its end, and whether it is alone; compiled or not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.chaos.command import build, compiled, interpreted
from benchmarks.chaos.final import Final
from benchmarks.chaos.history import Run, put_together
from benchmarks.chaos.lines import AnyLine, Began, Ended
from benchmarks.chaos.reading import read_lines

PATIENCE = 60.0


@dataclass
class Stage:
    """Starts commands that write into one history."""

    command: list[str]
    history: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str, attempt: int = 1) -> subprocess.Popen[bytes]:
        """Start a run of one job, in a group of its own."""
        environment = {
            "CHAOS_HISTORY": str(self.history),
            "QUEUECTL_JOB_ID": "job",
            "QUEUECTL_ATTEMPT": str(attempt),
            "QUEUECTL_LEASE": f"worker.{attempt}",
        }
        process = subprocess.Popen(
            [*self.command, *arguments], env=environment, stdout=subprocess.DEVNULL, process_group=0
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, attempt: int = 1) -> int:
        """Run a command to its end, and return its exit code."""
        return self.start(*arguments, attempt=attempt).wait(PATIENCE)

    def lines(self) -> list[AnyLine]:
        """Return what was written."""
        return list(read_lines(self.history))

    def runs(self) -> tuple[Run, ...]:
        """Return the runs by what was written."""
        return put_together(self.lines(), Final()).runs

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def until_begun(self, runs: int) -> None:
        """Wait until so many runs have begun."""
        self.until(lambda: sum(isinstance(line, Began) for line in self.lines()) == runs)


@pytest.fixture(params=["compiled", "interpreted"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """Build the command in both ways."""
    command = compiled(tmp_path) if request.param == "compiled" else interpreted()
    if command is None:
        pytest.skip("no C compiler here")
    history = tmp_path / "history"
    (history / "locks").mkdir(parents=True)
    stage = Stage(command, history)
    yield stage
    for process in stage.started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_it_tells_of_its_run(stage: Stage) -> None:
    """Which job, which attempt, under which lease, from when to when, and how it ended."""
    before = time.monotonic()
    assert stage.run("plain", "20", "3", "1000000") == 3
    (run,) = stage.runs()
    assert (run.job, run.attempt, run.worker, run.token, run.code, run.alone) == ("job", 1, "worker", 1, 3, True)
    assert run.end is not None
    assert before < run.begin < run.end < time.monotonic()
    assert run.end - run.begin >= 0.02


@pytest.mark.parametrize(("attempt", "code"), [(1, 75), (2, 75), (3, 0)])
def test_it_succeeds_from_an_attempt_on(stage: Stage, attempt: int, code: int) -> None:
    """A flaky job fails a few times."""
    assert stage.run("plain", "0", "75", "3", attempt=attempt) == code
    assert [run.code for run in stage.runs()] == [code]


def test_it_finds_another_run_of_its_job(stage: Stage) -> None:
    """Nobody but the kernel says so."""
    first = stage.start("plain", "30000", "0", "0", attempt=1)
    stage.until_begun(1)
    stage.run("plain", "0", "0", "0", attempt=2)
    assert [run.alone for run in stage.runs()] == [True, False]
    first.kill()
    first.wait()
    stage.run("plain", "0", "0", "0", attempt=3)
    assert [run.alone for run in stage.runs()] == [True, False, True]


@pytest.mark.skipif(sys.platform != "linux", reason="its child is looked for in /proc")
def test_a_child_that_is_left_is_found_too(stage: Stage) -> None:
    """Whoever kills the leader alone leaves a part of the run."""
    first = stage.start("family", "30000", "0", "0", attempt=1)
    stage.until_begun(1)
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    stage.until(lambda: bool(children.read_text().split()))
    first.kill()
    first.wait()
    stage.run("plain", "0", "0", "0", attempt=2)
    assert [run.alone for run in stage.runs()] == [True, False]


def test_a_polite_one_ends_with_success_when_asked(stage: Stage) -> None:
    """And says so."""
    process = stage.start("polite", "30000", "3", "1000000")
    stage.until_begun(1)
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert [run.code for run in stage.runs()] == [0]


def test_a_stubborn_one_does_not_end_when_asked(stage: Stage) -> None:
    """It ends in its own time, with its own code."""
    process = stage.start("stubborn", "300", "3", "1000000")
    stage.until_begun(1)
    process.terminate()
    assert process.wait(PATIENCE) == 3


def test_a_plain_one_that_is_killed_tells_no_end(stage: Stage) -> None:
    """What is missing is the sign of it."""
    process = stage.start("plain", "30000", "0", "0")
    stage.until_begun(1)
    process.terminate()
    assert process.wait(PATIENCE) == -signal.SIGTERM
    assert not any(isinstance(line, Ended) for line in stage.lines())


def test_there_is_always_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no compiler is, Python does it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert build(tmp_path) == interpreted()
