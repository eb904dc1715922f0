"""What a plugin may rely on: nothing goes within a major version, and what is added breaks nobody."""

from __future__ import annotations

import inspect
import sys
from dataclasses import fields
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from pluggy import HookspecMarker

import queuectl
from queuectl import hookspecs
from queuectl.errors import PluginError
from queuectl.hookspecs import API_MINOR, API_VERSION
from queuectl.model.event import EVENT_NAMES, Event
from queuectl.model.executor import RunContext
from queuectl.model.job import Job, State
from queuectl.model.lease import Verdict
from queuectl.model.outcome import Outcome
from queuectl.model.storage import CAPABILITIES
from queuectl.registry import Registry
from queuectl.registry import registry as registering
from queuectl.registry.seams import METHODS

if TYPE_CHECKING:
    from tests.unit.conftest import Install

EVENT = Event(id=1, name="job.dead", at=0.0)
JOB: Job = None  # type: ignore[assignment]  # nobody looks at it
CONTEXT: RunContext = None  # type: ignore[assignment]  # likewise

HOOKS = {
    "queuectl_storages": "",
    "queuectl_executors": "",
    "queuectl_backoffs": "",
    "queuectl_notifiers": "",
    "queuectl_notify": "event",
    "queuectl_execute": "job context",
    "queuectl_commands": "group",
}
"""The hooks of version 1.0, with their arguments."""

FIELDS = {
    "Provider": "name settings create summary events",
    "Context": "data events clock",
    "Outcome": "exit_code signal error timed_out cpu_time peak_memory pid",
    "Failure": "attempts job outcome previous_delay",
    "Event": "id name at job attempt worker queue",
}
"""What plugins of version 1.0 make or read."""

EVENTS = (
    "job.enqueued job.started job.completed job.failed job.dead job.lost job.cancelled job.requeued "
    "queue.drained worker.started worker.stopped worker.lost"
)
"""The events of version 1.0."""

STORAGE = (
    "enqueue get resolve list attempts output counts stats groups change queues set_queue register retire workers "
    "request_stop exchange record beat take_over events advance wait interrupt migrate check backup prune close"
)
"""The methods that version 1.0 asks of a storage."""


def arguments(hook: object) -> str:
    """The names of a hook's arguments."""
    assert callable(hook)
    return " ".join(inspect.signature(hook).parameters)


def current() -> dict[str, set[str]]:
    """All that plugins may rely on now."""
    found = {name: set(arguments(value).split()) for name, value in vars(hookspecs).items() if name in HOOKS}
    found |= {name: {field.name for field in fields(getattr(queuectl, name))} for name in FIELDS}
    hooks = {name for name in vars(hookspecs) if name.startswith("queuectl_")}
    return found | {"hooks": hooks, "events": set(EVENT_NAMES), "storage": set(METHODS["storage"])}


def published() -> dict[str, set[str]]:
    """All that plugins of version 1.0 rely on."""
    found = {name: set(text.split()) for name, text in (HOOKS | FIELDS).items()}
    return found | {"hooks": set(HOOKS), "events": set(EVENTS.split()), "storage": set(STORAGE.split())}


def test_nothing_that_was_published_is_gone() -> None:
    """Given what version 1.0 had, then this version has it too: whatever is taken away raises the major version."""
    now = current()
    assert API_VERSION == 1
    assert {name: missing for name, known in published().items() if (missing := known - now[name])} == {}


def test_what_is_added_raises_the_minor_version() -> None:
    """Given something that version 1.0 did not have, then a plugin can say that it needs it."""
    before = published()
    added = {name: more for name, known in current().items() if (more := known - before[name])}
    assert bool(added) is (API_MINOR > 0), added


def test_storages_know_all_states_verdicts_and_capabilities() -> None:
    """Given what a storage must know, then it is what it was; new capabilities it need not claim."""
    assert {state.value for state in State} == {"pending", "processing", "completed", "failed", "dead", "cancelled"}
    assert {verdict.value for verdict in Verdict} == {
        "completed",
        "failed",
        "dead",
        "cancelled",
        "released",
        "lost",
    }
    assert {"durable", "multi_process", "multi_host", "wakeup", "transactional"} <= CAPABILITIES


