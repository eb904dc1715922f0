"""The console shows an operator everything, and changes nothing when it is told not to."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from queuectl import (
    Action,
    ConflictError,
    Edit,
    NotFoundError,
    Output,
    Query,
    ReadOnlyError,
    State,
    StopMode,
    Storage,
    UsageError,
)
from queuectl.config import load_config
from queuectl.engine import console as module
from queuectl.engine.console import Console
from queuectl.engine.spool import spool_path
from queuectl.model.lease import Verdict
from queuectl.testing.contract.steps import enqueue_and_claim, one_in_each_state, ran, register, settle


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """A console on an empty store."""
    with Console(load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")})) as console:
        yield console


@pytest.fixture
def onlooker(console: Console) -> Iterator[Console]:
    """One on the same store that may change nothing."""
    with Console(console.config, read_only=True) as onlooker:
        yield onlooker


@pytest.fixture
def worker(console: Console) -> str:
    """A worker that other hosts know, with a job in each state."""
    register(console._queue.storage, "w")
    one_in_each_state(console._queue.storage, "w")
    return "w"


CHANGES: dict[str, Callable[[Console], object]] = {
    "change": lambda console: console.change(Action.CANCEL, ["pending"]),
    "edit": lambda console: console.edit("pending", {"priority": 3}),
    "run_now": lambda console: console.run_now("pending"),
    "enqueue": lambda console: console.enqueue({"command": "true"}),
    "clone": lambda console: console.clone("pending"),
    "set_queue": lambda console: console.set_queue("default", paused=True),
    "stop_worker": lambda console: console.stop_worker("w"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_read_only_changes_nothing(onlooker: Console, console: Console, worker: str, name: str) -> None:
    """Given a read-only console, then each of its deeds is refused; given another, it is done."""
    before = [console.page(Query()), console.queues(), console.workers()]
    with pytest.raises(ReadOnlyError):
        CHANGES[name](onlooker)
    assert [console.page(Query()), console.queues(), console.workers()] == before
    CHANGES[name](console)
    assert [console.page(Query()), console.queues(), console.workers()] != before


def test_no_deed_is_left_out() -> None:
    """Every method that asks for leave to write is among those that the other test calls."""
    writing = [
        name
        for name, method in vars(Console).items()
        if callable(method) and "._writing()" in inspect.getsource(method)
    ]
    assert sorted(writing) == sorted(CHANGES)


def test_an_onlooker_sees_everything(onlooker: Console, worker: str) -> None:
    """What reads is not refused."""
    assert onlooker.totals() == dict.fromkeys(State, 1)
    assert [job.id for job in onlooker.page(Query(states=frozenset({State.DEAD}))).jobs] == ["dead"]
    assert [each.id for each in onlooker.workers()] == ["w"]
    assert onlooker.attempts("dead")[0].number == 1
    assert sum(bucket.failed for bucket in onlooker.stats(60, 60)) == 2
    assert onlooker.groups(Query(states=frozenset({State.DEAD})))[0].newest.id == "dead"
    assert list(onlooker.resolve("de", 5)) == ["dead"]
    assert onlooker.status()["jobs"]["pending"] == 1


def test_a_waiting_job_is_edited_as_it_would_be_enqueued(console: Console) -> None:
    """With the same words, and the same objections."""
    job = console.enqueue({"command": "true", "delay": "1h"})
    edited = console.edit(job.id, {"command": "false", "timeout": "5m", "priority": 7, "tags": ["a"]})
    assert (edited.command, edited.timeout, edited.priority, edited.tags) == ("false", 300.0, 7, ("a",))
    for wrong in ({"priority": "high"}, {"state": "dead"}, {"backoff": "nosuch"}, {"queue": "other"}, {}):
        with pytest.raises(UsageError):
            console.edit(job.id, wrong)
    assert console.get(job.id) == edited


def test_a_job_that_waits_for_its_time_or_is_held_can_run_now(console: Console) -> None:
    """And one that failed."""
    job = console.enqueue({"command": "true", "delay": "1h"})
    console.change(Action.HOLD, [job.id])
    due = console.run_now(job.id)
    assert due.run_at is not None and due.run_at <= time.time() and not due.held


@pytest.mark.parametrize("name", ["failed", "dead"])
def test_a_job_that_failed_can_run_now(console: Console, worker: str, name: str) -> None:
    """It is retried."""
    job = console.run_now(name)
    assert job.next_retry_at is None or job.next_retry_at <= time.time()


def test_a_clone_is_a_job_of_its_own(console: Console) -> None:
    """With all that was said of the other but its id and its time."""
    given: dict[str, Any] = {"command": ["a", "b"], "queue": "mail", "priority": 3, "max_retries": 0, "tags": ["x"]}
    job = console.enqueue({**given, "env": {"A": "1"}, "delay": "1h", "timeout": 5})
    clone = console.clone(job.id)
    assert clone.id != job.id and clone.run_at is None
    for name in ("command", "queue", "priority", "max_retries", "tags", "env", "timeout", "cwd", "backoff"):
        assert getattr(clone, name) == getattr(job, name)


def test_the_output_of_a_run_that_goes_on_is_what_is_there(console: Console) -> None:
    """Given a run at this host, then its file is read; given one elsewhere, there is nothing yet."""
    storage = console._queue.storage
    register(storage, "w")
    claim = enqueue_and_claim(storage, "w", "a")
    job = console.get("a")
    assert console.output(job).size == 0
    path = spool_path(console.config.data / "logs", "w", claim.lease.token)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half a line")
    assert console.output(job).tail == console.output(job, 1).tail == b"half a line"
    settle(storage, claim, Verdict.COMPLETED, run=ran(claim, output=Output(tail=b"all of it", size=9)))
    assert console.output(console.get("a")).tail == b"all of it"


def keep(console: Console, path: Path, output: Output) -> None:
    """Have the store say of a job `a` that its run wrote this, and of its file what is in it."""
    storage = console._queue.storage
    register(storage, "w")
    claim = enqueue_and_claim(storage, "w", "a")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"all of it")
    settle(storage, claim, Verdict.COMPLETED, run=ran(claim, output=output))


def test_all_that_was_written_is_read_where_it_was_kept(console: Console) -> None:
    """Given an output that is longer than what is stored, then its file is read; once that is gone, what is stored."""
    path = spool_path(console.config.data / "logs", "w", 1)
    keep(console, path, Output(tail=b"of it", size=9, path=str(path), error_tail=b"no", error_size=2))
    job = console.get("a")
    assert console.has_whole(console.output(job))
    assert b"".join(console.written(job)) == b"".join(console.written(job, 1)) == b"all of it"
    assert b"".join(console.written(job, errors=True)) == b"no"
    path.unlink()
    assert not console.has_whole(console.output(job))
    assert b"".join(console.written(job)) == b"of it"


@pytest.mark.parametrize("link", [False, True], ids=["elsewhere", "link"])
def test_no_file_is_read_but_those_of_outputs(console: Console, tmp_path: Path, link: bool) -> None:
    """Given a store that names another file, or a link to one in their place, then what is stored is all."""
    secret = tmp_path / "secret"
    named = spool_path(console.config.data / "logs", "w", 1) if link else secret
    keep(console, secret, Output(tail=b"tail", size=9, path=str(named)))
    if link:
        named.parent.mkdir(parents=True, exist_ok=True)
        named.symlink_to(secret)
    assert b"".join(console.written(console.get("a"))) == b"tail"


def test_output_that_is_not_there(console: Console) -> None:
    """A job that has not run wrote nothing; a run that there is not is an error."""
    job = console.enqueue({"command": "true"})
    assert console.output(job).size == 0
    with pytest.raises(NotFoundError):
        console.output(job, 3)


def test_a_worker_is_asked_to_stop(console: Console, worker: str) -> None:
    """First to finish; one that is not there cannot be asked."""
    assert console.stop_worker("w").stop is StopMode.FINISH
    assert console.stop_worker("w", force=True).stop is StopMode.FORCE
    assert console.workers()[0].stop is StopMode.FORCE
    with pytest.raises(NotFoundError):
        console.stop_worker("nobody")


def test_a_queue_that_there_is_not_is_not_made(console: Console) -> None:
    """A slip of the hand pauses nothing."""
    with pytest.raises(NotFoundError):
        console.set_queue("nosuch", paused=True)
    assert console.queues() == []


def test_secrets_stay_masked(console: Console) -> None:
    """Of jobs and of settings."""
    job = console.enqueue({"command": "true", "env": {"API_TOKEN": "s3cret", "PLAIN": "yes"}})
    assert console.describe(job)["env"] == {"API_TOKEN": "***", "PLAIN": "yes"}


def test_settings_say_where_they_come_from(tmp_path: Path) -> None:
    """A value of the file is told with its line."""
    file = tmp_path / "queuectl.yaml"
    file.write_text("jobs: {max-retries: 7}\n")
    with Console(load_config(file, environ={"QUEUECTL_HOME": str(tmp_path / "home")})) as console:
        settings = {setting["key"]: setting for setting in console.settings()}
    assert settings["jobs.max-retries"]["value"] == 7
    assert str(file) in settings["jobs.max-retries"]["origin"]
    assert settings["worker.concurrency"]["origin"] == "default"


def test_plugins_say_whether_they_are_used(console: Console) -> None:
    """The defaults use SQLite, and no linear backoff."""
    used = {plugin["name"]: plugin["used"] for plugin in console.plugins()}
    assert used["sqlite"] and used["subprocess"] and used["exponential"] and used["log"]
    assert not used["linear"]


def test_a_wait_ends_when_somebody_changes_something(console: Console) -> None:
    """From another handle; or when it is interrupted, or nothing happens."""
    with console.another() as watching:
        assert watching.wait(0.01) in {True, False}
        while watching.wait(0.05):
            pass
        thread = threading.Thread(target=console.enqueue, args=[{"command": "true"}])
        thread.start()
        assert watching.wait(120)
        thread.join()
        watching.interrupt()
        assert watching.wait(120)


def test_a_search_makes_a_pause(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a text that few of many jobs hold, when time is up, then what was found is told, and where to go on."""
    from queuectl_sqlite import selecting

    for number in range(40):
        console.enqueue({"command": "needle" if number in {39, 3} else "hay", "id": f"job-{number}"})
    monkeypatch.setattr(selecting, "LOOKED_AT", 10)
    assert [job.id for job in console.page(Query(text="needle")).jobs] == ["job-39", "job-3"]
    monkeypatch.setattr(module, "SEARCH_PATIENCE", 0.0)
    page = console.page(Query(text="needle"))
    assert [job.id for job in page.jobs] == ["job-39"] and page.next_cursor is not None
    assert len(console.page(Query(), None, 30).jobs) == 30


def test_a_change_that_would_touch_others_is_not_made(console: Console, worker: str) -> None:
    """The number is checked again where it is done."""
    query = Query(states=frozenset({State.DEAD}))
    with pytest.raises(ConflictError):
        console.change(Action.DELETE, query, expected=2)
    assert [job.id for job in console.change(Action.DELETE, query, expected=1)] == ["dead"]


def test_an_edit_may_be_given_whole(console: Console) -> None:
    """As `Queue.change` takes it."""
    job = console.enqueue({"command": "true"})
    assert console.change(Action.EDIT, [job.id], edit=Edit(priority=9))[0].priority == 9


class Untold:
    """A storage that cannot tell which job waits longest."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        """Return what the storage has, but for that."""
        if name == "backlog":
            raise AttributeError(name)
        return getattr(self._storage, name)


def test_what_waits_longest_is_found_on_every_storage(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the storage cannot tell; of those that were stored at once it is the first."""
    assert console.backlog() is None
    first, _ = console.enqueue({"command": "true"}), console.enqueue({"command": "true"})
    told = console.backlog()
    assert told is not None and told.oldest.id == first.id
    monkeypatch.setattr(console._queue, "_storage", Untold(console._queue.storage))
    assert console.backlog() == told
