"""What the configuration selects: for the store, for a queue, for one job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from queuectl.config import Choice
from queuectl.errors import ConfigError, PluginError, StorageRefusedError
from queuectl.hookspecs import Context, Provider
from queuectl.model.event import EVENT_NAMES
from queuectl.registry import Found
from queuectl.units import Duration

if TYPE_CHECKING:
    from tests.unit.config.conftest import Place
    from tests.unit.conftest import Install


def test_a_queue_has_its_own_defaults_over_those_of_jobs(place: Place) -> None:
    """Keys that the queue does not set come from `jobs`; null is a value too."""
    text = """\
jobs: {max-retries: 4, timeout: 5m, retry-on: [75]}
queues:
  mail: {max-retries: 10, timeout: null}
"""
    config = place.load(text)
    mail, other = config.jobs("mail"), config.jobs("other")
    assert (mail.max_retries, mail.timeout, mail.retry_on) == (10, None, (75,))
    assert (other.max_retries, other.timeout, other.retry_on) == (4, Duration(300), (75,))
    assert config.queues == ("mail",)


def test_a_queue_that_names_another_plugin_inherits_none_of_its_settings(place: Place) -> None:
    """What the exponential backoff was told means nothing to the fixed one."""
    text = "backoff: {base: 3}\nqueues: {mail: {backoff: {plugin: fixed, delay: 30s}}, sms: {backoff: none}}\n"
    config = place.load(text)
    assert config.backoff("mail").found.name == "fixed"
    assert config.backoff("mail").settings.delay == 30
    assert config.backoff("sms").found.name == "none"
    assert config.backoff("other").settings.base == 3


@pytest.mark.parametrize("own", ["{max-delay: 5m}", "{plugin: exponential, max_delay: 5m}"])
def test_a_queue_inherits_settings_as_long_as_the_plugin_stays_the_same(place: Place, own: str) -> None:
    """A queue may differ in one setting."""
    config = place.load(f"backoff: {{base: 3, max-delay: 1h}}\nqueues: {{mail: {{backoff: {own}}}}}\n")
    settings = config.backoff("mail").settings
    assert (settings.base, settings.max_delay) == (3, 300)


def test_variables_mean_the_plugin_that_one_of_them_selects(place: Place) -> None:
    """Given the plugin and a setting of it in the environment, then both hold, whatever comes first in the alphabet."""
    config = place.load(environ={"QUEUECTL_BACKOFF__PLUGIN": "fixed", "QUEUECTL_BACKOFF__DELAY": "7s"})
    assert config.backoff("default").settings.delay == 7.0


def test_a_higher_layer_that_names_another_plugin_drops_the_settings_below(place: Place) -> None:
    """The file's `base` is no error when the environment selects a backoff that has none."""
    config = place.load("backoff: {base: 3}\n", environ={"QUEUECTL_BACKOFF__PLUGIN": "fixed"})
    assert config.backoff("default").found.name == "fixed"
    same = place.load("backoff: {base: 3}\n", environ={"QUEUECTL_BACKOFF__PLUGIN": "exponential"})
    assert same.backoff("default").settings.base == 3


def test_a_higher_layer_may_change_the_plugin_of_a_queue(place: Place) -> None:
    """The same rule holds for a queue's own section."""
    text = "queues: {mail: {max-retries: 9, backoff: {max-delay: 5m}}}\n"
    config = place.load(text, overrides=["queues.mail.backoff.plugin=fixed"])
    assert config.backoff("mail").found.name == "fixed"
    assert config.jobs("mail").max_retries == 9


def test_choices_are_resolved_once(place: Place) -> None:
    """A worker asks for each job."""
    config = place.load("queues: {mail: {backoff: fixed}}\n")
    assert config.backoff("mail") is config.backoff("mail")
    assert config.backoff("a") is config.backoff("b")
    assert config.executor("mail") is config.executor("a")


@pytest.mark.parametrize("value", ["fixed", {"plugin": "fixed"}, {"plugin": "fixed", "delay": "10s"}])
def test_a_job_may_choose_its_own_backoff(place: Place, value: Any) -> None:
    """By name, or by a mapping as in the file."""
    choice = place.load("backoff: {base: 3}\n").choose("backoff", value, "backoff")
    assert choice.found.name == "fixed"
    assert choice.settings.delay == 10


