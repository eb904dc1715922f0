"""Real workers and commands on a spoilt disk: killed before an operation, or refused one."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import queuectl
from queuectl import Attempt, Job, Result, State
from tests.crash.faults.interposing import Interposer, recorded
from tests.crash.faults.staging import PATIENCE, environment

WORKER = "queuectl worker run"
"""What the command line of a worker has, and no supervisor's."""

COMMAND = "echo begin $QUEUECTL_JOB_ID >> marks; echo written; echo end $QUEUECTL_JOB_ID >> marks"
JOBS = 3
POINTS = 10
"""At how many operations, spread over all of them, workers are met."""


def call(root: Path, *arguments: str, interposer: Interposer | None = None) -> subprocess.CompletedProcess[str]:
    """Run `queuectl` on a store below `root`."""
    return subprocess.run(
        [sys.executable, "-m", "queuectl", *arguments],
        cwd=root,
        env={**environment(interposer), "QUEUECTL_HOME": str(root / "home")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def enqueue(root: Path) -> None:
    """Store the jobs anew, in a place without any."""
    shutil.rmtree(root)
    root.mkdir(mode=0o700)
    lines = "\n".join(json.dumps({"id": f"job-{number}", "command": COMMAND}) for number in range(JOBS))
    (root / "jobs.jsonl").write_text(lines)
    done = call(root, "enqueue", "-q", "--file", "jobs.jsonl")
    assert done.returncode == 0, done.stderr


def jobs(root: Path) -> list[tuple[Job, Sequence[Attempt]]]:
    """Return the jobs with their attempts."""
    with queuectl.open(overrides=[f"storage.path={root / 'home' / 'jobs.db'}"]) as queue:
        return [(job, queue.attempts(job.id)) for job in map(queue.get, (f"job-{number}" for number in range(JOBS)))]


def drain(root: Path, interposer: Interposer) -> None:
    """Run workers until nothing is left to do."""
    done = call(root, "worker", "start", "--drain", interposer=interposer)
    assert done.returncode == 0, done.stderr


def points(interposer: Interposer, log: Path) -> Sequence[int]:
    """Return some of the operations that a worker does while it runs the jobs."""
    enqueue(interposer.root)
    drain(interposer.root, interposer.within(WORKER).recording(log))
    number = sum(1 for _ in recorded(log))
    assert number > 3 * POINTS
    return range(1, number + 1, number // POINTS)


@pytest.mark.parametrize("part", [0, 1])
def test_a_worker_that_is_killed_at_any_point_loses_nothing(
    interposer: Interposer, quick_path: Path, part: int
) -> None:
    """The next one goes on: every job is completed, no two runs of one overlap, and at most one run was lost."""
    root = interposer.root
    for point in points(interposer, quick_path / "log")[part::2]:
        enqueue(root)
        once = quick_path / "once"
        drain(root, interposer.within(WORKER, once=once).meeting(point))
        assert not once.exists(), "the worker was not met"
        found = jobs(root)
        assert [job.state for job, _ in found] == [State.COMPLETED] * JOBS
        results = [attempt.result for _, attempts in found for attempt in attempts]
        assert results.count(Result.COMPLETED) == JOBS
        assert len(results) <= JOBS + 1
        for job, attempts in found:
            marks = [line.split() for line in (root / "marks").read_text().splitlines()]
            own = [mark for mark, id in marks if id == job.id]
            assert own[-2:] == ["begin", "end"]
            assert own.count("begin") <= len(attempts)
        assert list((root / "home" / "run").iterdir()) == []


@pytest.mark.parametrize("part", [0, 1])
def test_a_worker_whose_disk_refuses_once_goes_on(interposer: Interposer, quick_path: Path, part: int) -> None:
    """Whichever operation is refused, for want of room or of a sound disk: every job is completed in the end."""
    root = interposer.root
    error = (errno.ENOSPC, errno.EIO)[part]
    for point in points(interposer, quick_path / "log")[part::2]:
        enqueue(root)
        once = quick_path / "once"
        drain(root, interposer.within(WORKER, once=once).meeting(point, error=error))
        assert not once.exists(), "the worker was not met"
        found = jobs(root)
        assert [job.state for job, _ in found] == [State.COMPLETED] * JOBS, found


def test_an_edit_of_the_configuration_is_done_or_not(interposer: Interposer, quick_path: Path) -> None:
    """Killed before any of its operations, `config set` leaves the old file or the new one, whole."""
    file = interposer.root / "queuectl.yaml"
    before = "# kept\njobs: {max-retries: 5}  # kept too\n"
    setting = ("config", "set", "max-retries", "7", "--config", str(file))
    file.write_text(before)
    log = quick_path / "log"
    assert call(interposer.root, *setting, interposer=interposer.recording(log)).returncode == 0
    after = file.read_text()
    assert after == before.replace("5", "7")
    number = sum(1 for _ in recorded(log))
    assert number >= 3
    for point in range(1, number + 1):
        file.write_text(before)
        assert call(interposer.root, *setting, interposer=interposer.meeting(point)).returncode == -9
        assert file.read_text() in {before, after}
        assert call(interposer.root, *setting).returncode == 0
        assert file.read_text() == after
        file.write_text(before)
        refused = call(interposer.root, *setting, interposer=interposer.meeting(point, error=errno.ENOSPC))
        assert refused.returncode in {0, 1}
        assert file.read_text() == (before if refused.returncode else after)
        assert "Traceback" not in refused.stderr
