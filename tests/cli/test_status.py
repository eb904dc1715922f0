"""`status` counts jobs and workers, for people and for scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Program

STATES = ["pending", "processing", "completed", "failed", "dead", "cancelled"]


def test_json_has_the_agreed_form(queuectl: Program) -> None:
    """Six states, the number of workers, where the store is and which file was read; nothing else."""
    queuectl.enqueue("true", "true", {"command": "true", "delay": 3600})
    assert queuectl("status", "--json", code=0).json == {
        "jobs": dict.fromkeys(STATES, 0) | {"pending": 3},
        "workers": {"active": 0},
        "store": str(queuectl.home / "jobs.db"),
        "config": None,
    }


def test_an_empty_store_counts_nothing(queuectl: Program) -> None:
    """The very first call, before anything was stored."""
    status = queuectl("status", "--json", code=0).json
    assert status["jobs"] == dict.fromkeys(STATES, 0)
    assert list(status) == ["jobs", "workers", "store", "config"]


def test_every_state_is_counted(queuectl: Program) -> None:
    """One job in each state that can be had without a clock."""
    queuectl.enqueue("true")
    queuectl.dead("exit 3", "exit 4")
    cancelled = queuectl.enqueue({"command": "true", "delay": 3600})
    queuectl("cancel", *cancelled, code=0)
    queuectl.enqueue({"command": "true", "delay": 3600})
    assert queuectl("status", "--json", code=0).json["jobs"] == {
        "pending": 1,
        "processing": 0,
        "completed": 1,
        "failed": 0,
        "dead": 2,
        "cancelled": 1,
    }


def test_the_configuration_file_is_named(queuectl: Program) -> None:
    """So that nobody wonders which of the six places was read."""
    file = queuectl.cwd / "queuectl.yaml"
    file.write_text("jobs: {max-retries: 1}\n")
    named = queuectl("status", "--json", code=0).json["config"]
    assert (queuectl.cwd / named).samefile(file)


def test_running_workers_are_counted(queuectl: Program, eventually: Callable[[Callable[[], object]], None]) -> None:
    """Workers, not supervisors; and none once they have stopped."""
    queuectl.start("worker", "start", "--count", "2")
    eventually(lambda: queuectl("status", "--json", code=0).json["workers"] == {"active": 2})
    queuectl("worker", "stop", code=0)
    assert queuectl("status", "--json", code=0).json["workers"] == {"active": 0}


def test_a_pipe_gets_a_line_for_each(queuectl: Program) -> None:
    """A name, a tab, a value; an absent value is empty."""
    queuectl.enqueue("true")
    ran = queuectl("status", code=0)
    assert ran.rows == [
        ["pending", "1"],
        *([state, "0"] for state in STATES[1:]),
        ["workers", "0"],
        ["store", str(queuectl.home / "jobs.db")],
        ["config", ""],
    ]
    assert ran.err == ""


def test_a_person_is_told_what_to_do_next(queuectl: Program) -> None:
    """How to start workers when jobs wait for them, and where to look when jobs died."""
    queuectl.dead("exit 3")
    queuectl.enqueue("true", "true")
    shown = queuectl.on_terminal("status", code=0).out
    assert "2  pending" in shown
    assert "0 active" in shown
    assert "2 jobs to run and no worker: queuectl worker start --count 2" in shown
    assert "1 job gave up: queuectl dlq list" in shown


def test_quiet_gives_no_hints(queuectl: Program) -> None:
    """Only the data."""
    queuectl.enqueue("true")
    assert "hint:" not in queuectl.on_terminal("status", "--quiet", code=0).out


def test_colour_is_for_terminals_that_want_it(queuectl: Program) -> None:
    """None in a pipe, under NO_COLOR, --no-color or TERM=dumb."""
    queuectl.enqueue("true")
    assert "\x1b[" in queuectl.on_terminal("status", code=0).out
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in queuectl.on_terminal("status", env=env, code=0).out
    assert "\x1b" not in queuectl.on_terminal("status", "--no-color", code=0).out
    assert "\x1b" not in queuectl.on_terminal("status", piped=["stdout"], code=0).out
    assert "\x1b[" in queuectl.on_terminal("status", env={"NO_COLOR": ""}, code=0).out


def test_secrets_of_the_store_are_not_shown(queuectl: Program) -> None:
    """`store` is a place, in one line of printable text."""
    store = queuectl("status", "--json", code=0).json["store"]
    assert store.isprintable()
