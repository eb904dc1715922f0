"""The installed program does its work far from the checkout."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_a_job_runs_from_beginning_to_end(installed: Any) -> None:
    """Given the wheel in an empty environment, when a job is enqueued and a worker drains, then it has completed."""
    installed.run([installed.queuectl, "enqueue", "--", "sh", "-c", "echo done > result"])
    installed.run([installed.queuectl, "worker", "start", "--drain"])
    status = json.loads(installed.run([installed.queuectl, "status", "--json"]).stdout)
    assert status["jobs"]["completed"] == 1
    assert sum(status["jobs"].values()) == 1
    assert (installed.home / "work" / "result").read_text() == "done\n"


def test_a_job_that_fails_ends_in_the_dead_letter_queue(installed: Any) -> None:
    """Given a job that never succeeds, when a worker drains, then it is dead after its retries."""
    fast = ["--set", "backoff.base=0.01"]
    installed.run([installed.queuectl, "enqueue", "--max-retries", "2", "--id", "broken", "exit 3"])
    installed.run([installed.queuectl, *fast, "worker", "start", "--drain"])
    (job,) = json.loads(installed.run([installed.queuectl, "dlq", "list", "--json"]).stdout)
    assert (job["id"], job["attempts"], job["exit_code"]) == ("broken", 3, 3)


@pytest.mark.parametrize("module", ["queuectl", "queuectl.cli"])
def test_the_modules_are_the_same_program(installed: Any, module: str) -> None:
    """`queuectl`, `python -m queuectl` and `python -m queuectl.cli` say the same."""
    program = installed.run([installed.queuectl, "--version"])
    assert installed.run([installed.python, "-m", module, "--version"]).stdout == program.stdout


def test_every_built_in_plugin_is_found(installed: Any) -> None:
    """The table of built-in plugins names modules that are in the wheel."""
    lines = installed.run([installed.queuectl, "plugins", "list"]).stdout.splitlines()
    condition = {line.split("\t")[0]: line.split("\t")[-1] for line in lines}
    assert {"sqlite", "subprocess", "exponential", "linear", "fixed", "schedule", "none", "log"} <= set(condition)
    assert set(condition.values()) == {"ok"}


def test_programs_that_use_it_are_type_checked(installed: Any) -> None:
    """A strict type checker accepts a program that uses the public names, and refuses a wrong one."""
    work = installed.home / "work"
    work.mkdir(parents=True)
    (work / "right.py").write_text(
        "import queuectl\n"
        "from queuectl import Failure, Job, Provider, hookimpl\n\n\n"
        "def send(queue: queuectl.Queue) -> Job:\n"
        '    return queue.enqueue("sleep 2", queue="mail", delay="5m")\n\n\n'
        "class Eager:\n"
        "    def delay(self, failure: Failure) -> float | None:\n"
        "        return 0.5 * failure.attempts\n\n\n"
        "backoff: queuectl.Backoff = Eager()\n"
        "with queuectl.open() as opened:\n"
        "    print(send(opened).id)\n"
    )
    (work / "wrong.py").write_text("import queuectl\n\nqueuectl.open().get(5)\n")
    check = [installed.python, "-m", "mypy", "--strict", "--cache-dir", "cache"]
    installed.run([*check, "right.py"])
    assert 'incompatible type "int"' in installed.run([*check, "wrong.py"], code=1).stdout
