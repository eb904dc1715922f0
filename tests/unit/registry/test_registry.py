"""Plugins are found by name, imported only when named, and none can harm another."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import click
import pytest

from queuectl.errors import PluginError
from queuectl.hookspecs import Provider
from queuectl.model.event import Event
from queuectl.model.executor import RunContext
from queuectl.model.job import Job, State
from queuectl.model.outcome import Outcome
from queuectl.registry import BUILTINS, COMMANDS, Registry

if TYPE_CHECKING:
    from tests.unit.conftest import Install

EVENT = Event(id=1, name="job.dead", at=0.0)
JOB = Job(
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
CONTEXT: RunContext = None  # type: ignore[assignment]  # no wrapper here looks at it

BACKOFF = """
    from dataclasses import dataclass
    from queuectl import Provider, hookimpl

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        unit: float = 1.0

    @hookimpl
    def queuectl_backoffs():
        yield Provider("{name}", Settings)
"""


def refusal(registry: Registry, kind: str, name: str) -> PluginError:
    """Ask for a plugin that must be refused."""
    with pytest.raises(PluginError) as caught:
        registry.provider(kind, name)
    assert caught.value.exit_code == 78
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in BUILTINS.items() for name in names])
def test_everything_in_the_table_is_there(kind: str, name: str) -> None:
    """Each built-in name leads to a provider of that name and kind."""
    found = Registry().provider(kind, name)
    assert (found.kind, found.name, found.distribution) == (kind, name, None)
    assert str(found) == f"plugin '{name}' (built in)"


def test_a_third_partys_plugin_is_found_by_its_entry_point(install: Install) -> None:
    """The entry point's name is the word in the YAML."""
    install("queuectl-fibonacci", BACKOFF.format(name="fibonacci"))
    found = Registry().provider("backoff", "fibonacci")
    assert found.provider.settings().unit == 1.0
    assert (found.module, found.distribution, found.version) == ("queuectl_fibonacci", "queuectl-fibonacci", "1.2.3")
    assert str(found) == "plugin 'fibonacci' (queuectl-fibonacci 1.2.3)"


def test_only_what_is_named_is_imported(install: Install) -> None:
    """A broken plugin that nobody selected harms nobody."""
    install("queuectl-broken", "raise RuntimeError('broken')")
    install("queuectl-fibonacci", BACKOFF.format(name="fibonacci"))
    registry = Registry()
    assert registry.provider("backoff", "fibonacci").name == "fibonacci"
    assert registry.known("backoff")[-2:] == ["broken", "fibonacci"]
    assert "queuectl_broken" not in sys.modules


