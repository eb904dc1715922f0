"""`show` tells all that is known of a job, and no secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

HIDDEN = ("PASSWORD", "db_password", "PGPASSWORD", "API_KEY", "AWS_SECRET_ACCESS_KEY", "GitHub_Token", "SENTRY_DSN")
HIDDEN_TOO = ("CREDENTIAL", "GOOGLE_CREDENTIALS", "Secret", "KEY", "SSH_KEYS")


def test_json_holds_the_job_and_its_attempts(queuectl: Program) -> None:
    """All fields of the job, and one record for each run."""
    (id,) = queuectl.dead("echo hello; exit 3")
    shown = queuectl("show", id, "--json", code=0).json
    (listed,) = queuectl("list", "--json", code=0).json
    (attempt,) = shown.pop("attempts_log")
    assert shown == listed
    assert (attempt["number"], attempt["result"], attempt["exit_code"], attempt["output_size"]) == (1, "failed", 3, 6)


def test_the_beginning_of_an_id_will_do(queuectl: Program) -> None:
    """As long as it is the only one that begins so; an id stands before those that it begins."""
    for id in ("alpha", "alphabet", "beta"):
        queuectl("enqueue", "--id", id, "true", code=0)
    assert queuectl("show", "b", "--json", code=0).json["id"] == "beta"
    assert queuectl("show", "alpha", "--json", code=0).json["id"] == "alpha"
    several = queuectl("show", "alp", code=3)
    assert "alpha" in several.err and "alphabet" in several.err
    assert "no job 'gamma'" in queuectl("show", "gamma", code=3).err


@pytest.mark.parametrize("form", [["--json"], []])
def test_secrets_are_masked(queuectl: Program, form: list[str]) -> None:
    """Values of variables whose names look like secrets, and passwords in addresses; the job itself gets them."""
    names = [*HIDDEN, *HIDDEN_TOO]
    env = {**{name: f"hush-{name}" for name in names}, "MODE": "fast", "URL": "pg://me:hush@db/x"}
    check = " && ".join(f'[ "${name}" = hush-{name} ]' for name in names)
    (id,) = queuectl.enqueue({"command": check, "env": env, "max_retries": 0})
    queuectl.work()
    shown = queuectl("show", id, *form, code=0).out
    assert "hush" not in shown.replace(json.dumps(check)[1:-1], "").replace(check, "")
    assert "fast" in shown and "pg://me:***@db/x" in shown
    job = queuectl("show", id, "--json", code=0).json
    assert job["state"] == "completed"
    assert all(job["env"][name] == "***" for name in names)


def test_a_pipe_gets_names_and_values(queuectl: Program) -> None:
    """A line for each field and each attempt."""
    (id,) = queuectl.dead("printf 'a\\tb\\n'; exit 3")
    fields = {row[0]: row[1] for row in queuectl("show", id, code=0).rows}
    assert (fields["id"], fields["state"], fields["exit_code"], fields["worker"] != "") == (id, "dead", "3", True)
    assert json.loads(fields["attempts_log.1"])["exit_code"] == 3


def test_people_see_what_matters(queuectl: Program) -> None:
    """How it ended, how often it ran, and where to read on."""
    (id,) = queuectl.dead({"command": "kill -9 $$", "queue": "mail", "tags": ["nightly"], "env": {"TOKEN": "hush"}})
    shown = queuectl.on_terminal("show", id, columns=120, code=0, env={"NO_COLOR": "1"}).out
    assert "killed by SIGKILL" in shown and "mail" in shown and "nightly" in shown and "1 of at most 1" in shown
    assert f"queuectl logs {id}" in shown and "hush" not in shown


def test_a_job_cannot_write_to_the_terminal(queuectl: Program) -> None:
    """Control characters of its command are shown, not sent."""
    (id,) = queuectl.enqueue("echo \x1b[2J\u202e")
    shown = queuectl.on_terminal("show", id, code=0, env={"NO_COLOR": "1"}).out
    assert "\\x1b[2J" in shown and "\x1b" not in shown and "\u202e" not in shown