def test_what_a_job_leaves_out_comes_from_its_queue(place: Place) -> None:
    """As long as the plugin is the same."""
    config = place.load("backoff: {base: 3}\nqueues: {mail: {backoff: {max-delay: 5m}}}\n")
    choice = config.choose("backoff", {"jitter": "full"}, "backoff", queue="mail")
    assert (choice.settings.base, choice.settings.max_delay, choice.settings.jitter) == (3, 300, "full")
    assert config.choose("backoff", "exponential", "backoff").settings.base == 3


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"plugin": "fixed", "dely": 3}, "backoff.dely: unknown key; did you mean 'delay'?"),
        ({"plugin": "fixed", "delay": "x"}, "backoff.delay: expected a duration such as 90s or 1h30m, got 'x'"),
        ("fixd", "backoff.plugin: no backoff 'fixd' is installed; did you mean 'fixed'?"),
        ("sqlite", "backoff.plugin: 'sqlite' is a storage, not a backoff"),
        ("", "backoff.plugin: expected the name of a plugin"),
        (3, "backoff: expected a plugin's name, or a mapping with `plugin` and its settings"),
        ({"plugin": 3}, "backoff.plugin: expected the name of a plugin"),
    ],
)
def test_a_wrong_choice_is_refused_with_the_place_that_was_given(place: Place, value: Any, error: str) -> None:
    """The text begins with the name that the caller knows."""
    with pytest.raises(ConfigError) as caught:
        place.load().choose("backoff", value, "backoff")
    assert caught.value.message == error


def test_a_jobs_options_lie_over_the_settings_of_its_executor(place: Place) -> None:
    """They are checked by the executor's own settings."""
    config = place.load("executor: {kill-after: 20s, split: true}\n")
    choice = config.executor_for({"kill_after": "1m"}, "default")
    assert (choice.settings.kill_after, choice.settings.split) == (60, True)
    assert config.executor("default").settings.kill_after == 20
    assert config.executor_for({}, "default") is config.executor("default")
    with pytest.raises(ConfigError, match=r"^options\.kil_after: unknown key; did you mean 'kill-after'\?"):
        config.executor_for({"kil_after": 3}, "default")
    with pytest.raises(ConfigError, match=r"^options\.split: expected true or false, got 'x'"):
        config.executor_for({"split": "x"}, "default")


def test_notifiers_are_narrowed_down(place: Place) -> None:
    """`events` in the file leaves of what the plugin wants."""
    config = place.load("notifications: [log, {plugin: log, events: [job.dead]}, {plugin: log, events: []}]\n")
    assert [choice.events for choice in config.notifiers()] == [
        config.notifiers()[0].found.provider.events,
        frozenset({"job.dead"}),
        frozenset(),
    ]


def test_the_wanted_events_are_those_of_all_notifiers(place: Place) -> None:
    """A storage writes no others."""
    assert place.load("notifications: []\n").wanted_events() == frozenset()
    text = "notifications: [{plugin: log, events: [job.dead]}, {plugin: log, events: [job.lost]}]\n"
    assert place.load(text).wanted_events() == {"job.dead", "job.lost"}
    assert place.load("notifications: [log]\n").wanted_events() <= EVENT_NAMES


def test_the_context_tells_where_data_lies_and_which_events_are_wanted(place: Place) -> None:
    """It is what providers are created with."""
    context = place.load("notifications: [{plugin: log, events: [job.dead]}]\n").context()
    assert context.data == place.home / ".local" / "state" / "queuectl"
    assert context.events == {"job.dead"}


def test_a_data_directory_that_everybody_may_write_is_refused(place: Place) -> None:
    """Others could lay a database there."""
    config = place.load(environ={"QUEUECTL_HOME": str(place.cwd / "shared")})
    config.data.mkdir()
    config.data.chmod(0o1777)
    for use in (config.context, config.resolve_all):
        with pytest.raises(ConfigError, match="everybody may write the data directory"):
            use()


def made(create: Any, distribution: str | None = "queuectl-redis") -> Choice:
    """A choice whose plugin does something when it is created."""
    provider = Provider("redis", dict, create)
    return Choice("storage", Found("storage", provider, "redis_plugin", distribution, "0.3.1"), {"a": 1})


def test_a_component_is_created_with_its_settings(place: Place) -> None:
    """Without `create` the settings are the component."""

    def create(settings: Any, context: Context) -> Any:
        return settings, context.data

    config = place.load()
    assert config.create(made(create, distribution=None)) == ({"a": 1}, config.data)
    assert config.create(made(None, distribution=None)) == {"a": 1}


def test_what_goes_wrong_in_a_third_partys_plugin_names_it(place: Place) -> None:
    """So that its author gets the report; errors of ours, and those of built-in plugins, pass as they are."""

    def fail(settings: Any, context: Context) -> Any:
        raise RuntimeError("no connection\nfor you")

    def refuse(settings: Any, context: Context) -> Any:
        raise StorageRefusedError("not ours")

    config = place.load()
    message = r"plugin 'redis' \(queuectl-redis 0\.3\.1\) could not make its storage: RuntimeError: no connection$"
    with pytest.raises(PluginError, match=message):
        config.create(made(fail))
    with pytest.raises(StorageRefusedError):
        config.create(made(refuse))
    with pytest.raises(RuntimeError):
        config.create(made(fail, distribution=None))


