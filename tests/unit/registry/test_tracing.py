"""The trace writes a line for each call into a plugin, and is nowhere unless it was asked for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from queuectl import Failure, Outcome
from queuectl.hookspecs import Context
from queuectl.model.event import Event
from queuectl.model.executor import RunContext
from queuectl.registry import Registry

if TYPE_CHECKING:
    from tests.unit.conftest import Install

PLUGIN = """
    from dataclasses import dataclass
    from queuectl import Outcome, Provider, hookimpl

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        token: str = "hunter2"

        def delay(self, failure):
            return 1.5

        def notify(self, event):
            raise RuntimeError("password=hunter2\\ntwo")

        def execute(self, job, context):
            return Outcome(exit_code=0)

        def end(self, handle, job):
            pass

    def create(settings, context):
        return settings

    @hookimpl
    def queuectl_backoffs():
        yield Provider("a", Settings, create)

    @hookimpl
    def queuectl_notifiers():
        yield Provider("a", Settings)

    @hookimpl
    def queuectl_executors():
        yield Provider("a", Settings)

    @hookimpl
    def queuectl_notify(event):
        pass

    @hookimpl(wrapper=True)
    def queuectl_execute(job, context):
        return (yield)
"""
EVENT = Event(id=1, name="job.dead", at=0.0)
RUN: RunContext = None  # type: ignore[assignment]  # nobody looks at it


def component(registry: Registry, kind: str) -> Any:
    """Make what the plugin `a` offers of that kind."""
    found = registry.provider(kind, "a")
    return registry.make(found, found.provider.settings(), lambda: Context(data=Path("/data")))


def lines(text: str) -> list[str]:
    """What was traced, without process ids and times."""
    return [re.fullmatch(r"trace \d+ (.*) in \d+\.\d{3} ms", line)[1] for line in text.splitlines()]  # type: ignore[index]


@pytest.fixture
def registry(install: Install, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry that traces, and finds one plugin."""
    install("queuectl-a", PLUGIN)
    monkeypatch.setenv("QUEUECTL_TRACE_PLUGINS", "1")
    return Registry()


WHO = "plugin 'a' (queuectl-a 1.2.3)"


def test_hooks_and_seams_are_traced(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Given the variable, when plugins are called, then each call is a line: who, what with, what came of it."""
    failure: Any = Failure(attempts=1, job=None, outcome=Outcome(exit_code=3))  # type: ignore[arg-type]
    assert component(registry, "backoff").delay(failure) == 1.5
    with pytest.raises(RuntimeError):
        component(registry, "notifier").notify(EVENT)
    executor = component(registry, "executor")
    assert executor.execute(None, RUN) == Outcome(exit_code=0)
    executor.end("pid 7", None)
    assert lines(capsys.readouterr().err) == [
        f"{WHO} queuectl_backoffs() -> [Provider(name='a')]",
        f"{WHO} create(Settings(token='***'), Context(data=/data)) -> Settings(token='***')",
        f"{WHO} delay(Failure(attempts=1, outcome=Outcome(exit_code=3))) -> 1.5",
        f"{WHO} queuectl_notifiers() -> [Provider(name='a')]",
        f"{WHO} notify(Event(id=1, name='job.dead')) raised RuntimeError: password=***",
        f"{WHO} queuectl_executors() -> [Provider(name='a')]",
        f"{WHO} execute(None, None) -> Outcome(exit_code=0)",
        f"{WHO} end('pid 7', None) -> None",
    ]


def test_listeners_and_wrappers_are_traced(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """With the time that the run inside took."""
    registry.load(["a"])
    ((_, listen),) = registry.listeners()
    listen(EVENT)
    registry.execute(None, RUN, lambda job, context: Outcome(exit_code=0))  # type: ignore[arg-type]
    assert lines(capsys.readouterr().err) == [
        f"{WHO} queuectl_notify(Event(id=1, name='job.dead')) -> None",
        f"{WHO} queuectl_execute(None, None) -> Outcome(exit_code=0)",
    ]


@pytest.mark.parametrize(("value", "traced"), [("a", True), ("b, a", True), ("b", False), ("0", False), ("", False)])
def test_some_plugins_alone_may_be_traced(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str, traced: bool
) -> None:
    """Given names in the variable, when plugins are called, then those of these names are traced."""
    install("queuectl-a", PLUGIN)
    monkeypatch.setenv("QUEUECTL_TRACE_PLUGINS", value)
    component(Registry(), "backoff")
    assert bool(capsys.readouterr().err) is traced


def test_nothing_stands_around_a_component_unless_asked_for(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no variable, when a component is made, then it is the plugin's own."""
    install("queuectl-a", PLUGIN)
    monkeypatch.delenv("QUEUECTL_TRACE_PLUGINS", raising=False)
    assert type(component(Registry(), "backoff")).__name__ == "Settings"


def test_the_trace_is_not_imported_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no variable, when a registry is made, then there is no trace in memory."""
    monkeypatch.delenv("QUEUECTL_TRACE_PLUGINS", raising=False)
    program = (
        "import sys; from queuectl.registry import Registry; r = Registry(); f = r.provider('backoff', 'exponential'); "
        "r.make(f, f.provider.settings(), lambda: None); print('queuectl.registry.tracing' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_standard_error_that_is_closed_stops_nothing(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given nobody to write to, when a plugin is called, then it does what it does."""
    monkeypatch.setattr(sys, "stderr", None)
    assert component(registry, "executor").execute(None, RUN) == Outcome(exit_code=0)
