"""The wrapper, the listener and the command do what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pluggy
import pytest
import queuectl
import structlog
from click.testing import CliRunner
from queuectl import Job, Outcome, RunContext, hookimpl
from queuectl.testing import FakeRunContext, make_event, make_job

from queuectl_example import bell, stopwatch, summary


class Inside:
    """What stands within the wrapper: in the place of the executor."""

    def __init__(self, ending: Outcome | Exception) -> None:
        self._ending = ending

    @hookimpl
    def queuectl_execute(self, job: Job, context: RunContext) -> Outcome:
        """End as the test wants it."""
        if isinstance(self._ending, Exception):
            raise self._ending
        return self._ending


def wrapped(tmp_path: Path, ending: Outcome | Exception) -> Any:
    """Run a job within the wrapper."""
    manager = pluggy.PluginManager("queuectl")
    manager.register(stopwatch)
    manager.register(Inside(ending))
    with FakeRunContext(tmp_path) as context:
        return manager.hook.queuectl_execute(job=make_job(queue="mail"), context=context)[0]


def test_the_stopwatch_logs_and_returns_the_outcome(tmp_path: Path) -> None:
    """Given a run, then its outcome comes out as it is, and the time that it took is logged."""
    with structlog.testing.capture_logs() as logs:
        assert wrapped(tmp_path, Outcome(exit_code=3)) == Outcome(exit_code=3)
    assert [(log["event"], log["queue"], log["seconds"] >= 0) for log in logs] == [("stopwatch", "mail", True)]


def test_the_stopwatch_sees_an_executor_that_raises(tmp_path: Path) -> None:
    """Given an executor that raises, then that comes out too, and the time is logged."""
    with structlog.testing.capture_logs() as logs, pytest.raises(OSError, match="no host"):
        wrapped(tmp_path, OSError("no host"))
    assert len(logs) == 1


@pytest.mark.parametrize(("event", "heard"), [("queue.drained", "\a"), ("job.completed", "")])
def test_the_bell_rings_when_a_queue_is_drained(
    event: str, heard: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given an event, then the terminal gets a bell for queue.drained, and else nothing."""
    terminal = tmp_path / "terminal"
    terminal.touch()
    monkeypatch.setattr(bell, "TERMINAL", terminal)
    bell.queuectl_notify(make_event(event))
    assert terminal.read_text() == heard


def test_no_terminal_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a worker that no terminal started, then nothing is raised, so that the event does not come again."""
    monkeypatch.setattr(bell, "TERMINAL", tmp_path / "none" / "tty")
    bell.queuectl_notify(make_event("queue.drained"))


class Session:
    """The global options as queuectl hands them over."""

    def __init__(self, *, json: bool) -> None:
        self.config_file = None
        self.overrides: list[str] = []
        self.json = json


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> queuectl.Queue:
    """A queue with a home of its own, in which two jobs wait and one is cancelled."""
    for name in ("QUEUECTL_CONFIG", "QUEUECTL_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QUEUECTL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    queue = queuectl.open()
    for id in ("a", "b", "c"):
        queue.enqueue("true", id=id, queue="mail")
    queue.cancel("c")
    return queue


def summarized(*, as_json: bool) -> str:
    """Return what the command prints."""
    group = click.Group()
    summary.queuectl_commands(group)
    done = CliRunner().invoke(group, ["summary"], obj=Session(json=as_json), catch_exceptions=False)
    return done.stdout


def test_the_summary_is_a_line_for_each_queue(queue: queuectl.Queue) -> None:
    """Given jobs, then their states are counted by queue."""
    with queue:
        assert summarized(as_json=False) == "mail: 2 pending, 1 cancelled\n"


def test_the_summary_can_be_json(queue: queuectl.Queue) -> None:
    """Given `--json`, then it is an array with an object for each queue."""
    with queue:
        assert json.loads(summarized(as_json=True)) == [
            {"queue": "mail", "jobs": {"pending": 2, "cancelled": 1}, "causes": []}
        ]
