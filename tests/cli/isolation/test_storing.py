"""A third party's storage that breaks is named, in commands and in workers; none of them dies of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.cli.isolation.telling import named

if TYPE_CHECKING:
    from tests.cli.isolation.conftest import Site

STORAGE = """
import os
import sys
from pathlib import Path
from queuectl import Provider, StorageBusyError, hookimpl
from queuectl_sqlite import Sqlite, create as create_sqlite

FAULTS = {
    "raises": KeyError("x"),
    "exits": SystemExit(0),
    "is busy": StorageBusyError("no room", hint="wait"),
}

class Faulty:
    '''The built-in storage, but for one method that does what it does as long as a file is there.'''

    def __init__(self, sqlite):
        self.sqlite = sqlite

    def __getattr__(self, name):
        method, _, fault = os.environ.get("FAULT", "").partition(" ")
        return self.fail(fault) if name == method else getattr(self.sqlite, name)

    def fail(self, fault):
        sound = getattr(self.sqlite, os.environ["FAULT"].partition(" ")[0])

        def method(*args, **kwargs):
            if Path("healed").exists():
                return sound(*args, **kwargs)
            if fault == "nothing":
                return None
            raise FAULTS[fault]

        return method

@hookimpl
def queuectl_storages():
    yield Provider("faulty", Sqlite, lambda settings, context: Faulty(create_sqlite(settings, context)))
"""


@pytest.fixture
def faulty(site: Site) -> Site:
    """A storage that breaks as the environment says."""
    site.install("faulty", STORAGE)
    site.configure("storage: faulty\njobs: {max-retries: 0}\n")
    return site


@pytest.mark.parametrize(
    ("call", "fault", "code", "told"),
    [
        (["enqueue", "true"], "enqueue raises", 1, "failed in enqueue: KeyError: 'x'"),
        (["enqueue", "true"], "enqueue exits", 1, "failed in enqueue: SystemExit: 0"),
        (["enqueue", "true"], "enqueue is busy", 75, ": no room"),
        (["list"], "list raises", 1, "failed in list: KeyError: 'x'"),
        (["status"], "counts raises", 1, "failed in counts: KeyError: 'x'"),
        (["cancel", "a"], "change raises", 1, "failed in change: KeyError: 'x'"),
        (["worker", "start"], "register raises", 1, "failed in register: KeyError: 'x'"),
        (["worker", "start"], "register exits", 1, "failed in register: SystemExit: 0"),
    ],
)
def test_what_a_storage_does_wrong_names_it(faulty: Site, call: list[str], fault: str, code: int, told: str) -> None:
    """Given a method that breaks, when a command needs it, then one line says whose it is and what happened."""
    faulty.program("enqueue", "--id", "a", "--", "true", code=0)
    ran = faulty.program(*call, env={"FAULT": fault}, code=code)
    error, *more = [line for line in ran.err.splitlines() if not line.startswith("store ")]
    assert error == f"error: {named('faulty')}{'' if told.startswith(':') else ' '}{told}"
    assert more == (["hint: wait"] if "busy" in fault else [])
    assert (ran.out, list(faulty.jobs())) == ("", ["a"])


def test_an_answer_that_is_no_fault_passes_as_it_is(faulty: Site) -> None:
    """Given an id that is taken, when it is stored again, then that is told as with the built-in storage."""
    for code in (0, 4):
        ran = faulty.program("enqueue", "--id", "a", "--", "true", code=code)
    assert ran.err.startswith("error: ")
    assert "plugin" not in ran.err


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("exchange raises", "failed in exchange: KeyError: 'x'"),
        ("exchange exits", "failed in exchange: SystemExit: 0"),
        ("exchange nothing", "returned None from exchange, not Exchange"),
        ("beat nothing", "returned None from beat, not Beat"),
    ],
)
def test_workers_wait_until_a_broken_storage_is_sound_again(
    faulty: Site, eventually: Callable[[Callable[[], object]], None], fault: str, told: str
) -> None:
    """Given a storage that breaks under a worker, when it is mended, then the same worker runs the jobs."""
    log = faulty.program.cwd / "log"
    faulty.program.enqueue("true")
    with log.open("wb") as stderr:
        worker = faulty.program.start("worker", "start", env={"FAULT": fault}, stderr=stderr.fileno())
    eventually(lambda: told in log.read_text())
    (faulty.program.cwd / "healed").touch()
    eventually(lambda: all(job["state"] == "completed" for job in faulty.jobs().values()))
    eventually(lambda: "the storage answers again" in log.read_text() or fault.startswith("beat"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(180) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert {line["error"] for line in lines if "error" in line} == {f"{named('faulty')} {told}"}
    assert "starting another" not in log.read_text()


def test_a_worker_does_without_what_only_wakes_it(faulty: Site) -> None:
    """Given a storage whose `interrupt` breaks, when a worker drains, then it says so once and ends in the end."""
    faulty.program.enqueue("true", "true")
    ran = faulty.program("worker", "start", "--drain", env={"FAULT": "interrupt raises"}, code=0)
    assert {job["state"] for job in faulty.jobs().values()} == {"completed"}
    assert ran.err.count(f"warning: {named('faulty')} failed in interrupt: KeyError: 'x'\n") == 1
