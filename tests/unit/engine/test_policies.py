"""Executors and backoffs are built once for each way they are set, and a broken one is never a lost job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from queuectl.config import Config, load_config
from queuectl.engine import policies as policying
from queuectl.engine.policies import Policies
from queuectl.engine.retry import decide
from queuectl.errors import ConfigError, PluginError
from queuectl.model.job import Job
from queuectl.model.lease import Verdict
from queuectl.model.outcome import Outcome
from queuectl.testing import make_job

if TYPE_CHECKING:
    from tests.unit.conftest import Install

Load = Callable[[str], Config]

PLUGIN = """
    from dataclasses import dataclass
    from queuectl import Outcome, Provider, hookimpl

    MADE = []

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        name: str = "a"

    class Component:
        def __init__(self, settings):
            self.settings = settings

        def delay(self, failure):
            return {"a": 5.0, "bad": "soon"}.get(self.settings.name)

        def execute(self, job, context):
            return Outcome(exit_code=0)

    def create(settings, context):
        if settings.name == "broken":
            raise RuntimeError("no connection")
        if settings.name == "exits":
            raise SystemExit(1)
        MADE.append(settings.name)
        return Component(settings)

    @hookimpl
    def queuectl_backoffs():
        yield Provider("thing", Settings, create)

    @hookimpl
    def queuectl_executors():
        yield Provider("thing", Settings, create)
"""


@pytest.fixture
def load(work: Path, tmp_path: Path, install: Install) -> Load:
    """Loads a configuration, with a plugin `thing` installed that is a backoff and an executor."""
    install("queuectl-thing", PLUGIN)

    def load(text: str) -> Config:
        (work / "queuectl.yaml").write_text(text)
        return load_config(environ={"QUEUECTL_HOME": str(tmp_path / "home")}, cwd=work)

    return load


def made() -> list[str]:
    """What the plugin has made, in order."""
    import queuectl_thing  # type: ignore[import-not-found]  # installed by the fixture

    names: list[str] = queuectl_thing.MADE
    return names


def in_queue(queue: str, **fields: Any) -> Job:
    """A job of a queue."""
    return make_job(queue=queue, **fields)


def wait_of(policies: Policies, job: Job) -> tuple[Verdict, float]:
    """What becomes of a job that failed."""
    decision = decide(job, Outcome(exit_code=1), lambda: policies.policy(job))
    return decision.verdict, decision.delay


def test_queues_that_are_set_alike_share_a_component(load: Load) -> None:
    """Also queues that the configuration does not name: there may be any number of them."""
    policies = Policies(load("executor: thing\nqueues: {mail: {max-retries: 1}, sms: {executor: {name: sms}}}\n"))
    executors = {queue: policies.executor(in_queue(queue)) for queue in ("default", "other", "mail", "sms")}
    assert executors["default"] is executors["other"] is executors["mail"]
    assert executors["sms"] is not executors["mail"]
    assert policies.executor(in_queue("default")) is executors["default"]
    assert made() == ["a", "sms"]


def test_a_jobs_own_options_make_an_executor_of_their_own(load: Load) -> None:
    """One for all jobs that say the same."""
    policies = Policies(load("executor: thing\n"))
    executors = [policies.executor(make_job(options={"name": name})) for name in ("b", "b", "c")]
    assert executors[0] is executors[1]
    assert made() == ["b", "c"]


def test_what_jobs_set_for_themselves_is_not_kept_for_ever(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be as many ways as jobs; what the configuration selects stays."""
    monkeypatch.setattr(policying, "MOST_CHOSEN", 2)
    policies = Policies(load("executor: thing\nqueues: {m: {executor: {name: m}}, n: {executor: {name: n}}}\n"))
    for name in ("b", "c", "d", "d", "b"):
        policies.executor(make_job(options={"name": name}))
    for queue in ("default", "m", "n", "default", "m"):
        policies.executor(in_queue(queue))
    assert made() == ["b", "c", "d", "b", "a", "m", "n"]


def test_of_what_jobs_set_for_themselves_the_latest_used_stays(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """What most jobs say is not made anew because of a few that say something else."""
    monkeypatch.setattr(policying, "MOST_CHOSEN", 2)
    policies = Policies(load("executor: thing\n"))
    for name in "b1b2b3b4b":
        policies.executor(make_job(options={"name": name}))
    assert made() == ["b", "1", "2", "3", "4"]


def test_options_that_do_not_fit_are_an_error(load: Load) -> None:
    """Which names the option."""
    policies = Policies(load("executor: thing\n"))
    with pytest.raises(ConfigError, match=r"options\.nam: "):
        policies.executor(make_job(options={"nam": "b"}))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("{plugin: thing, name: broken}", "RuntimeError: no connection"),
        ("{plugin: thing, name: exits}", "SystemExit: 1"),
    ],
)
@pytest.mark.parametrize("kind", ["executor", "backoff"])
@pytest.mark.parametrize("where", ["{kind}: {settings}\n", "queues: {{mail: {{{kind}: {settings}}}}}\n"])
def test_what_is_selected_is_made_before_anything_runs(
    load: Load, where: str, kind: str, settings: str, reason: str
) -> None:
    """For every queue; the first that cannot be made is an error that names the plugin."""
    policies = Policies(load(where.format(kind=kind, settings=settings)))
    with pytest.raises(PluginError) as caught:
        policies.prepare()
    assert caught.value.message == f"plugin 'thing' (queuectl-thing 1.2.3) could not make its {kind}: {reason}"


