"""JSON has the names that scripts rely on."""

from __future__ import annotations

import msgspec

from queuectl.engine.wire import attempt_to_dict, job_to_dict, worker_to_dict
from queuectl.model.attempt import Attempt, Result
from queuectl.model.job import Job, State
from queuectl.model.outcome import Outcome
from queuectl.model.worker import Role, StopMode, Worker

T = 1_767_355_200.0
NOON = "2026-01-02T12:00:00.000Z"

ABSENT: dict[str, object] = {
    "run_at": None,
    "timeout": None,
    "cwd": None,
    "env": {},
    "tags": [],
    "backoff": None,
    "options": {},
    "next_retry_at": None,
    "started_at": None,
    "finished_at": None,
    "exit_code": None,
    "signal": None,
    "error": None,
    "worker": None,
    "cancel_requested": False,
}
FIELDS = [
    *("id", "command", "state", "attempts", "max_retries", "created_at", "updated_at", "queue", "priority"),
    *ABSENT,
]


def plain_job() -> Job:
    """A job that was just enqueued."""
    return Job(
        id="one",
        command="true",
        state=State.PENDING,
        queue="default",
        priority=0,
        attempts=0,
        max_retries=3,
        created_at=T,
        updated_at=T,
    )


def test_a_job_has_every_field_in_a_fixed_order() -> None:
    """Scripts read them by name, people from top to bottom."""
    assert list(job_to_dict(plain_job())) == FIELDS


def test_what_a_job_has_not_is_null_or_empty() -> None:
    """Nothing is left out."""
    told = job_to_dict(plain_job())
    assert {name: told[name] for name in ABSENT} == ABSENT
    assert (told["state"], told["created_at"], told["updated_at"]) == ("pending", NOON, NOON)


def test_a_job_with_everything_is_plain_json() -> None:
    """A list stays a list, a text a text, times are in UTC."""
    job = Job(
        id="two",
        command=("printf", "%s", "a b"),
        state=State.DEAD,
        queue="mail",
        priority=-2,
        attempts=4,
        max_retries=3,
        created_at=T,
        updated_at=T,
        run_at=T,
        next_retry_at=T,
        started_at=T,
        finished_at=T + 0.5,
        timeout=90.0,
        cwd="/srv",
        env={"A": "1"},
        tags=("nightly",),
        backoff={"plugin": "fixed", "delay": 2},
        options={"split": True},
        exit_code=None,
        signal=9,
        error="gave up",
        worker="w",
        cancel_requested=True,
    )
    told = msgspec.json.decode(msgspec.json.encode(job_to_dict(job)))
    assert list(told) == FIELDS
    assert told["command"] == ["printf", "%s", "a b"]
    assert told["finished_at"] == "2026-01-02T12:00:00.500Z"
    assert (told["timeout"], told["signal"], told["exit_code"], told["state"]) == (90, 9, None, "dead")
    assert (told["env"], told["tags"], told["options"]) == ({"A": "1"}, ["nightly"], {"split": True})
    assert told["backoff"] == {"plugin": "fixed", "delay": 2}


def test_an_attempt_tells_how_it_ended_and_where() -> None:
    """One entry of `attempts_log`."""
    attempt = Attempt(
        job="one",
        number=2,
        result=Result.FAILED,
        outcome=Outcome(exit_code=3, cpu_time=0.25, peak_memory=1024, pid=42),
        started_at=T,
        finished_at=T + 1,
        worker="w",
        host="here",
        worker_pid=41,
        output_size=7,
    )
    assert attempt_to_dict(attempt) == {
        "number": 2,
        "result": "failed",
        "exit_code": 3,
        "signal": None,
        "error": None,
        "timed_out": False,
        "started_at": NOON,
        "finished_at": "2026-01-02T12:00:01.000Z",
        "cpu_time": 0.25,
        "peak_memory": 1024,
        "worker": "w",
        "host": "here",
        "worker_pid": 41,
        "pid": 42,
        "output_size": 7,
        "output_path": None,
    }


def test_a_worker_tells_what_it_serves_and_runs() -> None:
    """One entry of `worker list`."""
    worker = Worker(
        id="w",
        host="here",
        pid=41,
        role=Role.WORKER,
        supervisor="s",
        queues=("mail",),
        concurrency=2,
        lease=30.0,
        started_at=T,
        beat_at=T,
        expired=False,
        stop=StopMode.FINISH,
        running=("one",),
    )
    assert worker_to_dict(worker) == {
        "id": "w",
        "host": "here",
        "pid": 41,
        "supervisor": "s",
        "queues": ["mail"],
        "concurrency": 2,
        "started_at": NOON,
        "beat_at": NOON,
        "stop": "finish",
        "running": ["one"],
    }
