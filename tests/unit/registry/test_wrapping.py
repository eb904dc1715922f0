"""Of several wrappers around a run the one that is at fault is named, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl import PluginError
from queuectl.model.executor import RunContext
from queuectl.model.job import Job, State
from queuectl.model.outcome import Outcome
from queuectl.registry import Registry
from queuectl.registry.wrapping import WrapperError

if TYPE_CHECKING:
    from tests.unit.conftest import Install

CONTEXT: RunContext = None  # type: ignore[assignment]  # no wrapper here looks at it

SOUND = """
    from queuectl import hookimpl

    @hookimpl(wrapper=True)
    def queuectl_execute(job, context):
        return (yield)
"""


@pytest.fixture
def job() -> Job:
    """A job that runs."""
    return Job(
        id="a",
        command="true",
        state=State.PROCESSING,
        queue="default",
        priority=0,
        attempts=0,
        max_retries=3,
        created_at=0.0,
        updated_at=0.0,
    )


def succeed(job: Job, context: RunContext) -> Outcome:
    """Run a job that succeeds."""
    return Outcome(exit_code=0)


def broken(install: Install, body: str) -> Registry:
    """A registry with a broken wrapper between two sound ones."""
    install("queuectl-outer", SOUND)
    install("queuectl-broken", SOUND.replace("return (yield)", body))
    install("queuectl-inner", SOUND)
    registry = Registry()
    registry.load(["outer", "broken", "inner"])
    return registry


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('no'); yield", "raised in queuectl_execute: RuntimeError: no"),
        ("yield; raise RuntimeError('no')", "raised in queuectl_execute: RuntimeError: no"),
        ("yield; raise SystemExit(3)", "raised in queuectl_execute: SystemExit: 3"),
        ("yield; yield", "raised in queuectl_execute: RuntimeError: wrap_controller at"),
        ("yield", "returned None where an outcome was expected from queuectl_execute"),
        ("yield; return 0", "returned 0 where an outcome was expected from queuectl_execute"),
        (
            "from queuectl import Outcome; yield; return Outcome(exit_code='0')",
            "returned an outcome with '0' where a number was expected from queuectl_execute",
        ),
        (
            "from queuectl import Outcome; yield; return Outcome()",
            "returned an outcome that says nothing from queuectl_execute",
        ),
    ],
)
def test_the_wrapper_at_fault_is_named(install: Install, job: Job, body: str, reason: str) -> None:
    """Before the run, after it, and by what it returns."""
    with pytest.raises(WrapperError) as caught:
        broken(install, body).execute(job, CONTEXT, succeed)
    assert caught.value.message.startswith(f"plugin 'broken' (queuectl-broken 1.2.3) {reason}")
    assert isinstance(caught.value, PluginError)


def test_what_the_run_raises_is_no_wrappers_fault(install: Install, job: Job) -> None:
    """It passes through all of them as it is."""
    error = OSError("gone")

    def fail(job: Job, context: RunContext) -> Outcome:
        raise error

    with pytest.raises(OSError, match="gone") as caught:
        broken(install, "return (yield)").execute(job, CONTEXT, fail)
    assert caught.value is error


def test_a_wrapper_may_turn_an_error_into_an_outcome(install: Install, job: Job) -> None:
    """And what the others see is that outcome."""

    def fail(job: Job, context: RunContext) -> Outcome:
        raise OSError("gone")

    body = """
        from queuectl import Outcome
        try:
            return (yield)
        except OSError as error:
            return Outcome(error=str(error))
    """
    registry = broken(install, body.strip())
    assert registry.execute(job, CONTEXT, fail) == Outcome(error="gone")


def test_an_outer_wrapper_may_rescue_an_inner_one(install: Install, job: Job) -> None:
    """It sees what the inner one is blamed for."""
    body = """
        from queuectl import Outcome, PluginError
        try:
            return (yield)
        except PluginError as error:
            return Outcome(error=error.message)
    """
    install("queuectl-inner", SOUND.replace("return (yield)", "yield; raise RuntimeError('no')"))
    install("queuectl-outer", SOUND.replace("return (yield)", body.strip()))
    registry = Registry()
    registry.load(["inner", "outer"])  # what was registered last is called first
    outcome = registry.execute(job, CONTEXT, succeed)
    assert outcome.error == "plugin 'inner' (queuectl-inner 1.2.3) raised in queuectl_execute: RuntimeError: no"
