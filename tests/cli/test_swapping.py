"""One YAML file per deployment: the same jobs, given by the same script, behave as each file says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

CONFIG = Path(__file__).parents[2] / "config"

Eventually = Callable[[Callable[[], object]], None]
Jobs = Mapping[str, Mapping[str, Any]]
Wait = tuple[float, float]
"""The shortest and the longest wait, in seconds; without jitter they are the same."""

JOBS: Sequence[Mapping[str, Any]] = (
    {"id": "plain", "command": "exit 3"},
    {"id": "wrong-usage", "command": "exit 2"},
    {"id": "wrong-data", "command": "exit 65"},
    {"id": "heavy", "queue": "heavy", "command": "exit 3"},
    {"id": "mail", "queue": "mail", "command": "exit 3"},
    {"id": "patient", "queue": "patient", "command": "exit 75"},
    {"id": "impatient", "queue": "patient", "command": "exit 3"},
    {"id": "urgent", "queue": "urgent", "command": "true"},
    {"id": "two-streams", "command": "echo out; echo err >&2"},
)
FAILING = ("plain", "wrong-usage", "wrong-data", "heavy", "mail", "patient", "impatient", "own", "own-mail")
GATED = 20
"""More jobs that wait for a gate than any of the deployments runs at once."""


@dataclass(frozen=True)
class Says:
    """What a file says of the jobs of the script.

    `dead` are those that die of their first failure. `waits` tells of each other one how long it waits after so many
    failures, `of_file` of those for which the file has no rule of their own.
    """

    max_retries: int
    timeout: float
    of_file: Callable[[int], Wait]
    waits: Mapping[str, Callable[[int], Wait]]
    dead: frozenset[str]
    fields: Mapping[str, Mapping[str, Any]]
    error_output: str | None
    notifications: frozenset[str]
    workers: int
    concurrency: int


def exactly(seconds: float) -> Callable[[int], Wait]:
    """The same wait, however often a job has failed."""
    return lambda failures: (seconds, seconds)


OWN: Mapping[str, Callable[[int], Wait]] = {"own": exactly(420.0), "own-mail": lambda failures: (10.0 * failures,) * 2}
"""The jobs that have a backoff of their own, whatever the files say."""

DEPLOYMENTS: Mapping[str, Says] = {
    "laptop": Says(
        max_retries=2,
        timeout=7200.0,
        of_file=lambda failures: (2.0**failures, 2.0**failures),
        waits={},
        dead=frozenset({"heavy"}),
        fields={"heavy": {"max_retries": 0, "timeout": None}, "mail": {"max_retries": 2}, "urgent": {"priority": 0}},
        error_output=None,
        notifications=frozenset({"job.failed", "job.dead", "job.lost", "worker.lost"}),
        workers=1,
        concurrency=2,
    ),
    "batch-server": Says(
        max_retries=5,
        timeout=21600.0,
        of_file=lambda failures: (0.0, 3.0**failures),
        waits={"mail": exactly(300.0)},
        dead=frozenset({"wrong-data"}),
        fields={"mail": {"max_retries": 12, "timeout": 60.0}, "urgent": {"priority": 100}},
        error_output="err\n",
        notifications=frozenset({"job.dead", "job.lost", "worker.lost"}),
        workers=4,
        concurrency=4,
    ),
    "aggressive-retries": Says(
        max_retries=20,
        timeout=30.0,
        of_file=lambda failures: (min(1.5**failures, 60.0) / 2, min(1.5**failures, 60.0)),
        waits={"patient": lambda failures: ((1.0, 5.0, 30.0, 120.0, 600.0)[failures - 1],) * 2},
        dead=frozenset({"wrong-usage", "impatient"}),
        fields={"patient": {"max_retries": 20, "timeout": 30.0}, "urgent": {"priority": 0}},
        error_output=None,
        notifications=frozenset({"job.dead"}),
        workers=1,
        concurrency=8,
    ),
}


@dataclass
class Deployment:
    """The program under one of the files, with a worker and a data directory of its own."""

    says: Says
    queuectl: Program
    eventually: Eventually

    def jobs(self) -> Jobs:
        """Return the jobs by their ids."""
        return {job["id"]: job for job in self.queuectl("list", "--json", code=0).json}

    def settled(self, ids: Sequence[str], *, before: Jobs | None = None) -> Jobs:
        """Wait until jobs have run, again if they had run `before`, and wait or are done; return all jobs."""
        seen: list[Jobs] = []

        def have() -> bool:
            seen.append(self.jobs())
            return all(_is_settled(seen[-1][id], before[id] if before else None) for id in ids)

        self.eventually(have)
        return seen[-1]

    def results(self, id: str) -> list[str]:
        """Return how each run of a job ended."""
        return [attempt["result"] for attempt in self.queuectl("show", id, "--json", code=0).json["attempts_log"]]

    def wait_of(self, id: str) -> Callable[[int], Wait]:
        """Return how long a job waits by its own backoff, else by its queue's, else by the file's."""
        return OWN.get(id) or self.says.waits.get(id, self.says.of_file)


def _is_settled(job: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    ended = job["finished_at"] if before is None else job["finished_at"] != before["finished_at"]
    return bool(ended) and job["state"] not in {"pending", "processing"}


def assert_waits(job: Mapping[str, Any], wait: Callable[[int], Wait]) -> None:
    """Check how long a job waits from when its last failure was stored: not measured, but by the times in the record.

    On a machine under load it may have used up its retries before anybody could look.
    """
    if job["state"] == "dead":
        assert job["attempts"] == job["max_retries"] + 1
        return
    stored, due = (datetime.fromisoformat(job[name]) for name in ("updated_at", "next_retry_at"))
    shortest, longest = wait(job["attempts"])
    # Times are told to the millisecond.
    assert shortest - 0.001 <= (due - stored).total_seconds() <= longest + 0.001, job


@pytest.fixture(params=DEPLOYMENTS)
def deployment(request: pytest.FixtureRequest, queuectl: Program, eventually: Eventually) -> Deployment:
    """A deployment in which the jobs are stored and no worker runs yet."""
    file = CONFIG / f"{request.param}.yaml"
    # One of the files names a database below /var; whoever tries it out puts that elsewhere, as here.
    queuectl.env |= {"QUEUECTL_CONFIG": str(file), "QUEUECTL_STORAGE__PATH": str(queuectl.home / "jobs.db")}
    queuectl.enqueue(*JOBS)
    queuectl("enqueue", "--id", "own", "--backoff", '{"plugin": "fixed", "delay": "7m"}', "exit 3", code=0)
    queuectl("enqueue", "--id", "own-mail", "--queue", "mail", "--backoff", "linear", "exit 3", code=0)
    queuectl("enqueue", "--id", "stubborn", "--backoff", "none", "exit 3", code=0)
    return Deployment(DEPLOYMENTS[request.param], queuectl, eventually)


def test_the_same_script_behaves_as_the_file_says(deployment: Deployment) -> None:
    """Given the same calls, then defaults, retries, notifications and the number of jobs at once are the file's."""
    check_what_is_stored(deployment)
    worker = deployment.queuectl.start("worker", "start")
    check_first_failures(deployment)
    check_second_failures(deployment)
    check_how_many_run_at_once(deployment)
    lose_a_worker(deployment)
    deployment.queuectl("worker", "stop", code=0)
    _, log = worker.communicate(timeout=180)
    lines = [json.loads(line) for line in log.decode().splitlines() if line.startswith("{")]
    assert {line["event"] for line in lines if "event_id" in line} == deployment.says.notifications


