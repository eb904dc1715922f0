"""Jobs are checked, and get the defaults of their queues."""

from __future__ import annotations

import os
from collections import UserDict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from queuectl.config import Config, load_config
from queuectl.engine.intake import FIELDS, READ_ONLY, Intake
from queuectl.engine.wire import job_to_dict
from queuectl.errors import ConfigError, UsageError
from queuectl.model.job import Job, NewJob, State


def accept(config: Config, **job: Any) -> NewJob:
    """Take in one job."""
    (accepted,) = Intake(config).accept([("", job)]).jobs
    return accepted


def refusal(config: Config, job: Any, place: str = "") -> UsageError:
    """The error with which one job is refused."""
    with pytest.raises(UsageError) as caught:
        Intake(config).accept([(place, job)])
    assert caught.value.exit_code == 2
    return caught.value


@pytest.fixture
def configured(work: Path, tmp_path: Path) -> Config:
    """A configuration with defaults of its own, and a queue that differs."""
    (work / "queuectl.yaml").write_text(
        """
jobs: {max-retries: 5, timeout: 1h, priority: 2}
queues:
  mail: {max-retries: 10, timeout: 30s, backoff: {plugin: fixed, delay: 30s}}
"""
    )
    return load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")}, cwd=work)


def test_a_command_is_enough(config: Config, work: Path) -> None:
    """Everything else has a default."""
    job = accept(config, command="true")
    assert job == NewJob(id=job.id, command="true", cwd=str(work))
    assert len(job.id) == 13
    assert (job.queue, job.priority, job.max_retries, job.timeout) == ("default", 0, 3, None)


def test_all_that_is_given_is_kept(config: Config) -> None:
    """By the names of the JSON fields."""
    job = accept(
        config,
        id="one",
        command=["a", "b"],
        queue="mail",
        priority=-3,
        run_at="1970-01-01T00:00:01Z",
        timeout="90s",
        max_retries=0,
        cwd="/",
        env={"A": "1"},
        tags=["x"],
        backoff="fixed",
        options={"split": True},
    )
    assert job == NewJob(
        id="one",
        command=("a", "b"),
        queue="mail",
        priority=-3,
        run_at=1.0,
        timeout=90.0,
        max_retries=0,
        cwd="/",
        env={"A": "1"},
        tags=("x",),
        backoff="fixed",
        options={"split": True},
    )


@pytest.mark.parametrize("many", [1, 1000])
def test_defaults_are_those_of_the_queue(configured: Config, many: int) -> None:
    """Of one job as of many, which are made another way."""
    jobs = Intake(configured).accept(
        ("", {"command": "true", "queue": queue}) for queue in ("mail", "other") for _ in range(many)
    )
    mail, other = jobs.jobs[0], jobs.jobs[-1]
    assert (mail.max_retries, mail.timeout, mail.priority) == (10, 30.0, 2)
    assert (other.max_retries, other.timeout, other.priority) == (5, 3600.0, 2)
    assert type(mail.timeout) is float


def test_a_job_made_in_bulk_is_like_any_other(config: Config) -> None:
    """Nothing tells them apart, and they share nothing that can change."""
    fields = {"command": ["a"], "env": {"A": "1"}, "tags": ["t"], "backoff": {"base": 3}, "options": {"split": True}}
    one = accept(config, id="0", **fields)
    many = Intake(config).accept(("", {"id": str(number), **fields}) for number in range(1000)).jobs
    assert many[0] == one
    assert repr(many[0]) == repr(one)
    bare = Intake(config).accept(("", {"command": "true"}) for _ in range(1000)).jobs
    assert bare[0].env is not bare[1].env
    assert bare[0] == NewJob(id=bare[0].id, command="true", cwd=os.getcwd())


@pytest.mark.parametrize("field", [field for field in FIELDS if field != "command"])
def test_null_is_as_if_it_was_left_out(config: Config, field: str) -> None:
    """So that what `show --json` prints can be given back."""
    given = accept(config, **{"id": "a", "command": "true", field: None})
    left_out = accept(config, **({"command": "true"} | ({"id": "a"} if field != "id" else {})))
    assert (given.id == left_out.id) is (field != "id")
    assert {name: getattr(given, name) for name in FIELDS if name != "id"} == {
        name: getattr(left_out, name) for name in FIELDS if name != "id"
    }


def test_an_empty_backoff_is_none(config: Config) -> None:
    """It says nothing."""
    assert not accept(config, command="true", backoff={}).backoff


def test_what_only_queuectl_sets_is_ignored(config: Config) -> None:
    """Whatever it says."""
    job = accept(config, command="true", **dict.fromkeys(READ_ONLY, "nonsense"))
    assert job == NewJob(id=job.id, command="true", cwd=job.cwd)


