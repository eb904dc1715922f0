"""`doctor` finds what an operator can get wrong, and says what to type."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def unwell(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the findings that are not well, by what was looked at."""
    return {each["check"]: each for each in found if each["health"] != "ok"}


def test_a_new_store_is_well(queuectl: Program) -> None:
    """Nothing to say, exit code 0, and nothing but what is well in the report."""
    ran = queuectl("doctor", "--json", code=0)
    assert unwell(ran.json) == {}
    looked_at = {each["check"] for each in ran.json}
    assert looked_at >= {"configuration", "data directory", "disk space", "store", "SQLite", "clock", "workers", "jobs"}
    assert queuectl("doctor", "--quiet", code=0).out == ""
    assert "all is well" in queuectl.on_terminal("doctor", code=0).out


def test_waiting_jobs_want_a_worker(queuectl: Program) -> None:
    """A warning with the command to type; warnings are no failure."""
    queuectl.enqueue("true")
    finding = unwell(queuectl("doctor", "--json", code=0).json)["workers"]
    assert (finding["health"], finding["hint"]) == ("warning", "queuectl worker start")
    assert queuectl("doctor", "-q", code=0).rows == [["warning", "workers", finding["text"], finding["hint"]]]


def test_a_worker_that_was_killed_is_named(
    queuectl: Program, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """With the jobs that it had, until somebody takes them over."""
    queuectl.enqueue("test -e mark || { touch mark; sleep 60; }")
    supervisor = queuectl.start("worker", "start")
    eventually((queuectl.cwd / "mark").exists)
    (worker,) = queuectl("worker", "list", "--json", code=0).json
    supervisor.kill()
    os.kill(worker["pid"], signal.SIGKILL)
    supervisor.wait()
    eventually(lambda: "workers" in unwell(queuectl("doctor", "--json", code=0).json))
    finding = unwell(queuectl("doctor", "--json", code=0).json)["workers"]
    assert finding["text"].startswith(worker["id"]) and finding["text"].endswith("died with 1 job")
    queuectl.work()
    assert unwell(queuectl("doctor", "--json", code=0).json) == {}


def test_a_queue_that_nobody_serves_is_named(
    queuectl: Program, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """While a worker serves another one."""
    queuectl.enqueue({"command": "true", "queue": "mail"})
    queuectl.start("worker", "start", "--queue", "other")
    eventually(lambda: queuectl("status", "--json").json["workers"]["active"])
    finding = unwell(queuectl("doctor", "--json", code=0).json)["queues"]
    assert "mail" in finding["text"]
    assert finding["hint"] == "queuectl worker start --queue=mail"


def test_a_configuration_that_cannot_be_read(queuectl: Program) -> None:
    """Nothing else can be looked at: 78, with the line."""
    (queuectl.cwd / "queuectl.yaml").write_text("worker: {count: many}\n")
    ran = queuectl("doctor", "--json", code=78)
    (finding,) = ran.json
    assert (finding["check"], finding["health"]) == ("configuration", "error")
    assert "worker.count" in finding["text"]


def test_a_store_of_another_program(queuectl: Program) -> None:
    """An error, 1, and the file stays as it is."""
    queuectl.home.mkdir(parents=True, exist_ok=True)
    path = queuectl.home / "jobs.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.commit()
    connection.close()
    path.chmod(0o600)
    before = path.read_bytes()
    finding = unwell(queuectl("doctor", "--json", code=1).json)["store"]
    assert (finding["health"], "another program" in finding["text"]) == ("error", True)
    assert path.read_bytes() == before


def test_a_damaged_store(queuectl: Program) -> None:
    """What `check` finds is an error each."""
    queuectl.enqueue("true", "true")
    connection = sqlite3.connect(queuectl.home / "jobs.db")
    connection.execute("UPDATE count SET jobs = 7")
    connection.commit()
    connection.close()
    finding = unwell(queuectl("doctor", "--json", code=1).json)["store"]
    assert "7 jobs are counted, 2 are there" in finding["text"]


def test_what_others_may_read(queuectl: Program) -> None:
    """A database that others can reach and read is a warning with the remedy."""
    queuectl.enqueue("true")
    queuectl.home.chmod(0o755)
    path = queuectl.home / "jobs.db"
    path.chmod(0o644)
    finding = unwell(queuectl("doctor", "--json", code=0).json)["permissions"]
    assert finding["hint"].split()[:3] == ["chmod", "go-rwx", str(path)]


def test_a_clock_that_was_set_back(queuectl: Program) -> None:
    """Jobs from the future are told of."""
    queuectl.enqueue("true")
    connection = sqlite3.connect(queuectl.home / "jobs.db")
    connection.execute("UPDATE job SET updated_at = updated_at + 7200")
    connection.commit()
    connection.close()
    assert "set back" in unwell(queuectl("doctor", "--json", code=0).json)["clock"]["text"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written(queuectl: Program) -> None:
    """The data directory is an error before anything is tried there."""
    queuectl.home.mkdir(parents=True, exist_ok=True)
    queuectl.home.chmod(0o500)
    try:
        assert unwell(queuectl("doctor", "--json", code=1).json)["data directory"]["health"] == "error"
    finally:
        queuectl.home.chmod(0o700)
