"""What is promised when hosts of one PostgreSQL database die, are cut off from it, or it is restarted."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queuectl.engine.shares import ENDED, EXPIRED
from queuectl_postgres import Postgres
from tests.conftest import postgres_binaries
from tests.servers.host import Host
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy
from tests.waiting import until

LEASE = 9.0
"""Seconds of the leases that are to run out."""

LONG_LEASE = 120.0
"""Seconds of those that are not, however busy the machine is."""

ROUND = 6.0
"""Seconds between two looks for the dead, and those that it takes to begin with what they left, also under load."""

Start = Callable[..., Host]

BEATS = """
trap '' TERM
while :; do
    echo "$HERE $QUEUECTL_ATTEMPT $(cut -d' ' -f1 /proc/uptime)" >>{marks}
    test "$HERE" != heir || exec sleep 1
    sleep 0.05
done
"""
"""A command that notes where it is and when, again and again; only on the heir it ends, not at once, by itself."""

pytestmark = pytest.mark.skipif(not Path("/proc/uptime").exists(), reason="looks at processes as Linux shows them")


@pytest.fixture
def start(tmp_path: Path, postgres: Postgres) -> Iterator[Start]:
    """Return what makes a host on the database of this test, by way of a port where one is given."""
    with ExitStack() as stack:

        def start(name: str, *, dsn: str = postgres.dsn, port: int | None = None, **worker: Any) -> Host:
            timeout = 10.0
            if port is not None:
                timeout = 2.0  # it is to be cut off
                dsn = psycopg.conninfo.make_conninfo(dsn, host="127.0.0.1", port=port)
            storage = {"plugin": "postgres", "dsn": dsn, "schema": postgres.schema, "timeout": timeout}
            host = Host(tmp_path / name, storage, {"worker": {"lease": LEASE, **worker}, "backoff": {"base": 0.1}})
            stack.callback(host.close)
            return host

        yield start


@pytest.fixture
def proxy(postgres: Postgres) -> Iterator[Proxy]:
    """Return a proxy before the server of this test."""
    told: Any = psycopg.conninfo.conninfo_to_dict(postgres.dsn)
    proxy = Proxy(told.get("host", "127.0.0.1"), int(told.get("port", 5432)))
    yield proxy
    proxy.close()


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Return where the commands of all hosts leave their marks."""
    path = tmp_path / "marks"
    path.touch()
    return path


def lines(marks: Path) -> list[tuple[str, int, float]]:
    """Return the marks: host, attempt, and when that was by a clock that all hosts share."""
    told = [line.split() for line in marks.read_text().splitlines()]
    return [(host, int(attempt), float(at)) for host, attempt, at in told]


def uptime() -> float:
    """Return what that clock tells now."""
    return float(Path("/proc/uptime").read_text().split()[0])


def hosts(marks: Path) -> set[str]:
    """Return where commands have left marks."""
    return {host for host, *_ in lines(marks)}


def enqueue(host: Host, id: str, command: str) -> None:
    """Enqueue a job that is not tried again when it fails."""
    host.run("enqueue", json.dumps({"id": id, "command": command, "max_retries": 0}))


def test_the_jobs_of_a_host_that_lost_its_power_are_taken_over(start: Start, marks: Path) -> None:
    """From another host, before the lease of its workers is over; the run is recorded as lost."""
    dead, heir = start("dead"), start("heir")
    dead.start()
    enqueue(dead, "a", BEATS.format(marks=marks))
    until(lambda: hosts(marks) == {"dead"})
    heir.start()
    dead.lose_power()
    died = uptime()
    until(lambda: heir.job("a")["state"] == "completed")
    assert min(at for host, _, at in lines(marks) if host == "heir") - died < LEASE + ROUND
    assert [each["result"] for each in heir.job("a")["attempts_log"]] == ["lost", "completed"]


def test_the_jobs_of_a_killed_worker_are_taken_over_at_once_on_its_host(start: Start, marks: Path) -> None:
    """The kernel tells, as with any storage: no lease has to run out."""
    here = start("here", lease=LONG_LEASE)
    supervisor = here.start()
    enqueue(here, "a", f"echo x >>{marks}; test $QUEUECTL_ATTEMPT -gt 1 || sleep 60")
    until(lambda: marks.read_text() == "x\n")
    (worker,) = (int(each["pid"]) for each in json.loads(here.run("worker", "list", "--json")))
    os.kill(worker, signal.SIGKILL)
    until(lambda: here.job("a")["state"] == "completed")
    assert [each["result"] for each in here.job("a")["attempts_log"]] == ["lost", "completed"]
    supervisor.terminate()
    assert supervisor.wait(120) == 0