def test_all_that_is_named_must_resolve(place: Place) -> None:
    """A worker that starts knows that it can run every queue; all that is wrong is told at once."""
    text = """\
storage: {plugin: sqlit}
queues:
  mail: {backoff: fibonaci}
  sms: {executor: {plugin: docker}}
notifications: [{plugin: pager}]
plugins: [metrics]
"""
    config = place.load(text)
    with pytest.raises(ConfigError) as caught:
        config.resolve_all()
    lines = [line for line in caught.value.details if line.startswith("queuectl.yaml")]
    assert lines == [
        "queuectl.yaml:1:19: storage.plugin: no storage 'sqlit' is installed; did you mean 'sqlite'?",
        "queuectl.yaml:3:19: queues.mail.backoff.plugin: no backoff 'fibonaci' is installed",
        "queuectl.yaml:4:28: queues.sms.executor.plugin: no executor 'docker' is installed",
        "queuectl.yaml:5:26: notifications[0].plugin: no notifier 'pager' is installed",
        "queuectl.yaml:6:11: plugins: no plugin 'metrics' is installed",
    ]


def test_a_missing_plugin_says_where_it_was_looked_for(place: Place) -> None:
    """It may be installed in another environment."""
    with pytest.raises(PluginError) as caught:
        _ = place.load("storage: {plugin: redis}\n").storage
    assert caught.value.message == "queuectl.yaml:1:19: storage.plugin: no storage 'redis' is installed"
    assert f"looked in: {sys.prefix}" in caught.value.details


LISTENER = """
    from queuectl import hookimpl

    @hookimpl
    def queuectl_notify(event):
        ...
"""


def test_a_listener_hears_of_everything(place: Place, install: Install) -> None:
    """So that the storage must write every event."""
    install("queuectl-ear", LISTENER)
    text = "plugins: [ear]\nnotifications: []\n"
    config = place.load(text)
    assert config.wanted_events() == EVENT_NAMES
    config.resolve_all()
    assert [entry.name for entry, _ in config.registry.listeners()] == ["ear"]


def test_a_wrapper_alone_wants_no_events(place: Place, install: Install) -> None:
    """Events that nobody hears of would pile up."""
    install(
        "queuectl-wrap",
        LISTENER.replace("@hookimpl", "@hookimpl(wrapper=True)")
        .replace("queuectl_notify(event)", "queuectl_execute(job, context)")
        .replace("...", "return (yield)"),
    )
    assert place.load("plugins: [wrap]\nnotifications: []\n").wanted_events() == frozenset()


@pytest.mark.parametrize("text", ["plugins: [ear, metrics]\n", "plugins:\n  - ear\n  - metrics\n"])
def test_a_listener_that_is_missing_is_told_with_its_place(place: Place, install: Install, text: str) -> None:
    """Whoever wants to know which events are wanted must know it."""
    install("queuectl-ear", LISTENER)
    with pytest.raises(PluginError, match=r"^queuectl\.yaml:\d:\d+: plugins: no plugin 'metrics' is installed$"):
        place.load(text).wanted_events()


STORAGE = """
    from dataclasses import dataclass
    from queuectl import Provider, hookimpl

    @dataclass(frozen=True, kw_only=True)
    class Firebird:
        dsn: str
        size: int = 1

        def __post_init__(self) -> None:
            if self.size > 9:
                raise ValueError("size is above 9")

    @hookimpl
    def queuectl_storages():
        yield Provider("firebird", Firebird)

    @hookimpl
    def queuectl_executors():
        yield Provider("firebird", Firebird)
"""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("storage: firebird\n", "queuectl.yaml:1:10: storage.dsn: is missing: a text is required"),
        ("storage: {plugin: firebird}\n", "queuectl.yaml:1:10: storage.dsn: is missing: a text is required"),
        ("storage: {plugin: firebird, dns: x}\n", "queuectl.yaml:1:29: storage.dns: unknown key; did you mean 'dsn'?"),
        ("storage: {plugin: firebird, dsn: x, size: 10}\n", "queuectl.yaml:1:10: storage: size is above 9"),
    ],
)
def test_the_settings_of_a_third_partys_plugin_are_checked_when_it_is_used(
    place: Place, install: Install, text: str, error: str
) -> None:
    """With the same errors as those of built-in ones."""
    install("queuectl-firebird", STORAGE)
    config = place.load(text)
    with pytest.raises(ConfigError) as caught:
        _ = config.storage
    assert caught.value.message == error


def test_what_settings_refuse_of_a_jobs_options_is_told(place: Place, install: Install) -> None:
    """The check that no type can say holds for them too."""
    install("queuectl-firebird", STORAGE)
    config = place.load("executor: {plugin: firebird, dsn: x}\n")
    assert config.executor_for({"size": 9}, "default").settings.size == 9
    with pytest.raises(ConfigError, match=r"^options: size is above 9$"):
        config.executor_for({"size": 10}, "default")


def test_reading_the_configuration_imports_little(tmp_path: Path) -> None:
    """It is on the way of every `enqueue`: no entry points, no YAML where there is no file, no words for errors."""
    program = "import sys; from queuectl.config import load_config; load_config().storage; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    unwanted = {
        "importlib.metadata",
        "email",
        "asyncio",
        "logging",
        "subprocess",
        "yaml",
        "structlog",
        "rich",
        "difflib",
    }
    assert unwanted.isdisjoint(loaded)
    assert {"queuectl.config.explain", "queuectl.config.expectation", "queuectl.config.edit"}.isdisjoint(loaded)