def test_what_is_printed_can_be_given_back(config: Config) -> None:
    """The JSON of a job is the JSON for a job like it."""
    job = Job(
        id="one",
        command=("a", "b"),
        state=State.DEAD,
        queue="mail",
        priority=1,
        attempts=4,
        max_retries=3,
        created_at=1.0,
        updated_at=2.0,
        run_at=3.0,
        timeout=4.0,
        cwd="/",
        env={"A": "1"},
        tags=("t",),
        backoff={"base": 3},
        error="it failed",
    )
    again = accept(config, **job_to_dict(job), attempts_log=[])
    assert {name: getattr(again, name) for name in FIELDS if name != "delay"} == {
        name: getattr(job, name) for name in FIELDS if name != "delay"
    }


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("comand", "command"),
        ("max-retries", "max_retries"),
        ("max_retrys", "max_retries"),
        ("Priority", "priority"),
        ("run-at", "run_at"),
        ("cmd", "command"),
        ("retries", "max_retries"),
        ("tag", "tags"),
    ],
)
def test_an_unknown_field_is_refused_with_a_suggestion(config: Config, field: str, meant: str) -> None:
    """A misspelled option that went unnoticed would be worse."""
    error = refusal(config, {"command": "true", field: None}, "jobs.jsonl:17")
    assert error.message == f"jobs.jsonl:17: unknown field '{field}'; did you mean '{meant}'?"
    assert error.hint is not None
    assert all(name in error.hint for name in FIELDS)


def test_an_unknown_field_like_no_other_is_refused(config: Config) -> None:
    """The hint tells which there are."""
    assert refusal(config, {"command": "true", "zzz": 1}).message == "unknown field 'zzz'"
    assert refusal(config, {"command": "true", "a\x1b\n": 1}).message == "unknown field 'a\\x1b\\n'"
    assert refusal(config, {"command": "true", 5: 1}).message == "expected the name of a field, got 5"


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({}, "a job needs a command"),
        ({"command": None}, "a job needs a command"),
        ({"command": ""}, "command: expected a command, got ''"),
        ({"command": "a", "run_at": "2030-01-01", "delay": 5}, "run_at and delay exclude each other"),
        ({"command": "a", "run_at": "soon"}, "run_at: expected a time such as 2026-01-02T03:04:05Z, got 'soon'"),
        ({"command": "a", "timeout": 0}, "timeout: expected a duration above 0, got 0"),
        ({"command": "a", "priority": 5.0}, "priority: expected an integer from -2147483647 to 2147483647, got 5.0"),
        ({"command": "a", "env": {"A": 1}}, "env: 'A': expected a text, got a number"),
        (["true"], "expected a mapping of fields such as `command`, got ['true']"),
        ("true", "expected a mapping of fields such as `command`, got 'true'"),
    ],
)
def test_a_mistake_names_its_place_and_its_field(config: Config, job: Any, message: str) -> None:
    """One line, whatever it is."""
    assert refusal(config, job).message == message
    assert refusal(config, job, "item 3").message == f"item 3: {message}"


def test_a_run_at_beside_a_delay_of_null_is_fine(config: Config) -> None:
    """Only one of them is said."""
    assert accept(config, command="a", run_at="1970-01-01T00:00:01Z", delay=None).run_at == 1.0


def test_any_mapping_will_do(config: Config) -> None:
    """Programs have more kinds than dict."""
    (job,) = Intake(config).accept([("", UserDict({"command": "true"}))]).jobs
    assert job.command == "true"


@pytest.mark.parametrize("backoff", ["fixed", {"plugin": "fixed", "delay": "5s"}, {"base": 3}])
def test_a_backoff_of_its_own_is_kept_as_it_was_given(config: Config, backoff: Any) -> None:
    """It is read again when the job fails."""
    assert accept(config, command="a", backoff=backoff).backoff == backoff


@pytest.mark.parametrize(
    ("backoff", "words"),
    [
        ("fixd", ["fixd", "fixed"]),
        ({"plugin": "fixed", "dealy": 5}, ["backoff.dealy", "delay"]),
        ({"plugin": "fixed", "delay": "soon"}, ["backoff.delay", "soon"]),
        ({"plugin": 5}, ["backoff.plugin"]),
    ],
)
def test_a_backoff_that_cannot_be_used_is_refused_at_once(config: Config, backoff: Any, words: list[str]) -> None:
    """Not hours later, when the job fails. It is the job's mistake, not that of the configuration."""
    error = refusal(config, {"command": "a", "backoff": backoff}, "item 1")
    assert error.message.startswith("item 1: backoff")
    assert all(word in error.message for word in words)