@pytest.mark.parametrize("mood", ["silent", "shut"])
def test_a_host_that_is_cut_off_ends_its_commands_before_another_starts_them(
    start: Start, marks: Path, proxy: Proxy, mood: Any
) -> None:
    """Whether its connections are closed, or nobody ever hears again of what is sent; and later it works as before."""
    cut, heir = start("cut", port=proxy.port), start("heir")
    cut.start()
    enqueue(heir, "a", BEATS.format(marks=marks))
    until(lambda: hosts(marks) == {"cut"})
    heir.start()
    proxy.become(mood)
    cut_at = uptime()
    until(lambda: heir.job("a")["state"] == "completed")
    # Both are one machine in truth, so the heir would find the command, and end it right before it begins with it. It
    # must have ended long before: a sixth of the lease lies between, less half a second that a command has for its end.
    last = max(at for host, _, at in lines(marks) if host == "cut")
    begun = min(at for host, _, at in lines(marks) if host == "heir")
    assert begun - last > (LEASE * (EXPIRED - ENDED) - 0.5) / 2
    assert begun < cut_at + LEASE + ROUND
    assert [each["result"] for each in heir.job("a")["attempts_log"]] == ["lost", "completed"]

    heir.run("worker", "stop")
    proxy.become("open")
    enqueue(heir, "b", f"echo b on $HERE >>{marks}.later")
    until(lambda: heir.job("b")["state"] == "completed")
    assert Path(f"{marks}.later").read_text() == "b on cut\n"
    assert heir.job("a")["state"] == "completed"
    assert len(heir.job("a")["attempts_log"]) == 2


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Return a directory that all hosts share."""
    path = tmp_path / "shared"
    path.mkdir(mode=0o700)
    return path


LONG = "head -c 300000 /dev/zero | tr '\\0' x; echo end"
"""Writes much more than is stored with an attempt."""

WHOLE = "x" * 300000 + "end\n"


class TestSharedOutputs:
    """Hosts that keep outputs in a directory that all of them share."""

    def test_a_long_output_is_read_whole_from_any_host(self, start: Start, shared: Path) -> None:
        """And goes, from any of them, with its job."""
        one, other = (start(name, outputs=str(shared)) for name in ("one", "other"))
        one.start()
        enqueue(one, "a", LONG)
        until(lambda: one.job("a")["state"] == "completed")
        assert other.run("logs", "--raw", "a") == other.run("logs", "a") == one.run("logs", "--raw", "a") == WHOLE
        assert len(list(shared.rglob("*.out"))) == 1
        other.run("prune", "--older-than", "0s", "--yes")
        assert list(shared.rglob("*.out")) == []

    def test_what_runs_is_read_from_any_host(self, start: Start, shared: Path) -> None:
        """As far as it has come."""
        one, other = (start(name, outputs=str(shared)) for name in ("one", "other"))
        one.start()
        enqueue(one, "a", f"{LONG}; until test -e {shared}/go; do sleep 0.02; done")
        until(lambda: other.run("logs", "--raw", "a") == WHOLE)
        (shared / "go").touch()

    def test_what_a_dead_host_wrote_is_kept(self, start: Start, shared: Path) -> None:
        """Whoever takes over finds it, and stores its end."""
        dead, heir = (start(name, outputs=str(shared)) for name in ("dead", "heir"))
        dead.start()
        enqueue(dead, "a", f"{LONG}; test $HERE = heir || sleep 600")
        until(lambda: heir.run("logs", "--raw", "a") == WHOLE)
        heir.start()
        dead.lose_power()
        until(lambda: heir.job("a")["state"] == "completed")
        assert [each["result"] for each in heir.job("a")["attempts_log"]] == ["lost", "completed"]
        assert heir.run("logs", "--raw", "a", "--attempt", "1") == WHOLE

    def test_a_directory_that_is_not_there_is_told(self, start: Start, shared: Path) -> None:
        """No worker starts, since it would share with nobody; the end of an output is read all the same."""
        one, other = (start(name, outputs=str(shared)) for name in ("one", "other"))
        worker = one.start()
        enqueue(one, "a", LONG)
        until(lambda: one.job("a")["state"] == "completed")
        worker.terminate()
        worker.wait(120)
        shared.rename(shared.with_name("away"))
        assert other.run("worker", "start", code=78).startswith(
            f"error: worker.outputs: there is no directory {shared}\nhint: mount it, or make it: mkdir"
        )
        assert other.run("logs", "--raw", "a") == WHOLE[-65536:]
        assert f"there is no directory {shared} here" in other.told("logs", "--raw", "a")


def test_nothing_is_lost_when_the_server_is_restarted(start: Start, tmp_path: Path, marks: Path) -> None:
    """It crashes while jobs are claimed, run and settled; workers come back to it, and each job ran once."""
    server = PostgresServer(postgres_binaries(), durable=True)
    try:
        host = start("here", dsn=server.dsn, lease=LONG_LEASE)
        jobs = [{"id": f"job-{number}", "command": f"echo {number} >>{marks}; sleep 0.05"} for number in range(80)]
        (tmp_path / "jobs").write_text(json.dumps(jobs))
        host.run("enqueue", "--file", str(tmp_path / "jobs"))
        host.start("--count", "2")
        for done in (10, 30):
            until(partial(_has_lines, marks, done))
            server.stop()
            assert "cannot be reached" in host.run("status", code=75)
            server.start()
        until(lambda: json.loads(host.run("status", "--json"))["jobs"]["completed"] == 80)
        assert sorted(map(int, marks.read_text().split())) == list(range(80))
        assert [each for each in json.loads(host.run("doctor", "--json")) if each["health"] == "error"] == []
        assert "the storage answers again" in host.log()
    finally:
        server.close()


def _has_lines(path: Path, number: int) -> bool:
    return len(path.read_text().splitlines()) > number