def test_built_in_names_need_no_entry_points() -> None:
    """`importlib.metadata` costs as much as all the rest of a command."""
    program = (
        "import sys; from queuectl.registry import Registry; r = Registry(); "
        "r.provider('storage', 'sqlite'); r.load(['log']); print('importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_name_has_a_suggestion_and_says_where_was_looked(install: Install) -> None:
    """The plugin may be installed in another environment."""
    install("queuectl-fibonacci", BACKOFF.format(name="fibonacci"))
    error = refusal(Registry(), "backoff", "fibonaci")
    assert error.message == "no backoff 'fibonaci' is installed; did you mean 'fibonacci'?"
    assert error.details == (
        "installed: exponential, linear, fixed, schedule, none, fibonacci",
        f"looked in: {sys.prefix}",
    )


def test_a_built_in_name_of_another_kind_is_told_as_such() -> None:
    """Nothing is missing: it stands in the wrong place."""
    error = refusal(Registry(), "backoff", "sqlite")
    assert error.message == "'sqlite' is a storage, not a backoff"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere_to_be_found", "failed to import: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("raise ValueError('one\\ntwo')", "failed to import: ValueError: one"),
        ("raise SystemExit(3)", "failed to import: SystemExit: 3"),
        ("import asyncio\nraise asyncio.CancelledError", "failed to import: CancelledError"),
        ("def broken(:", "failed to import: SyntaxError: invalid syntax (queuectl_broken.py, line 1)"),
        ("queuectl_api = 2", "is made for version 2 of the plugin API, this queuectl has 1"),
        ("queuectl_api = 0", "is made for version 0 of the plugin API, this queuectl has 1"),
        ("queuectl_api = (2, 1)", "is made for version 2.1 of the plugin API, this queuectl has 1.0"),
        ("queuectl_api = (1, 99)", "is made for version 1.99 of the plugin API, this queuectl has 1.0"),
        ("queuectl_api = 'one'", "has a queuectl_api that is no version: 'one'"),
        ("queuectl_api = True", "has a queuectl_api that is no version: True"),
        ("queuectl_api = ()", "has a queuectl_api that is no version: ()"),
        ("queuectl_api = (1, 0, 0)", "has a queuectl_api that is no version: (1, 0, 0)"),
        ("", "offers no backoff 'broken'"),
        (BACKOFF.format(name="other"), "offers no backoff 'broken'"),
        (
            "from queuectl import hookimpl\n@hookimpl\ndef queuectl_backofs(): ...",
            "implements an unknown hook 'queuectl_backofs'; did you mean 'queuectl_backoffs'?",
        ),
        (
            "from queuectl import hookimpl\n@hookimpl\ndef queuectl_notify(evnt): ...",
            "does not fit the hooks: Argument(s) {'evnt'} are declared in the hookimpl",
        ),
        (
            "from queuectl import hookimpl\n@hookimpl\ndef queuectl_execute(job, context): ...",
            "implements queuectl_execute itself, but plugins may only wrap it",
        ),
        (
            "from queuectl import hookimpl\n@hookimpl\ndef queuectl_backoffs(): return ['fast']",
            "offers a backoff that is no Provider: str",
        ),
        (
            "from queuectl import hookimpl\n@hookimpl\ndef queuectl_backoffs(): return 3",
            "failed in queuectl_backoffs: TypeError: 'int' object is not iterable",
        ),
        (
            "from queuectl import hookimpl\n@hookimpl\ndef queuectl_backoffs():\n    yield 1 / 0",
            "failed in queuectl_backoffs: ZeroDivisionError: division by zero",
        ),
        (
            "import queuectl\n@queuectl.hookimpl\ndef queuectl_backoffs(): yield queuectl.Provider('broken', dict)",
            "offers a backoff 'broken' whose settings are no dataclass: <class 'dict'>",
        ),
        (
            "from queuectl import Provider, hookimpl\n@hookimpl\ndef queuectl_backoffs(): yield Provider(3, dict)",
            "offers a backoff whose name is no text: 3",
        ),
        (
            "import queuectl\n@queuectl.hookimpl\ndef queuectl_backoffs(): yield queuectl.Provider('a\\nb', dict)",
            r"offers a backoff whose name is no text: 'a\nb'",
        ),
        (
            "from queuectl import hookimpl\n@hookimpl\ndef queuectl_backoffs(): raise SystemExit(0)",
            "failed in queuectl_backoffs: SystemExit: 0",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named_with_the_reason(install: Install, source: str, reason: str) -> None:
    """One line: the plugin, its distribution and version, and what is wrong."""
    install("queuectl-broken", source)
    message = refusal(Registry(), "backoff", "broken").message
    assert message.startswith(f"plugin 'broken' (queuectl-broken 1.2.3) {reason}")


def test_a_hook_without_its_decorator_is_pointed_out(install: Install) -> None:
    """The most likely reason why a plugin offers nothing."""
    install("queuectl-broken", BACKOFF.format(name="broken").replace("@hookimpl", ""))
    assert refusal(Registry(), "backoff", "broken").hint == "does queuectl_backoffs have @hookimpl above it?"


@pytest.mark.parametrize("version", ["1", "(1,)", "(1, 0)"])
def test_a_plugin_may_say_which_api_it_is_made_for(install: Install, version: str) -> None:
    """The major version, with or without the minor one."""
    install("queuectl-fibonacci", dedent(BACKOFF.format(name="fibonacci")) + f"\nqueuectl_api = {version}\n")
    assert Registry().provider("backoff", "fibonacci").name == "fibonacci"


def test_an_optional_hook_of_a_newer_queuectl_is_no_error(install: Install) -> None:
    """So that one release of a plugin serves several of queuectl."""
    newer = "\n@hookimpl(optionalhook=True)\ndef queuectl_later(): ...\n"
    install("queuectl-fibonacci", dedent(BACKOFF.format(name="fibonacci")) + newer)
    assert Registry().provider("backoff", "fibonacci").name == "fibonacci"


def test_a_failed_plugin_leaves_nothing_behind(install: Install) -> None:
    """No half of it hears events, and asking again gives the same answer."""
    source = """
        from queuectl import hookimpl

        @hookimpl
        def queuectl_notify(event):
            raise AssertionError

        @hookimpl
        def queuectl_nonsense():
            ...
    """
    install("queuectl-broken", source)
    registry = Registry()
    for _ in range(2):
        with pytest.raises(PluginError, match="unknown hook 'queuectl_nonsense'"):
            registry.load(["broken"])
    assert registry.listeners() == []


def test_one_module_may_stand_behind_several_names(install: Install) -> None:
    """It is registered once, and each name leads to its own provider."""
    source = dedent(BACKOFF.format(name="slow")) + '    yield Provider("quick", Settings)\n'
    install("queuectl-speeds", source, points={"slow": "queuectl_speeds", "quick": "queuectl_speeds"})
    registry = Registry()
    assert [str(registry.provider("backoff", name)) for name in ("quick", "slow")] == [
        "plugin 'quick' (queuectl-speeds 1.2.3)",
        "plugin 'slow' (queuectl-speeds 1.2.3)",
    ]


def test_two_distributions_with_one_name_are_an_error_that_names_both(install: Install) -> None:
    """Which of them would be imported is chance."""
    install("queuectl-redis", BACKOFF.format(name="redis"))
    install("other-redis", BACKOFF.format(name="redis"), version="0.1")
    message = refusal(Registry(), "backoff", "redis").message
    assert message.startswith("plugin 'redis' is installed by more than one distribution: ")
    assert "queuectl-redis 1.2.3" in message
    assert "other-redis 0.1" in message


def test_two_plugins_that_offer_one_name_are_an_error_that_names_both(install: Install) -> None:
    """The second of the two is refused, whichever it is."""
    install("queuectl-a", dedent(BACKOFF.format(name="a")) + '    yield Provider("b", Settings)\n')
    install("queuectl-b", BACKOFF.format(name="b"))
    registry = Registry()
    registry.provider("backoff", "a")
    message = refusal(registry, "backoff", "b").message
    assert message == "plugin 'b' (queuectl-a 1.2.3) and plugin 'b' (queuectl-b 1.2.3) both offer the backoff 'b'"


def test_a_name_that_is_offered_twice_is_an_error(install: Install) -> None:
    """Also within one plugin."""
    install("queuectl-a", dedent(BACKOFF.format(name="a")) + '    yield Provider("a", Settings)\n')
    assert refusal(Registry(), "backoff", "a").message == "plugin 'a' (queuectl-a 1.2.3) offers the backoff 'a' twice"


def test_built_in_names_cannot_be_replaced(install: Install) -> None:
    """Neither by an entry point nor by what a plugin offers besides."""
    install("queuectl-evil", BACKOFF.format(name="fixed"), points={"fixed": "queuectl_evil"})
    assert Registry().provider("backoff", "fixed").distribution is None
    install("queuectl-a", dedent(BACKOFF.format(name="a")) + '    yield Provider("fixed", Settings)\n')
    message = refusal(Registry(), "backoff", "a").message
    assert message == "plugin 'fixed' (queuectl-a 1.2.3) offers the backoff 'fixed', but that name is built in"


@pytest.mark.parametrize(
    ("setting", "kind"),
    [("plugin", "queuectl_backoffs"), ("plugin", "queuectl_notifiers"), ("events", "queuectl_notifiers")],
)
def test_settings_may_not_have_the_names_of_our_own_keys(install: Install, setting: str, kind: str) -> None:
    """The word `plugin` in a section is taken, and `events` in a notifier's."""
    source = BACKOFF.format(name="a").replace("unit: float = 1.0", f"{setting}: int = 1")
    install("queuectl-a", source.replace("queuectl_backoffs", kind))
    error = refusal(Registry(), "backoff" if kind == "queuectl_backoffs" else "notifier", "a")
    assert error.message.endswith(f"'a' with a setting named '{setting}', which the core uses itself")


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ("{'job.ded'}", "that wants an unknown event 'job.ded'; did you mean 'job.dead'?"),
        ("'job.dead'", "whose events are no set of names: 'job.dead'"),
        ("[{}]", "whose events are no set of names: [{}]"),
    ],
)
def test_a_notifier_may_want_only_events_that_there_are(install: Install, events: str, reason: str) -> None:
    """A misspelled event would never come."""
    source = BACKOFF.format(name="a").replace('"a", Settings', f'"a", Settings, events={events}')
    install("queuectl-a", source.replace("queuectl_backoffs", "queuectl_notifiers"))
    assert (
        refusal(Registry(), "notifier", "a").message == f"plugin 'a' (queuectl-a 1.2.3) offers a notifier 'a' {reason}"
    )


