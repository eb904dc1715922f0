"""The main job of the README, cut down: it ends with the same digests whatever is killed in the middle."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import queuectl

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "stdlib"
PACKAGES = ("encodings", "email", "json")
DEADLINE = 280.0


@dataclass(frozen=True)
class Squeezing:
    """One run of the example, with everything that it makes below a folder of its own."""

    out: Path

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[str]]:
        """Start it; whatever happens, it does not outlive the test."""
        command = [sys.executable, str(EXAMPLE / "run.py"), "--out", str(self.out), *PACKAGES]
        env = {name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_")}
        process = subprocess.Popen(
            command,
            cwd=self.out.parent,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=DEADLINE)

    def to_its_end(self) -> str:
        """Run it and return what it prints."""
        with self.started() as process:
            return self.end_of(process)

    def end_of(self, process: subprocess.Popen[str]) -> str:
        """Wait for the end of a run that was started, and return what it printed."""
        shown, _ = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, shown
        return shown

    @contextmanager
    def queue(self) -> Iterator[queuectl.Queue]:
        """Open the queue that the run uses."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("QUEUECTL_HOME", str(self.out / "queuectl"))
            with queuectl.open() as queue:
                yield queue


def jobs(out: Path) -> list[dict[str, Any]]:
    """The jobs of the file that a run made."""
    return [json.loads(line) for line in (out / "jobs.jsonl").read_text().splitlines()]


def digest(shown: str) -> str:
    """The digest over all digests, as a run printed it."""
    found = re.search(r"^digest +([0-9a-f]{64})$", shown, re.MULTILINE)
    assert found is not None, shown
    return found[1]


def computed_here(lines: Sequence[dict[str, Any]], tmp_path: Path) -> str:
    """The digest that comes out when the jobs are run one after the other, without any queue."""
    results = tmp_path / "here"
    for job in lines:
        if job["tags"] == ["module"]:
            *program, source, _ = job["command"]
            subprocess.run([*program, source, str(results / f"{job['id']}.json")], check=False, capture_output=True)
    report = [sys.executable, str(EXAMPLE / "report.py"), str(results)]
    return digest(subprocess.check_output(report, text=True))


@pytest.fixture
def squeezing(tmp_path: Path) -> Squeezing:
    """A run of the example."""
    return Squeezing(tmp_path / "out")


def test_a_run_ends_as_it_should(squeezing: Squeezing, tmp_path: Path) -> None:
    """Every module is squeezed, sums succeed on a retry, and what is not there is in the dead letter queue."""
    shown = squeezing.to_its_end()
    lines = jobs(squeezing.out)
    absent = {job["id"] for job in lines if job["tags"] == ["module"] and not Path(job["command"][-2]).exists()}
    with squeezing.queue() as queue:
        stored = {job.id: job for job in queue.list()}
        retried = [id for id, job in stored.items() if job.state == "completed" and len(queue.attempts(id)) > 1]
    assert set(stored) == {job["id"] for job in lines}
    assert len(stored) > 150
    assert {id for id, job in stored.items() if job.state == "dead"} == absent
    assert {id for id, job in stored.items() if job.state == "completed"} == set(stored) - absent
    assert absent
    assert {stored[id].exit_code for id in absent} == {66}
    assert retried
    assert {id[-1] for id in retried} == {"/"}
    assert digest(shown) == computed_here(lines, tmp_path)


def test_a_killed_worker_changes_no_digest(squeezing: Squeezing, tmp_path: Path) -> None:
    """Given a run, when one of its workers is killed in the middle, then it ends with the same digests."""
    with squeezing.started() as process:
        victim = killed_in_the_middle(squeezing)
        shown = squeezing.end_of(process)
    lines = jobs(squeezing.out)
    with squeezing.queue() as queue:
        totals = queue.totals()
        ran_on = {attempt.worker for job in queue.list(limit=500) for attempt in queue.attempts(job.id)}
    assert victim in ran_on
    assert totals[queuectl.State.COMPLETED] + totals[queuectl.State.DEAD] == len(lines)
    assert digest(shown) == computed_here(lines, tmp_path)


def killed_in_the_middle(squeezing: Squeezing) -> str:
    """Wait until some jobs are done, kill a worker, and return its incarnation."""
    deadline = time.monotonic() + DEADLINE
    while not (squeezing.out / "queuectl" / "jobs.db").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with squeezing.queue() as queue:
        while queue.totals()[queuectl.State.COMPLETED] < 20:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        worker = queue.workers()[0]
    os.kill(worker.pid, signal.SIGKILL)
    return worker.id