def test_what_was_prepared_is_what_runs(load: Load) -> None:
    """Nothing is made twice, and what is built in is left until it is needed."""
    policies = Policies(load("executor: thing\nqueues: {mail: {backoff: {plugin: thing, name: m}}}\n"))
    policies.prepare()
    assert made() == ["a", "m"]
    policies.executor(in_queue("mail"))
    wait_of(policies, in_queue("mail"))
    assert made() == ["a", "m"]


def test_a_job_may_have_a_backoff_of_its_own(load: Load) -> None:
    """In the place of its queue's; of another plugin, or of the same with other settings."""
    policies = Policies(load("backoff: {plugin: fixed, delay: 30s}\n"))
    waits = [
        wait_of(policies, make_job(backoff=backoff))[1]
        for backoff in (None, "thing", {"plugin": "fixed", "delay": "1s"}, {"delay": "2s"}, "linear")
    ]
    assert waits[:4] == [30.0, 5.0, 1.0, 2.0]
    assert wait_of(policies, make_job(backoff={"plugin": "thing", "name": "gives up"})) == (Verdict.DEAD, 0.0)


@pytest.mark.parametrize(
    ("backoff", "error"),
    [
        ({"plugin": "thing", "name": "broken"}, "could not make its backoff: RuntimeError: no connection"),
        ("gone", "no backoff 'gone' is installed"),
        ({"plugin": "thing", "nam": "b"}, "backoff.nam: "),
        ({"plugin": "thing", "name": 7}, "backoff.name: expected a text, got 7"),
        (7, "backoff: expected a plugin's name"),
    ],
)
def test_where_a_jobs_backoff_cannot_be_had_the_default_decides(load: Load, backoff: Any, error: str) -> None:
    """The exponential one with its defaults, whatever the configuration says of it; and the log says why."""
    policies = Policies(load("backoff: {plugin: exponential, base: 10}\n"))
    with capture_logs() as logs:
        assert wait_of(policies, make_job(backoff=backoff, attempts=1)) == (Verdict.FAILED, 4.0)
    (line,) = logs
    assert (line["event"], line["job"], line["log_level"]) == (
        "backoff not usable, the default decides",
        "job-1",
        "warning",
    )
    assert error in line["error"]


def test_where_a_backoff_returns_nonsense_the_default_decides(load: Load) -> None:
    """And the log names the plugin."""
    policies = Policies(load("backoff: {plugin: thing, name: bad}\n"))
    with capture_logs() as logs:
        assert wait_of(policies, make_job()) == (Verdict.FAILED, 2.0)
    assert logs == [
        {
            "event": "backoff broken, the default decides",
            "log_level": "warning",
            "job": "job-1",
            "plugin": "plugin 'thing' (queuectl-thing 1.2.3)",
            "what": "returned 'soon' where seconds were expected",
        }
    ]


def test_a_queues_exit_codes_are_those_of_its_section(load: Load) -> None:
    """Else those of the section `jobs`."""
    policies = Policies(load("jobs: {give-up-on: [2]}\nqueues: {mail: {retry-on: [75], give-up-on: [3]}}\n"))
    codes = {queue: policies.policy(in_queue(queue)) for queue in ("default", "mail")}
    assert [(list(each.retry_on or ()), list(each.give_up_on)) for each in codes.values()] == [([], [2]), ([75], [3])]


def test_people_are_told_whose_executor_runs_a_job(load: Load) -> None:
    """By queue."""
    policies = Policies(load("queues: {mail: {executor: thing}}\n"))
    assert policies.executor_name(in_queue("mail")) == "plugin 'thing' (queuectl-thing 1.2.3)"
    assert policies.executor_name(in_queue("default")) == "plugin 'subprocess' (built in)"


def test_a_built_in_plugin_that_cannot_be_made_is_named_too(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may lack a descriptor: the attempt then fails, not the worker."""
    config = load("")

    def fail(choice: Any) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(config, "create", fail)
    with pytest.raises(PluginError, match=r"plugin 'subprocess' \(built in\) could not make its executor: OSError: "):
        Policies(config).executor(make_job())