LISTENER = """
    from queuectl import hookimpl

    HEARD = []

    @hookimpl
    def queuectl_notify(event):
        HEARD.append(event)
"""


def heard(module: str) -> list[Event]:
    """What a listener has heard."""
    events: list[Event] = sys.modules[module].HEARD
    return events


def test_each_listener_is_called_on_its_own(install: Install) -> None:
    """One that raises does so to its caller; the others are none the wiser."""
    install("queuectl-first", LISTENER)
    install("queuectl-angry", LISTENER.replace("HEARD.append(event)", "raise RuntimeError('no')"))
    install("queuectl-last", LISTENER)
    install("queuectl-unlisted", LISTENER)
    registry = Registry()
    registry.load(["first", "angry", "last"])
    listeners = {entry.name: listen for entry, listen in registry.listeners()}
    assert list(listeners) == ["first", "angry", "last"]
    for name in ("first", "last"):
        listeners[name](EVENT)
    with pytest.raises(RuntimeError, match="no"):
        listeners["angry"](EVENT)
    assert heard("queuectl_first") == heard("queuectl_last") == [EVENT]
    assert "queuectl_unlisted" not in sys.modules


def test_only_listed_plugins_listen(install: Install) -> None:
    """A plugin that is selected as a backoff is not thereby a listener: `plugins:` says who is."""
    install("queuectl-a", dedent(BACKOFF.format(name="a")) + dedent(LISTENER))
    registry = Registry()
    registry.provider("backoff", "a")
    assert registry.listeners() == []
    registry.load(["a", "a"])
    assert [str(entry) for entry, _ in registry.listeners()] == ["plugin 'a' (queuectl-a 1.2.3)"]