def check_what_is_stored(deployment: Deployment) -> None:
    """What a job did not say is the queue's, else the file's."""
    says, jobs = deployment.says, deployment.jobs()
    assert (jobs["plain"]["max_retries"], jobs["plain"]["timeout"]) == (says.max_retries, says.timeout)
    for id, fields in says.fields.items():
        assert {name: jobs[id][name] for name in fields} == fields


def check_first_failures(deployment: Deployment) -> None:
    """Each failing job is dead, or waits as its own backoff says, else its queue's, else the file's."""
    says = deployment.says
    jobs = deployment.settled([*FAILING, "stubborn", "two-streams"])
    assert {id for id in FAILING if jobs[id]["state"] == "dead" and jobs[id]["attempts"] == 1} == says.dead
    for id in set(FAILING) - says.dead:
        assert_waits(jobs[id], deployment.wait_of(id))
    deployment.eventually(lambda: deployment.jobs()["stubborn"]["state"] == "dead")
    assert deployment.results("stubborn") == ["failed"] * (says.max_retries + 1)
    output = deployment.queuectl("logs", "two-streams", "--json", code=0).json
    assert output["error_output"] == says.error_output


def check_second_failures(deployment: Deployment) -> None:
    """Nobody waits for the delays of the files: a person has the jobs run again, and each waits by its next step."""
    again = ("plain", "mail", "own")
    before = deployment.jobs()
    for id in again:
        assert deployment.queuectl("retry", id).code in {0, 4}  # 4: its time came just before
    jobs = deployment.settled(again, before=before)
    for id in again:
        assert_waits(jobs[id], deployment.wait_of(id))


def check_how_many_run_at_once(deployment: Deployment) -> None:
    """As many jobs run as the workers have room for, and no more."""
    says, queuectl = deployment.says, deployment.queuectl
    room = says.workers * says.concurrency
    gate = queuectl.cwd / "gate"
    os.mkfifo(gate)
    gated = [f"gated-{number}" for number in range(GATED)]
    queuectl.enqueue(*({"id": id, "command": "read line < gate || true"} for id in gated))

    def processing() -> int:
        jobs = deployment.jobs()
        return sum(jobs[id]["state"] == "processing" for id in gated)

    deployment.eventually(lambda: processing() == room)
    workers = queuectl("worker", "list", "--json", code=0).json
    assert [worker["concurrency"] for worker in workers] == [says.concurrency] * says.workers
    assert processing() == room
    opened = os.open(gate, os.O_WRONLY)
    gate.unlink()  # for those that come later
    os.close(opened)
    deployment.eventually(lambda: all(job["state"] == "completed" for job in map(deployment.jobs().get, gated) if job))


def lose_a_worker(deployment: Deployment) -> None:
    """Let a job kill its worker once, so that there is something to be told of that."""
    command = "test $QUEUECTL_ATTEMPT -gt 1 || kill -9 $PPID"
    deployment.queuectl.enqueue({"id": "killer", "command": command})
    deployment.settled(["killer"])
    assert deployment.results("killer") == ["lost", "completed"]
