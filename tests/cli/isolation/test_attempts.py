"""Whatever an executor or a wrapper does fails the attempt, never the worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.cli.isolation.telling import logged, named

if TYPE_CHECKING:
    from tests.cli.isolation.conftest import Site

EXECUTOR = """
import asyncio
import sys
from dataclasses import dataclass
from queuectl import Outcome, Provider, hookimpl

class Mute(Exception):
    def __str__(self):
        raise ValueError

@dataclass(frozen=True, kw_only=True)
class Faulty:
    fails: bool = False

    def execute(self, job, context):
        match job.id:
            case "raises":
                raise RuntimeError("one\\ntwo")
            case "exits":
                sys.exit(0)
            case "is-cancelled":
                raise asyncio.CancelledError
            case "is-mute":
                raise Mute
        return {
            "nothing": None,
            "number": 0,
            "text": Outcome(exit_code="0"),
            "empty": Outcome(),
            "time": Outcome(exit_code=0, cpu_time="fast"),
        }.get(job.id, Outcome(exit_code=0))

@hookimpl
def queuectl_executors():
    yield Provider("faulty", Faulty, create)

def create(settings, context):
    if settings.fails:
        raise RuntimeError("no connection")
    return settings
"""

SAYS = {
    "raises": "raised RuntimeError: one",
    "exits": "raised SystemExit: 0",
    "is-cancelled": "raised CancelledError",
    "is-mute": "raised Mute, which cannot be told",
    "nothing": "returned None where an outcome was expected",
    "number": "returned 0 where an outcome was expected",
    "text": "returned an outcome with '0' where a number was expected",
    "empty": "returned an outcome that says nothing",
    "time": "returned an outcome with 'fast' where a time in seconds was expected",
    "made": "could not make its executor: RuntimeError: no connection",
}


def test_whatever_an_executor_does_fails_its_attempt_alone(site: Site) -> None:
    """Given an executor that does anything wrong, when jobs run, then each says what, and the next one runs."""
    site.install("faulty", EXECUTOR)
    site.configure("executor: faulty\njobs: {max-retries: 0}\n")
    jobs = ({"id": id, "command": "true", "options": {"fails": id == "made"}} for id in (*SAYS, "good"))
    site.program.enqueue(*jobs)
    ran = site.program("worker", "start", "--drain", code=0)
    ended = site.jobs()
    assert {id: job["error"] for id, job in ended.items() if id != "good"} == {
        id: f"{named('faulty')} {what}" for id, what in SAYS.items()
    }
    assert {job["state"] for id, job in ended.items() if id != "good"} == {"dead"}
    assert (ended["good"]["state"], ended["good"]["attempts"]) == ("completed", 1)
    assert "starting another" not in ran.err
    raised = {
        line["job"]: line["error"] for line in logged(ran.err, "faulty") if line["event"] == "the executor raised"
    }
    assert raised == {id: what.removeprefix("raised ") for id, what in SAYS.items() if what.startswith("raised")}


WRAPPER = """
import sys
from queuectl import Outcome, hookimpl

@hookimpl(wrapper=True)
def queuectl_execute(job, context):
    if job.id == "before":
        raise RuntimeError("no")
    outcome = yield
    match job.id:
        case "after":
            raise RuntimeError("no")
        case "exits":
            sys.exit(0)
        case "twice":
            yield
    return {"nothing": None, "text": Outcome(exit_code="0")}.get(job.id, outcome)
"""

WRAPPER_SAYS = {
    "before": "raised in queuectl_execute: RuntimeError: no",
    "after": "raised in queuectl_execute: RuntimeError: no",
    "exits": "raised in queuectl_execute: SystemExit: 0",
    "nothing": "returned None where an outcome was expected from queuectl_execute",
    "text": "returned an outcome with '0' where a number was expected from queuectl_execute",
}

SOUND_WRAPPER = """
from queuectl import hookimpl

@hookimpl(wrapper=True)
def queuectl_execute(job, context):
    return (yield)
"""


def test_whatever_a_wrapper_does_fails_the_attempt_alone(site: Site) -> None:
    """Given a broken wrapper between the executor and a sound one, when jobs run, then it is the one that is named."""
    site.install("faulty", WRAPPER)
    site.install("sound", SOUND_WRAPPER)
    site.configure("plugins: [faulty, sound]\njobs: {max-retries: 0}\n")
    site.program.enqueue(*({"id": id, "command": f"touch {id}"} for id in (*WRAPPER_SAYS, "twice", "good")))
    ran = site.program("worker", "start", "--drain", code=0)
    errors = {id: job["error"] for id, job in site.jobs().items()}
    assert errors.pop("good") is None
    assert errors.pop("twice").startswith(
        f"{named('faulty')} raised in queuectl_execute: RuntimeError: wrap_controller"
    )
    assert errors == {id: f"{named('faulty')} {what}" for id, what in WRAPPER_SAYS.items()}
    assert "starting another" not in ran.err
    # What fails before the run keeps the command from running; what fails after it comes too late for that.
    assert not (site.program.cwd / "before").exists()
    assert (site.program.cwd / "after").exists()


ENDING = """
from dataclasses import dataclass
from pathlib import Path
from queuectl import Outcome, Provider, hookimpl

HERE = Path("HERE")

@dataclass(frozen=True, kw_only=True)
class Lasting:
    def execute(self, job, context):
        context.record("handle of the first run")
        if context.number == 1:
            (HERE / "running").touch()
            context.cancelled.wait(180)
        return Outcome(exit_code=0)

    def end(self, handle, job):
        if not (HERE / "asked").exists():
            (HERE / "asked").write_text(handle)
            raise SystemExit(1)

@hookimpl
def queuectl_executors():
    yield Provider("lasting", Lasting)
"""


def test_an_executor_that_fails_to_end_a_run_is_named_and_asked_again(
    site: Site, eventually: Callable[[Callable[[], object]], None]
) -> None:
    """Given a dead worker's run that `end` cannot end at once, then the job waits for that, and is run once more."""
    here = site.program.cwd
    site.install("lasting", ENDING.replace('"HERE"', repr(str(here))))
    site.configure("executor: lasting\n")
    (job,) = site.program.enqueue("true")
    supervisor = site.program.start("worker", "start", "--drain")
    eventually((here / "running").exists)
    (worker,) = site.program("worker", "list", "--json", code=0).json
    os.kill(worker["pid"], signal.SIGKILL)
    _, err = supervisor.communicate(timeout=180)
    assert supervisor.returncode == 0
    told = logged(err.decode(), "lasting")
    assert [(line["event"], line["job"], line["error"]) for line in told] == [
        ("cannot end what a dead worker left running: the job waits here until that works", job, "SystemExit: 1")
    ]
    assert (here / "asked").read_text() == "handle of the first run"
    assert site.jobs()[job]["state"] == "completed"