def test_a_listener_is_called_alone_whatever_is_imported_later(install: Install) -> None:
    """A backoff that a job names may be imported long after the worker has begun to deliver."""
    install("queuectl-first", LISTENER)
    install("queuectl-late", dedent(BACKOFF.format(name="late")) + dedent(LISTENER))
    registry = Registry()
    registry.load(["first"])
    ((_, listen),) = registry.listeners()
    registry.provider("backoff", "late")
    listen(EVENT)
    assert (heard("queuectl_first"), heard("queuectl_late")) == ([EVENT], [])


WRAPPER = """
    from queuectl import hookimpl

    @hookimpl(wrapper=True)
    def queuectl_execute(job, context):
        outcome = yield
        CODE
"""


def run(job: Job, context: RunContext) -> Outcome:
    """Run a job that ends with 1."""
    return Outcome(exit_code=1)


def test_without_wrappers_the_job_is_run_directly(install: Install) -> None:
    """A wrapper of a plugin that is not listed does not count."""
    install("queuectl-a", dedent(BACKOFF.format(name="a")) + dedent(WRAPPER.replace("CODE", "raise AssertionError")))
    registry = Registry()
    registry.provider("backoff", "a")
    assert registry.execute(JOB, CONTEXT, run) == Outcome(exit_code=1)


