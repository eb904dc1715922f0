"""A plugin that cannot be used is named where it is selected, and not even imported where it is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.isolation.telling import named

if TYPE_CHECKING:
    from tests.cli.conftest import Program
    from tests.cli.isolation.conftest import Site

BACKOFF = """
from dataclasses import dataclass
from queuectl import Provider, hookimpl

@dataclass(frozen=True, kw_only=True)
class Settings:
    unit: float = 1.0

    def delay(self, failure):
        return self.unit

@hookimpl
def queuectl_backoffs():
    yield Provider("NAME", Settings)
"""


def with_(addition: str) -> str:
    """A backoff `broken` that has something more at its end."""
    return f"{BACKOFF.replace('NAME', 'broken')}{addition}"


def with_setting(addition: str) -> str:
    """A backoff `broken` that has something more in its settings."""
    return BACKOFF.replace("NAME", "broken").replace("unit: float = 1.0", f"unit: float = 1.0\n    {addition}")


BREAKS = {
    "no module": ("import nowhere_to_be_found", "failed to import: ModuleNotFoundError: No module named 'nowhere_to_"),
    "an error": ("raise RuntimeError('one\\ntwo')", "failed to import: RuntimeError: one\n"),
    "an exit": ("import sys; sys.exit(3)", "failed to import: SystemExit: 3\n"),
    "no syntax": ("def broken(:", "failed to import: SyntaxError: invalid syntax (queuectl_broken.py, line 1)\n"),
    "a newer API": (with_("queuectl_api = 2"), "is made for version 2 of the plugin API, this queuectl has 1\n"),
    "a newer minor API": (with_("queuectl_api = (1, 9)"), "is made for version 1.9 of the plugin API, this queuectl"),
    "a hook that raises": (BACKOFF.replace("yield", "1 / 0; yield"), "failed in queuectl_backoffs: ZeroDivisionError:"),
    "a hook that exits": (BACKOFF.replace("yield", "exit(0); yield"), "failed in queuectl_backoffs: SystemExit: 0\n"),
    "a name twice": (with_("    yield Provider('broken', Settings)"), "offers the backoff 'broken' twice\n"),
    "no such hook": (
        with_("@hookimpl\ndef queuectl_backof(): ..."),
        "implements an unknown hook 'queuectl_backof';",
    ),
    "nothing": ("", "offers no backoff 'broken'\n"),
    "no provider": (BACKOFF.replace("Provider(", "("), "offers a backoff that is no Provider: tuple\n"),
    "settings that raise": (
        with_setting("def __post_init__(self): raise KeyError('unit')"),
        "cannot take its settings: KeyError: 'unit'\n",
    ),
    "settings that exit": (
        with_setting("def __post_init__(self): raise SystemExit"),
        "cannot take its settings: SystemExit\n",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BREAKS.values(), ids=BREAKS.keys())
def test_a_broken_plugin_keeps_workers_from_starting(site: Site, source: str, reason: str) -> None:
    """Given a backoff that cannot be used, when a worker starts, then one line says which and why, and it ends."""
    site.install("broken", source)
    site.configure("backoff: {plugin: broken}\n")
    ran = site.program("worker", "start", "--drain", code=78)
    assert ran.out == ""
    error, *more = ran.err.splitlines(keepends=True)
    assert f"{named('broken')} {reason}" in error
    assert error.startswith("error: queuectl.yaml:1:") or "settings" in reason
    assert all(line.startswith("hint: ") for line in more)


KINDS = {
    "storage": "storage: {plugin: broken}\n",
    "executor": "executor: {plugin: broken}\n",
    "the executor of a queue": "queues: {mail: {executor: {plugin: broken}}}\n",
    "backoff": "backoff: broken\n",
    "notifier": "notifications: [{plugin: broken}]\n",
    "listener": "plugins: [broken]\n",
}


@pytest.mark.parametrize("configuration", KINDS.values(), ids=KINDS.keys())
def test_whatever_selects_a_broken_plugin_refuses_to_start(site: Site, configuration: str) -> None:
    """Given any place of the configuration that names it, when a worker starts, then the place is told, and 78."""
    site.install("broken", "raise RuntimeError('no')")
    site.configure(configuration)
    ran = site.program("worker", "start", code=78)
    (line,) = ran.err.splitlines()
    assert line.startswith("error: queuectl.yaml:1:")
    assert line.endswith(f"{named('broken')} failed to import: RuntimeError: no")


def test_two_distributions_with_one_entry_point_are_both_named(site: Site) -> None:
    """Given two that are installed under one name, when it is selected, then neither is taken by chance."""
    site.install("red", BACKOFF, points=["red"])
    site.install("rival", BACKOFF, points=["red"])
    site.configure("backoff: red\n")
    ran = site.program("worker", "start", code=78)
    assert "plugin 'red' is installed by more than one distribution: queuectl-r" in ran.err
    assert all(f"queuectl-{name} 1.2.3" in ran.err for name in ("red", "rival"))


def test_two_plugins_that_offer_one_backoff_are_both_named(site: Site) -> None:
    """Given two that are selected and offer one name, when a worker starts, then it does not choose between them."""
    site.install("red", BACKOFF.replace("NAME", "red") + "    yield Provider('blue', Settings)\n")
    site.install("blue", BACKOFF.replace("NAME", "blue"))
    site.configure("backoff: red\nqueues: {mail: {backoff: blue}}\n")
    ran = site.program("worker", "start", code=78)
    (line,) = ran.err.splitlines()
    assert line.endswith(
        "plugin 'blue' (queuectl-red 1.2.3) and plugin 'blue' (queuectl-blue 1.2.3) both offer the backoff 'blue'"
    )


def test_a_built_in_name_cannot_be_offered(site: Site) -> None:
    """Given a plugin that offers `fixed` besides its own, when it is selected, then it is refused."""
    site.install("red", BACKOFF.replace("NAME", "red") + "    yield Provider('fixed', Settings)\n")
    site.configure("backoff: red\n")
    ran = site.program("worker", "start", code=78)
    assert ran.err.endswith(
        "plugin 'fixed' (queuectl-red 1.2.3) offers the backoff 'fixed', but that name is built in\n"
    )


def test_what_nobody_selected_is_never_imported(site: Site) -> None:
    """Given a broken plugin beside one that is selected, when all is done that workers do, then nobody imports it."""
    marker = site.program.cwd / "imported"
    site.install("broken", f"open({str(marker)!r}, 'w'); raise RuntimeError('no')")
    site.install("slow", BACKOFF.replace("NAME", "slow"))
    site.configure("backoff: {plugin: slow, unit: 0.0}\njobs: {max-retries: 1}\n")
    (job,) = site.program.enqueue("exit 3")
    ran = site.program("worker", "start", "--drain", code=0)
    assert "broken" not in ran.err
    for call in (["list"], ["status"], ["show", job], ["config", "validate"], ["dlq", "retry", job]):
        site.program(*call, code=0)
    assert site.jobs()[job]["attempts"] == 0
    assert not marker.exists()
    site.program("plugins", "list", code=0)
    assert marker.exists()  # the marker tells


def test_a_start_needs_no_entry_points(queuectl: Program, site: Site) -> None:
    """Given thirty plugins that are not selected, when a job is stored, then none is imported nor even looked for."""
    for number in range(30):
        site.install(f"extra{number}", "raise AssertionError")
    site.configure("backoff: {plugin: fixed, delay: 1s}\nnotifications: [{plugin: log}]\n")
    program = "import sys; from queuectl.cli import run; code = run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    modules = queuectl("enqueue", "true", command=[sys.executable, "-c", program], code=0).err.split()
    assert "queuectl_sqlite" in modules
    assert {name for name in modules if name.startswith(("importlib.metadata", "queuectl_extra"))} == set()
