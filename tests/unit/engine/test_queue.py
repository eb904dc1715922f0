"""The queue offers clients all that they may do, in whatever storage."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import queuectl
from queuectl import (
    Action,
    ConfigError,
    ConflictError,
    Job,
    NotFoundError,
    Output,
    Query,
    Role,
    State,
    UsageError,
    Verdict,
    WaitTimeoutError,
)
from queuectl.config import Config, load_config
from queuectl.engine.ledger import Ledger
from queuectl.engine.queue import Queue
from queuectl.testing.contract.steps import (
    claim_one,
    complete,
    fail,
    one_in_each_state,
    ran,
    register,
    settle,
)


@pytest.fixture
def worker(queue: Queue) -> str:
    """A worker that other hosts know."""
    return register(queue.storage, "worker-1")


def test_a_job_is_stored_and_returned(queue: Queue, work: Path) -> None:
    """What is returned is what is stored."""
    job = queue.enqueue("sleep 2", queue="mail", tags=["a"], priority=2)
    assert queue.get(job.id) == job
    assert (job.command, job.state, job.queue, job.cwd) == ("sleep 2", State.PENDING, "mail", str(work))
    assert (job.tags, job.priority, job.max_retries, job.attempts) == (("a",), 2, 3, 0)


def test_a_delay_counts_from_the_moment_of_storing(queue: Queue) -> None:
    """In words as people write it, or in seconds."""
    for delay in ("5m", 300, 300.0):
        job = queue.enqueue("true", delay=delay)
        assert job.run_at == job.created_at + 300


def test_a_moment_is_a_text_or_a_datetime(queue: Queue) -> None:
    """Programs have datetimes."""
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert queue.enqueue("true", run_at=moment).run_at == moment.timestamp()
    assert queue.enqueue("true", run_at="2030-01-02T04:04:05+01:00").run_at == moment.timestamp()


@pytest.mark.parametrize("options", [{"max-retries": 3}, {"timeout": -1}, {"id": ""}, {"nonsense": 1}])
def test_a_job_that_is_not_valid_is_not_stored(queue: Queue, options: Mapping[str, Any]) -> None:
    """The error is that of a mistake in the call."""
    with pytest.raises(UsageError) as caught:
        queue.enqueue("true", **options)
    assert caught.value.exit_code == 2
    assert queue.list() == []


def test_an_id_that_is_taken_is_refused(queue: Queue) -> None:
    """Whatever state its job is in."""
    queue.enqueue("true", id="mine")
    with pytest.raises(ConflictError, match="'mine' is stored already"):
        queue.enqueue("false", id="mine")
    assert queue.get("mine").command == "true"


def test_many_are_stored_in_order(queue: Queue) -> None:
    """And returned as a list."""
    jobs = queue.enqueue_many([{"command": ["true"]}, {"command": "exit 3", "max_retries": 0}])
    assert [job.command for job in jobs] == [("true",), "exit 3"]
    assert isinstance(jobs, list)
    assert queue.list() == jobs[::-1]


@pytest.mark.parametrize(
    ("jobs", "error", "message"),
    [
        ([{"command": "a"}, {"command": ""}], UsageError, "item 2: command: expected a command, got ''"),
        ([{"command": "a", "id": "x"}, {"command": "b", "id": "x"}], ConflictError, "'x' stands twice"),
        ([{"command": "a"}, {"command": "b", "id": "taken"}], ConflictError, "'taken' is stored already"),
        ({"command": "a"}, UsageError, "item 1: expected a mapping of fields such as `command`, got 'command'"),
        (["true"], UsageError, "item 1: expected a mapping"),
    ],
)
def test_all_are_stored_or_none(queue: Queue, jobs: Any, error: type[Exception], message: str) -> None:
    """One that is wrong, or whose id is taken, is enough."""
    queue.enqueue("true", id="taken")
    with pytest.raises(error, match=message):
        queue.enqueue_many(jobs)
    assert [job.id for job in queue.list()] == ["taken"]


def test_jobs_that_are_stored_already_can_be_passed_over(queue: Queue) -> None:
    """To enqueue the same file twice is to enqueue it once."""
    jobs = [{"command": "true", "id": id} for id in "abc"]
    queue.enqueue_many(jobs[:1])
    assert [job.id for job in queue.enqueue_many(jobs, skip_existing=True)] == ["b", "c"]
    assert queue.enqueue_many(jobs, skip_existing=True) == []


def test_no_jobs_open_no_store(config: Config) -> None:
    """Nothing is made for nothing."""
    with Queue(config) as queue:
        assert queue.enqueue_many([]) == []
    assert not config.data.exists()


def test_many_come_from_a_generator_with_progress(queue: Queue) -> None:
    """More of them than are read or made at once."""
    told: list[int] = []
    jobs = queue.enqueue_many(({"command": f"echo {n}"} for n in range(1200)), progress=told.append)
    assert sum(told) == 1200
    assert [job.command for job in queue.iterate()] == [job.command for job in reversed(jobs)]
    assert len(queue.list(limit=600)) == 600


def test_a_whole_id_is_needed_to_get(queue: Queue) -> None:
    """What may have been meant is told."""
    queue.enqueue_many([{"command": "true", "id": id} for id in ("abc", "abd", "x")])
    with pytest.raises(NotFoundError) as caught:
        queue.get("ab")
    assert caught.value.message == "no job 'ab'"
    assert "abc, abd" in str(caught.value.hint)
    with pytest.raises(NotFoundError) as caught:
        queue.get("nothing like it")
    assert "queuectl list" in str(caught.value.hint)


def test_a_unique_beginning_finds_a_job(queue: Queue) -> None:
    """The whole id of another is no obstacle."""
    queue.enqueue_many([{"command": "true", "id": id} for id in ("ab", "abc", "x%", "xy")])
    assert queue.find("abc").id == "abc"
    assert queue.find("ab").id == "ab"
    assert queue.find("x%").id == "x%"


@pytest.mark.parametrize("prefix", ["", "nothing", "%", "_", "B"])
def test_a_beginning_of_nothing_finds_nothing(queue: Queue, prefix: str) -> None:
    """An empty one would find the only job there is."""
    queue.enqueue("true", id="b")
    with pytest.raises(NotFoundError):
        queue.find(prefix)


def test_a_beginning_of_many_finds_none_and_lists_them(queue: Queue) -> None:
    """Ten are enough to see."""
    queue.enqueue_many([{"command": "true", "id": f"job-{number:02}"} for number in range(12)])
    with pytest.raises(NotFoundError, match="several jobs begin with 'job'") as caught:
        queue.find("job")
    assert caught.value.details == (*(f"job-{number:02}" for number in range(10)), "…")


def test_jobs_are_listed_newest_first(queue: Queue, worker: str) -> None:
    """By state, queue and tag."""
    one_in_each_state(queue.storage, worker)
    queue.enqueue("true", id="mail", queue="mail", tags=["t"])
    assert [job.id for job in queue.list(limit=2)] == ["mail", "pending"]
    assert [job.id for job in queue.list(state="dead")] == ["dead"]
    assert [job.id for job in queue.list(state=State.DEAD)] == ["dead"]
    assert {job.id for job in queue.list(state=["dead", State.FAILED])} == {"dead", "failed"}
    assert [job.id for job in queue.list(queue="mail")] == ["mail"]
    assert [job.id for job in queue.list(tag="t")] == ["mail"]
    assert queue.list(tag="t", state="dead") == []
    assert queue.list(state=[]) == []
    assert queue.list(limit=0) == []


@pytest.mark.parametrize("options", [{"state": "deda"}, {"state": ["dead", "x"]}, {"state": 5}, {"limit": -1}])
def test_a_list_of_what_does_not_exist_is_refused(queue: Queue, options: Any) -> None:
    """A misspelled state is no empty list."""
    with pytest.raises(UsageError):
        queue.list(**options)


def test_pages_go_on_where_the_last_ended(queue: Queue) -> None:
    """With a cursor."""
    queue.enqueue_many([{"command": "true", "id": id} for id in "abc"])
    first = queue.page(limit=2)
    assert [job.id for job in first.jobs] == ["c", "b"]
    rest = queue.page(Query(), first.next_cursor, 2)
    assert ([job.id for job in rest.jobs], rest.next_cursor) == (["a"], None)


def test_attempts_and_their_output_are_told(queue: Queue, worker: str) -> None:
    """By default the output of the last."""
    job = queue.enqueue("true")
    claim = claim_one(queue.storage, worker)
    fail(queue.storage, claim, delay=0.0)
    again = claim_one(queue.storage, worker)
    run = ran(again, exit_code=0, output=Output(tail=b"done\n", size=5))
    assert settle(queue.storage, again, Verdict.COMPLETED, charge=True, run=run)
    assert [attempt.number for attempt in queue.attempts(job.id)] == [1, 2]
    assert queue.output(job.id).tail == b"done\n"
    assert queue.output(job.id, 1).tail == b""


def test_what_never_ran_has_no_output(queue: Queue, worker: str) -> None:
    """The job and the attempt are told apart."""
    job = queue.enqueue("true")
    assert list(queue.attempts(job.id)) == []
    with pytest.raises(NotFoundError, match="no attempt that has ended"):
        queue.output(job.id)
    with pytest.raises(NotFoundError, match=r"no attempt 7"):
        queue.output(job.id, 7)
    for ask in (queue.attempts, queue.output, lambda unknown: queue.output(unknown, 1)):
        with pytest.raises(NotFoundError, match="no job 'nosuchjob'"):
            ask("nosuchjob")


def test_a_job_that_has_ended_needs_no_waiting(queue: Queue, worker: str) -> None:
    """Not even with a time-out of nothing."""
    job = queue.enqueue("true")
    complete(queue.storage, claim_one(queue.storage, worker))
    assert queue.wait(job.id, timeout=0).state is State.COMPLETED


def test_waiting_is_a_matter_of_time(queue: Queue) -> None:
    """The time is a number or a text."""
    job = queue.enqueue("true", delay="1h")
    for timeout in (0, 0.01, "20ms"):
        with pytest.raises(WaitTimeoutError, match=f"job '{job.id}' is pending after"):
            queue.wait(job.id, timeout)
    with pytest.raises(UsageError, match="timeout: expected a duration"):
        queue.wait(job.id, "soon")


def test_jobs_are_retried_cancelled_and_deleted(queue: Queue, worker: str) -> None:
    """Each returns the job as it is now, delete as it was."""
    one_in_each_state(queue.storage, worker)
    retried = queue.retry("dead")
    assert (retried.state, retried.attempts) == (State.PENDING, 0)
    assert queue.cancel("pending").state is State.CANCELLED
    assert queue.cancel("processing").cancel_requested
    assert queue.delete("completed").state is State.COMPLETED
    with pytest.raises(NotFoundError):
        queue.get("completed")


def test_counts_are_by_queue_and_totals_by_state(queue: Queue, worker: str) -> None:
    """Totals name every state."""
    one_in_each_state(queue.storage, worker)
    queue.enqueue("true", queue="mail")
    assert queue.counts()["mail"][State.PENDING] == 1
    assert queue.totals() == {**dict.fromkeys(State, 1), State.PENDING: 2}


def test_queues_are_set_and_told(queue: Queue) -> None:
    """A queue may be paused before it has a job."""
    assert queue.set_queue("mail", paused=True, limit=3).paused
    (state,) = queue.queues()
    assert (state.name, state.paused, state.limit) == ("mail", True, 3)
    for name in ("", "a\nb"):
        with pytest.raises(UsageError, match="queue: expected"):
            queue.set_queue(name, paused=True)
    with pytest.raises(UsageError, match="key_limit: expected an integer from 0"):
        queue.set_queue("mail", key_limit=-1)


def test_workers_are_those_that_may_live(queue: Queue) -> None:
    """Neither supervisors, nor those of this host that are known to be dead."""
    run = queue.config.data / "run"
    for id in ("elsewhere", "alive", "dead"):
        register(queue.storage, id)
    register(queue.storage, "supervisor", role=Role.SUPERVISOR)
    alive = Ledger(run, "alive", slots=1, boot="now")
    Ledger(run, "dead", slots=1, boot="now").close(unlink=False)
    try:
        assert {worker.id for worker in queue.workers()} == {"elsewhere", "alive"}
        assert queue.status()["workers"] == {"active": 2}
    finally:
        alive.close()


def test_the_status_of_an_empty_store_is_zeros(queue: Queue) -> None:
    """In the order of the states, with the place of the store."""
    status = queue.status()
    assert list(status) == ["jobs", "workers", "store", "config"]
    assert list(status["jobs"].items()) == [
        (state, 0) for state in ("pending", "processing", "completed", "failed", "dead", "cancelled")
    ]
    assert status["workers"] == {"active": 0}
    assert isinstance(status["store"], str)
    assert status["config"] is None


def test_the_status_names_the_store_and_the_file(work: Path, tmp_path: Path) -> None:
    """By their paths."""
    file = work / "queuectl.yaml"
    file.write_text("storage: {path: here.db}\n")
    with Queue(load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")}, cwd=work)) as queue:
        queue.enqueue("true")
        status = queue.status()
    assert (status["store"], status["config"]) == (str(work / "here.db"), str(file))
    assert status["jobs"]["pending"] == 1


def test_many_change_at_once(queue: Queue, worker: str) -> None:
    """By a query."""
    one_in_each_state(queue.storage, worker)
    changed = queue.change(Action.CANCEL, Query(states=frozenset({State.PENDING, State.FAILED})))
    assert {job.id for job in changed} == {"pending", "failed"}


def test_open_finds_the_configuration_as_the_command_does(work: Path, tmp_path: Path) -> None:
    """A path, none at all, or one that was read already."""
    here, other = work / "queuectl.yaml", tmp_path / "other.yaml"
    here.write_text("jobs: {priority: 1}\n")
    other.write_text("jobs: {priority: 2}\n")
    with queuectl.open() as queue:
        assert queue.config.file == here
    for named in (other, str(other)):
        with queuectl.open(named, overrides=["jobs.timeout=5"]) as queue:
            assert queue.config.file == other
            defaults = queue.config.jobs("default")
            assert (defaults.priority, str(defaults.timeout)) == (2, "5s")
    config = load_config(other)
    assert queuectl.open(config).config is config
    with pytest.raises(UsageError):
        queuectl.open(config, overrides=["jobs.timeout=5"])
    with pytest.raises(ConfigError):
        queuectl.open(tmp_path / "nosuchfile.yaml")


def test_opening_touches_no_store(config: Config) -> None:
    """It is opened when it is first needed."""
    with Queue(config) as queue:
        assert repr(queue) == "<Queue sqlite>"
        assert not config.data.exists()
        queue.enqueue("true")
        assert (config.data / "jobs.db").exists()
        assert repr(queue) == f"<Queue {config.data / 'jobs.db'}>"


def test_a_closed_queue_says_so(queue: Queue) -> None:
    """Closing twice is closing once."""
    queue.enqueue("true")
    queue.close()
    queue.close()
    with pytest.raises(UsageError, match="the queue is closed"):
        queue.enqueue("true")


def test_threads_share_a_queue(config: Config) -> None:
    """The store is opened once, and every job is stored."""
    start = threading.Barrier(8)

    def enqueue(number: int) -> list[Job]:
        start.wait()
        return [queue.enqueue(f"echo {number}") for _ in range(10)]

    with Queue(config) as queue, ThreadPoolExecutor(8) as pool:
        jobs = [job for some in pool.map(enqueue, range(8)) for job in some]
        assert len({job.id for job in jobs}) == 80
        assert len(queue.list()) == 80


PLUMBING = {"close", "storage", "accept", "store"}
"""What the page tells in words, and what only the command line needs."""


@pytest.mark.parametrize("name", [name for name in vars(Queue) if not name.startswith("_") and name not in PLUMBING])
def test_the_reference_names_all_that_a_client_may_do(name: str) -> None:
    """By name and arguments."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "python.md").read_text()
    (told,) = re.findall(rf"`{name}\((.*?)\)`", page)[:1]
    assert [word.partition("=")[0] for word in told.split(", ") if word not in {"", "*"}] == [
        ("**" if parameter.kind is parameter.VAR_KEYWORD else "") + parameter.name
        for parameter in list(inspect.signature(getattr(Queue, name)).parameters.values())[1:]
    ]