def test_a_wrapper_may_change_the_outcome(install: Install) -> None:
    """The first that is listed is the outermost, or not: order carries no meaning, both take part."""
    install(
        "queuectl-swap",
        "from dataclasses import replace\n" + dedent(WRAPPER.replace("CODE", "return replace(outcome, exit_code=7)")),
    )
    install(
        "queuectl-note",
        "from dataclasses import replace\n" + dedent(WRAPPER.replace("CODE", "return replace(outcome, error='noted')")),
    )
    registry = Registry()
    registry.load(["swap", "note"])
    assert registry.execute(JOB, CONTEXT, run) == Outcome(exit_code=7, error="noted")


def test_what_the_executor_raises_passes_through_the_wrappers(install: Install) -> None:
    """A wrapper sees it, and so does the caller."""

    def fail(job: Job, context: RunContext) -> Outcome:
        raise OSError("gone")

    install("queuectl-a", WRAPPER.replace("CODE", "return outcome"))
    registry = Registry()
    registry.load(["a"])
    with pytest.raises(OSError, match="gone"):
        registry.execute(JOB, CONTEXT, fail)


def test_a_listed_plugin_must_be_installed() -> None:
    """What is named and cannot be loaded is an error."""
    with pytest.raises(PluginError, match="no plugin 'metrics' is installed"):
        Registry().load(["metrics"])


def test_plugins_add_commands_and_a_broken_one_is_a_warning(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line goes on without it."""
    source = """
        import click
        from queuectl import hookimpl

        @hookimpl
        def queuectl_commands(group):
            group.add_command(click.Command("hello"))
    """
    install("queuectl-hello", source)
    install("queuectl-broken", "raise RuntimeError('no')")
    install("queuectl-angry", source.replace("group.add_command", "{}['x'], "))
    group = click.Group()
    Registry().commands(group)
    assert list(group.commands) == ["hello"]
    assert capsys.readouterr().err.splitlines() == [
        "warning: plugin 'angry' (queuectl-angry 1.2.3) failed in queuectl_commands: KeyError: 'x'",
        "warning: plugin 'broken' (queuectl-broken 1.2.3) failed to import: RuntimeError: no",
    ]


def test_a_plugin_that_goes_by_a_built_in_name_adds_nothing(install: Install) -> None:
    """It is not even imported."""
    install("queuectl-evil", LISTENER, points={"fixed": "queuectl_evil"})
    group = click.Group()
    assert Registry().commands(group) == {}
    assert "queuectl_evil" not in sys.modules


def test_all_that_is_installed_can_be_listed(install: Install) -> None:
    """Each on its own, with what is wrong with it."""
    install("queuectl-fibonacci", BACKOFF.format(name="fibonacci"))
    install("queuectl-broken", "raise RuntimeError('no')")
    install("queuectl-evil", BACKOFF.format(name="fixed"), points={"fixed": "queuectl_evil"})
    install("queuectl-ear", LISTENER)
    infos = {(info.entry.name, info.entry.distribution): info for info in Registry().installed()}
    assert {name for name, distribution in infos if distribution is None} == {
        name for names in (*BUILTINS.values(), COMMANDS) for name in names
    }
    assert [found.name for found in infos["fibonacci", "queuectl-fibonacci"].offers] == ["fibonacci"]
    assert infos["ear", "queuectl-ear"].hooks == ("queuectl_notify",)
    assert infos["broken", "queuectl-broken"].error == (
        "plugin 'broken' (queuectl-broken 1.2.3) failed to import: RuntimeError: no"
    )
    assert infos["fixed", "queuectl-evil"].error == (
        "plugin 'fixed' (queuectl-evil 1.2.3) has a name that is built in and cannot be replaced"
    )
    assert infos["fixed", None].error is None


def test_a_provider_is_what_the_plugin_made() -> None:
    """Nothing of it is copied."""
    found = Registry().provider("notifier", "log")
    assert isinstance(found.provider, Provider)