def test_what_plugins_make_needs_no_more_than_before() -> None:
    """Given the fields of what plugins return, then those that may be left out may still be."""
    assert Outcome() == Outcome(exit_code=None)
    assert hookspecs.Provider("a", Outcome).events is None


def newer(**hooks: str) -> ModuleType:
    """The hooks of a later version, in which some have other arguments."""
    module = ModuleType("newer_hookspecs")
    vars(module).update({name: value for name, value in vars(hookspecs).items() if name.startswith("queuectl_")})
    for name, parameters in hooks.items():
        exec(f"def {name}({parameters}): ...", vars(module))
        firstresult = name == "queuectl_execute"
        HookspecMarker("queuectl")(vars(module)[name], firstresult=firstresult)
    return module


OLD = """
    from queuectl import hookimpl

    HEARD = []

    @hookimpl
    def queuectl_notify(event):
        HEARD.append(event)

    @hookimpl(wrapper=True)
    def queuectl_execute(context):
        return (yield)
"""

NEW = """
    from queuectl import hookimpl

    HEARD = []

    @hookimpl
    def queuectl_notify(event, reason="not told"):
        HEARD.append(reason)

    @hookimpl(wrapper=True)
    def queuectl_execute(job, context, lease=None):
        return (yield)
"""


def heard(module: str) -> list[Any]:
    """What a listener has heard."""
    told: list[Any] = sys.modules[module].HEARD
    return told


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry of a later version, which tells listeners a reason as well."""
    hooks = newer(queuectl_notify="event, reason", queuectl_execute="job, context, lease")
    monkeypatch.setattr(registering, "hookspecs", hooks)
    return Registry()


def tell(registry: Registry, module: str) -> None:
    """Tell a listener of an event as a later version would."""
    registry._only_of("queuectl_notify", sys.modules[module])(event=EVENT, reason="told")


def test_an_argument_that_a_hook_gains_breaks_no_old_plugin(install: Install, later: Registry) -> None:
    """Given a plugin that knows nothing of it, when a later version passes it, then the plugin hears the rest."""
    install("queuectl-old", OLD)
    later.load(["old"])
    tell(later, "queuectl_old")
    assert heard("queuectl_old") == [EVENT]


def test_a_new_plugin_gets_the_argument_from_a_later_version(install: Install, later: Registry) -> None:
    """Given a plugin with a default for it, when a later version passes it, then the plugin gets it."""
    install("queuectl-new", NEW)
    later.load(["new"])
    tell(later, "queuectl_new")
    assert heard("queuectl_new") == ["told"]


def test_a_new_plugin_with_a_default_runs_on_an_older_version(install: Install) -> None:
    """Given a plugin with a default for what this version does not pass, then the default serves."""
    install("queuectl-new", NEW)
    registry = Registry()
    registry.load(["new"])
    ((_, listen),) = registry.listeners()
    listen(EVENT)
    assert heard("queuectl_new") == ["not told"]
    assert registry.execute(JOB, CONTEXT, lambda *_: Outcome(exit_code=0)) == Outcome(exit_code=0)


def test_a_new_plugin_that_insists_is_refused_by_an_older_version(install: Install) -> None:
    """Given a plugin that cannot do without it, then one line says what does not fit."""
    install("queuectl-new", NEW.replace('reason="not told"', "reason"))
    with pytest.raises(PluginError) as caught:
        Registry().load(["new"])
    assert caught.value.message == (
        "plugin 'new' (queuectl-new 1.2.3) does not fit the hooks: "
        "Argument(s) {'reason'} are declared in the hookimpl but can not be found in the hookspec"
    )


def test_a_hook_may_leave_out_what_it_does_not_use(install: Install) -> None:
    """Given a wrapper that names one of two arguments, when a job runs, then that one is passed."""
    install("queuectl-old", OLD)
    registry = Registry()
    registry.load(["old"])
    assert registry.execute(JOB, CONTEXT, lambda *_: Outcome(exit_code=3)) == Outcome(exit_code=3)
