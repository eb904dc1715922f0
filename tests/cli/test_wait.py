"""`wait` ends when jobs have, with a code that says how."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Program


@pytest.mark.parametrize(("ending", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)])
def test_one_job_gives_its_own_code(queuectl: Program, ending: str, code: int) -> None:
    """The exit code, or 128 and the signal."""
    (id,) = queuectl.enqueue({"command": ending, "max_retries": 0})
    queuectl.work()
    assert queuectl("wait", id, code=code).out == ""
    assert queuectl("wait", id[:-2], code=code).out == ""
    assert queuectl("wait", id, "--json", code=code).json[0]["id"] == id


def test_a_job_that_is_cancelled_before_it_runs_gives_1(queuectl: Program) -> None:
    """It has no code of its own."""
    (id,) = queuectl.enqueue("true")
    queuectl("cancel", id, code=0)
    assert "cancelled" in queuectl("wait", id, code=1).err


@pytest.mark.parametrize(
    ("command", "code"), [("echo up; exec sleep 60", 143), ("trap 'exit 3' TERM; echo up; sleep 60 & wait", 3)]
)
def test_a_job_that_is_cancelled_while_it_runs_gives_its_own_code(
    queuectl: Program, eventually: Callable[[Callable[[], object]], None], command: str, code: int
) -> None:
    """That of the signal which ended it, or the one with which it took its leave."""
    (id,) = queuectl.enqueue(command)
    queuectl.start("worker", "start", stderr=subprocess.DEVNULL)
    eventually(lambda: queuectl("logs", id, code=0).out == "up\n")
    queuectl("cancel", id, code=0)
    assert queuectl("wait", id, "--timeout", "30s", code=code).err == f"job {id} is cancelled\n"


def test_a_job_that_could_not_be_started_gives_no_0(queuectl: Program) -> None:
    """Such as one whose directory is not there: its code if it has one, else 1."""
    (id,) = queuectl.enqueue({"command": "true", "cwd": "/nonexistent", "max_retries": 0})
    queuectl.work()
    job = queuectl("show", id, "--json", code=0).json
    assert job["state"] == "dead"
    queuectl("wait", id, code=job["exit_code"] or 1)


def test_several_jobs_give_0_or_1(queuectl: Program) -> None:
    """0 only if all are completed; the one that is not is told."""
    good, bad, fine = queuectl.enqueue("true", {"command": "exit 7", "max_retries": 0}, "true")
    queuectl.work()
    queuectl("wait", good, fine, code=0)
    assert bad in queuectl("wait", good, bad, code=1).err
    queuectl("wait", bad, bad, code=7)


def test_the_time_may_run_out(queuectl: Program) -> None:
    """Then it is 124, for one job and for several."""
    first, second = queuectl.enqueue("true", "true")
    assert "pending" in queuectl("wait", first, "--timeout", "50ms", code=124).err
    queuectl("wait", first, second, "--timeout", "0", code=124)
    assert queuectl("wait", first, "--timeout=0", "--json", code=124).error["code"] == "timeout"


def test_it_waits(queuectl: Program) -> None:
    """Until a worker has run the job."""
    (id,) = queuectl.enqueue({"command": "exit 5", "max_retries": 0})
    waiting = queuectl.start("wait", id)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(0.5)
    queuectl.work()
    assert waiting.wait(120) == 5


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 2), (["none"], 3), (["none", "--timeout", "soon"], 2), (["none", "--timeout=-1"], 2)]
)
def test_what_cannot_be_waited_for(queuectl: Program, arguments: list[str], code: int) -> None:
    """Nothing given, an unknown job, a time that is none."""
    assert queuectl("wait", *arguments, code=code).out == ""