def test_a_backoff_may_lean_on_that_of_its_queue(configured: Config) -> None:
    """As in a queue's section: what it leaves out comes from there."""
    assert accept(configured, command="a", queue="mail", backoff={"delay": "1s"}).backoff == {"delay": "1s"}
    assert "backoff.delay" in refusal(configured, {"command": "a", "backoff": {"delay": "1s"}}).message


@pytest.mark.parametrize(("options", "words"), [({"splt": True}, ["options.splt", "split"]), ({"split": 5}, ["split"])])
def test_options_are_checked_by_the_executor(config: Config, options: Any, words: list[str]) -> None:
    """Each executor has settings of its own."""
    error = refusal(config, {"command": "a", "options": options}, "item 1")
    assert error.message.startswith("item 1: options")
    assert all(word in error.message for word in words)


def test_an_executor_that_is_not_there_is_no_mistake_of_the_job(work: Path, tmp_path: Path) -> None:
    """Whoever wrote the configuration must mend it."""
    (work / "queuectl.yaml").write_text("queues:\n  gpu: {executor: {plugin: nosuchexecutor}}\n")
    config = load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")}, cwd=work)
    with pytest.raises(ConfigError, match="nosuchexecutor"):
        accept(config, command="a", queue="gpu", options={"split": True})


def test_a_relative_directory_is_made_absolute(config: Config, work: Path) -> None:
    """The worker runs elsewhere. Links are left as they are."""
    assert accept(config, command="a", cwd="sub/../x").cwd == f"{work}/sub/../x"
    assert accept(config, command="a", cwd=".").cwd == str(work)
    assert accept(config, command="a", cwd="/x").cwd == "/x"


def test_the_directory_is_the_one_of_the_moment(config: Config, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may go elsewhere between two jobs."""
    intake = Intake(config)
    (first,) = intake.accept([("", {"command": "a"})]).jobs
    monkeypatch.chdir("/")
    (second,) = intake.accept([("", {"command": "a"})]).jobs
    assert (first.cwd, second.cwd) == (str(work), "/")


def test_a_directory_that_is_gone_matters_only_where_it_is_needed(config: Config, work: Path) -> None:
    """The error says what to do."""
    work.rmdir()
    assert accept(config, command="a", cwd="/").cwd == "/"
    for job in ({"command": "a"}, {"command": "a", "cwd": "sub"}):
        error = refusal(config, job)
        assert "the current directory is gone" in error.message
        assert error.hint is not None


def test_nothing_is_accepted_when_one_is_wrong(config: Config) -> None:
    """All that are wrong are named, a line each, with the hint of the first."""
    with pytest.raises(UsageError, match=r"^f:2: a job needs a command$") as caught:
        Intake(config).accept([("f:1", {"command": "a"}), ("f:2", {}), ("f:3", {"cmd": "a"}), ("f:4", {"command": ""})])
    assert [line.partition(" ")[0] for line in caught.value.details] == ["f:3:", "f:4:"]


def test_of_very_many_that_are_wrong_some_are_named(config: Config) -> None:
    """Then no more are looked at."""
    with pytest.raises(UsageError, match=r"^f:1: a job needs a command$") as caught:
        Intake(config).accept((f"f:{number}", {}) for number in count(1))
    assert caught.value.details[-2:] == ("f:20: a job needs a command", "… and more like these")


def test_ids_are_made_for_those_without_in_their_order(config: Config) -> None:
    """And it is known which were chosen."""
    jobs, chosen = Intake(config).accept(
        ("", {"command": "a", **({"id": f"mine-{number}"} if number % 2 else {})}) for number in range(6)
    )
    made = [job.id for job in jobs[::2]]
    assert [job.id for job in jobs[1::2]] == ["mine-1", "mine-3", "mine-5"]
    assert chosen == {"mine-1", "mine-3", "mine-5"}
    assert made == sorted(set(made))


def test_what_was_given_is_not_changed(config: Config) -> None:
    """It belongs to the caller."""
    given = {"command": ["a"], "cwd": "x", "tags": ["t"]}
    Intake(config).accept([("", given)])
    assert given == {"command": ["a"], "cwd": "x", "tags": ["t"]}


def test_progress_is_told_in_strides_that_add_up(config: Config) -> None:
    """Jobs may come from a generator, and are checked as they come."""
    told: list[tuple[int, int]] = []
    taken: list[int] = []

    def jobs() -> Iterator[tuple[str, dict[str, str]]]:
        for number in range(2501):
            taken.append(number)
            yield "", {"command": "a"}

    Intake(config).accept(jobs(), progress=lambda more: told.append((more, len(taken))))
    assert told == [(1000, 1000), (1000, 2000), (501, 2501)]


def test_no_jobs_are_no_jobs(config: Config, work: Path) -> None:
    """Nothing is looked for, nothing told."""
    work.rmdir()
    told: list[int] = []
    assert Intake(config).accept([], progress=told.append) == ([], frozenset())
    assert told == []
