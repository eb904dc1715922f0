"""`enqueue` takes jobs in every form that is promised, checks them all, and stores all or none."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Program


def stored(queuectl: Program) -> list[dict[str, Any]]:
    """Return all jobs, the oldest first."""
    jobs: list[dict[str, Any]] = queuectl("list", "--json", code=0).json
    return jobs[::-1]


def test_a_json_object_is_a_job(queuectl: Program) -> None:
    """Its fields are stored, and the job is printed."""
    (job,) = queuectl("enqueue", '{"id": "one", "command": "sleep 2", "priority": 5}', "--json", code=0).json
    assert (job["id"], job["command"], job["priority"], job["state"]) == ("one", "sleep 2", 5, "pending")
    assert stored(queuectl) == [job]


def test_words_after_dashes_are_a_program_with_arguments(queuectl: Program) -> None:
    """They are kept as a list, options and braces among them too."""
    queuectl("enqueue", "--queue", "mail", "--", "prog", "a b", "--json", "{", "--", code=0)
    (job,) = stored(queuectl)
    assert (job["command"], job["queue"]) == (["prog", "a b", "--json", "{", "--"], "mail")


def test_a_text_is_a_shell_command(queuectl: Program) -> None:
    """One word is taken as it is."""
    queuectl("enqueue", "sleep 2 && echo {}", code=0)
    assert stored(queuectl)[0]["command"] == "sleep 2 && echo {}"


@pytest.mark.parametrize(
    ("arguments", "reason", "hint"),
    [
        ([], "nothing to enqueue", "queuectl enqueue"),
        (["sleep", "2"], "2 words", "queuectl enqueue -- sleep 2"),
        (["{command:", "sleep 2}"], "took the JSON apart", "single quotes"),
        (["{command: true}"], "no JSON", ""),
        (["[ -f x ] && true"], "no JSON", "-- sh -c"),
        (["true", "--file", "jobs.json"], "several ways", ""),
        (["true", "--", "false"], "several ways", ""),
        (["--file", "a", "--file", "b"], "several ways", ""),
        (["@missing.json"], "cannot read missing.json", ""),
        (["--file", "."], "cannot read .", ""),
        (["@"], "name of the file", ""),
        (["-"], "stdin is empty", ""),
        (["true", "--env", "NAME"], "NAME=VALUE", ""),
        (["true", "--backoff", "nonsense"], "nonsense", ""),
        (["true", "--backoff", "{"], "--backoff", ""),
        (["true", "--run-at", "soon"], "run_at", ""),
        (["true", "--delay", "1s", "--run-at", "2030-01-01"], "exclude each other", ""),
        (["true", "--timeout", "0"], "timeout", ""),
        (["true", "--max-retries", "-1"], "max_retries", ""),
        (["true", "--id", ""], "id", ""),
        (["--id", "x", '[{"command": "a"}, {"command": "b"}]'], "--id names one job", ""),
        (['{"comand": "true"}'], "did you mean 'command'", ""),
        ([""], "command", ""),
    ],
)
def test_what_is_wrong_is_refused(queuectl: Program, arguments: list[str], reason: str, hint: str) -> None:
    """With exit code 2 and the reason; nothing is stored."""
    ran = queuectl("enqueue", *arguments, code=2)
    assert reason in ran.err and hint in ran.err and "internal" not in ran.err
    assert (ran.out, stored(queuectl)) == ("", [])


@pytest.mark.parametrize(
    "text",
    [
        '[{"command": "a"}, {"command": ["b"]}]',
        '{"command": "a"}\n\n{"command": ["b"]}\n',
        '\ufeff{"command": "a"}\r\n{"command": ["b"]}',
    ],
    ids=["array", "lines", "from Windows"],
)
@pytest.mark.parametrize("way", [["@jobs"], ["--file", "jobs"], ["-"], ["--file", "-"]])
def test_files_and_standard_input_hold_many_jobs(queuectl: Program, way: list[str], text: str) -> None:
    """As an array or as an object a line; `-q` prints the ids in their order."""
    (queuectl.cwd / "jobs").write_text(text, newline="")
    ran = queuectl("enqueue", "-q", *way, input=text, code=0)
    assert [job["command"] for job in stored(queuectl)] == ["a", ["b"]]
    assert ran.out.splitlines() == [job["id"] for job in stored(queuectl)]
    assert ran.err == ""


def test_one_wrong_job_stops_all(queuectl: Program) -> None:
    """The place is told, and none is stored."""
    ran = queuectl("enqueue", "-", input='{"command": "a"}\n{"command": "b", "priority": "high"}\n', code=2)
    assert "stdin:2: priority" in ran.err
    assert stored(queuectl) == []


def test_flags_win_over_fields(queuectl: Program) -> None:
    """Variables and tags are added; a delay takes the place of a moment."""
    job = {"command": "true", "queue": "a", "priority": 1, "env": {"A": "1", "B": "1"}, "tags": ["t"]}
    text = json.dumps({**job, "run_at": "2030-01-01T00:00:00Z", "timeout": 5})
    flags = ["--queue=b", "--priority=-2", "--env=B=2", "--env=C=x=y", "--tag=u", "--delay=0", "--timeout=1m"]
    more = ["--id=chosen", "--max-retries=7", "--cwd=below", '--backoff={"plugin": "fixed", "delay": "5s"}']
    (found,) = queuectl("enqueue", text, *flags, *more, "--json", code=0).json
    expected: dict[str, Any] = {
        "id": "chosen",
        "queue": "b",
        "priority": -2,
        "env": {"A": "1", "B": "2", "C": "x=y"},
        "tags": ["t", "u"],
        "timeout": 60.0,
        "max_retries": 7,
        "cwd": str(queuectl.cwd / "below"),
        "backoff": {"plugin": "fixed", "delay": "5s"},
    }
    assert {name: found[name] for name in expected} == expected
    assert found["run_at"] is None or found["run_at"] < "2030"


def test_a_taken_id_is_a_conflict(queuectl: Program) -> None:
    """Exit code 4, and nothing of the call is stored; --skip-existing passes over it."""
    queuectl("enqueue", "--id", "one", "true", code=0)
    both = '[{"id": "one", "command": "a"}, {"id": "two", "command": "b"}]'
    assert "one" in queuectl("enqueue", both, code=4).err
    assert len(stored(queuectl)) == 1
    ran = queuectl("enqueue", both, "--skip-existing", code=0)
    assert [row[0] for row in ran.rows] == ["two"]
    assert "1 job passed over" in ran.err


def test_a_pipe_gets_what_list_prints(queuectl: Program) -> None:
    """The same fields, every job, and no message."""
    jobs: list[dict[str, Any]] = [{"command": f"echo {n}", "priority": n} for n in range(30)]
    jobs += [{"command": "a\tb\\\n\x1b[0m", "queue": "no\\ne"}, {"command": ["a b", "é"], "id": "\\ x", "delay": 5}]
    ran = queuectl("enqueue", "-", input="\n".join(map(json.dumps, jobs)), code=0)
    assert (len(ran.rows), ran.err) == (len(jobs), "")
    assert ran.rows == queuectl("list", code=0).rows[::-1]


def test_a_terminal_is_told_how_to_go_on(queuectl: Program) -> None:
    """A line for each of a few jobs, a count for many, and how to start a worker."""
    few = queuectl.on_terminal("enqueue", "sleep 2", code=0)
    (job,) = stored(queuectl)
    assert job["id"] in few.out and "sleep 2" in few.out and "queuectl worker start" in few.out
    (queuectl.cwd / "jobs").write_text(json.dumps([{"command": "true"}] * 1200))
    many = queuectl.on_terminal("enqueue", "@jobs", code=0)
    assert "1,200 jobs stored" in many.out
    quiet = queuectl.on_terminal("enqueue", "-q", "true", code=0)
    assert quiet.out.split() == [stored(queuectl)[-1]["id"]]


def test_a_terminal_is_told_of_queues_that_nobody_serves(
    queuectl: Program, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """A worker for other queues is none for these."""
    queuectl.start("worker", "start", "--queue", "mail", stderr=subprocess.DEVNULL)
    eventually(lambda: queuectl("worker", "list", code=0).rows)
    assert "hint" not in queuectl.on_terminal("enqueue", "--queue", "mail", "true", code=0).out
    shown = queuectl.on_terminal("enqueue", "--queue", "my post", "true", code=0).out
    assert "no worker serves my post: queuectl worker start '--queue=my post'" in shown


def test_an_empty_array_is_no_error(queuectl: Program) -> None:
    """There is nothing to store, and that is said."""
    assert queuectl("enqueue", "[]", "--json", code=0).json == []
    assert "no jobs" in queuectl("enqueue", "[]", code=0).err
