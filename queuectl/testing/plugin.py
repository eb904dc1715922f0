"""PluginContract: what every plugin promises, whatever it offers."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
import pytest

from queuectl import hookspecs
from queuectl.config.bind import Binder
from queuectl.config.explain import to_json
from queuectl.config.fields import fields_of
from queuectl.config.find import Places
from queuectl.config.problems import Problems
from queuectl.config.tree import Source, from_plain
from queuectl.hookspecs import Context, Provider
from queuectl.model.event import EVENT_NAMES
from queuectl.registry import BUILTINS, Entry
from queuectl.registry.registry import OFFERS
from queuectl.registry.soundness import has_our_api, is_sound

_SEAMS: Mapping[str, Sequence[str]] = {
    "storage": ("enqueue", "exchange", "take_over", "close"),
    "executor": ("execute",),
    "backoff": ("delay",),
    "notifier": ("notify",),
}
_HEAVY = ("asyncio", "email", "importlib.metadata", "rich", "structlog")
_PROBE = """
import importlib, json, os, sys, threading
import queuectl.hookspecs, queuectl.model.storage, queuectl.units, msgspec
before = set(sys.modules)
importlib.import_module(sys.argv[1])
found = {"modules": sorted(set(sys.modules) - before), "threads": threading.active_count() - 1, "children": 0}
try:
    os.waitpid(-1, os.WNOHANG)
    found["children"] = 1
except ChildProcessError:
    pass
os.write(int(sys.argv[2]), json.dumps(found).encode())
"""


@dataclass(frozen=True)
class Import:
    """What happened when a plugin was imported by an interpreter of its own."""

    exit_code: int
    printed: str
    modules: Sequence[str]
    threads: int
    children: int
    files: Sequence[str]


class PluginContract:
    """Test a plugin as a whole: subclass this, override `plugin`, run pytest.

    class TestPlugin(PluginContract):
        settings = {"webhook": {"url": "http://localhost/"}}

        @pytest.fixture
        def plugin(self):
            return "queuectl_webhook"
    """

    settings: Mapping[str, Mapping[str, Any]] = {}
    """For each provider that needs them, the values of settings that have no default, as they stand in the YAML."""

    patience: float = 60.0
    """How many seconds the import may take in a fresh interpreter, before a clause calls it stuck."""

    @pytest.fixture
    def plugin(self) -> str:
        """Return the import name of the plugin's module."""
        raise NotImplementedError("override the fixture plugin: return the name of the module")

    @pytest.fixture
    def imported(self, plugin: str, tmp_path: Path) -> Import:
        """Import the plugin in a fresh interpreter, whose home and current directory are empty."""
        return _import(plugin, tmp_path, self.patience)

    @pytest.fixture
    def module(self, plugin: str) -> ModuleType:
        """Return the plugin's module, or skip the clause where it cannot be imported."""
        try:
            return importlib.import_module(plugin)
        except Exception as error:  # a wall: the import runs a plugin's code
            pytest.skip(f"it cannot be imported: {error}")

    @pytest.fixture
    def providers(self, module: ModuleType) -> Sequence[tuple[str, Provider]]:
        """Return the kind of each provider that the plugin offers, and the provider."""
        return [(kind, each) for kind, each in _offered(module) if isinstance(each, Provider)]

    def test_it_can_be_imported(self, imported: Import) -> None:
        """A fresh interpreter can import it."""
        assert imported.exit_code == 0, imported.printed

    def test_its_import_is_silent(self, imported: Import) -> None:
        """Its import prints nothing: standard output is for the data of whatever command is typed."""
        assert imported.exit_code or imported.printed == ""

    def test_its_import_starts_nothing(self, imported: Import) -> None:
        """Its import starts neither threads nor processes: who imports it may only want its name."""
        assert (imported.threads, imported.children) == (0, 0)

    def test_its_import_writes_nothing(self, imported: Import) -> None:
        """Its import leaves no file in the current directory, the home or the directory for temporary files."""
        assert imported.files == []

    def test_its_import_is_light(self, imported: Import) -> None:
        """Its import brings nothing that takes long, which every command would pay for: `create` is the place."""
        assert [name for name in _HEAVY if name in imported.modules] == []

    def test_it_is_made_for_this_api(self, plugin: str, module: ModuleType) -> None:
        """Its `queuectl_api`, if it says one, is the version of this queuectl."""
        has_our_api(Entry(plugin, plugin), module)

    def test_its_hooks_are_known(self, module: ModuleType) -> None:
        """Every hook that it implements is one that is called, with arguments that it has."""
        _manager(module).check_pending()

    def test_it_offers_something(self, module: ModuleType) -> None:
        """At least one function has `@hookimpl` above it."""
        assert _manager(module).get_hookcallers(module)

    def test_its_providers_are_sound(self, plugin: str, module: ModuleType) -> None:
        """What its hooks yield can be used: names, settings, events and `create` are what they must be."""
        for kind, each in _offered(module):
            is_sound(Entry(plugin, plugin), kind, each)

    def test_its_names_are_its_own(self, plugin: str, providers: Sequence[tuple[str, Provider]]) -> None:
        """No provider has a name that is built in, and no two of a kind have the same."""
        built_in = {name: module for names in BUILTINS.values() for name, module in names.items()}
        names = [f"{kind} {each.name}" for kind, each in providers]
        assert [each.name for _, each in providers if built_in.get(each.name, plugin) != plugin] == []
        assert sorted(set(names)) == sorted(names)

    def test_its_providers_have_summaries(self, providers: Sequence[tuple[str, Provider]]) -> None:
        """Each provider says in a few words what it is: `queuectl plugins list` shows them."""
        assert [each.name for _, each in providers if not each.summary.strip()] == []

    def test_its_settings_are_described(self, providers: Sequence[tuple[str, Provider]]) -> None:
        """Each setting says what it means: `queuectl plugins show` and `config list` show it."""
        assert [
            f"{each.name}: {field.key}"
            for _, each in providers
            for field in fields_of(each.settings).values()
            if not field.description.strip()
        ] == []

    def test_its_defaults_could_be_typed(self, providers: Sequence[tuple[str, Provider]], tmp_path: Path) -> None:
        """Each default, written into a configuration file, is read back as the same value, within its own limits."""
        for _, each in providers:
            defaults = {field.key: field.default for field in fields_of(each.settings).values() if not field.required}
            bound = Binder(Places({}, tmp_path), problems := Problems()).values(
                each.settings, from_plain(to_json(defaults), Source("defaults")), each.name
            )
            assert [str(problem) for problem in problems.found] == []
            assert bound == {
                field.name: field.default for field in fields_of(each.settings).values() if not field.required
            }

    def test_its_components_can_be_made(self, providers: Sequence[tuple[str, Provider]], tmp_path: Path) -> None:
        """With its defaults, and `settings` where there are none, each provider makes what it says it offers."""
        for kind, each in providers:
            component = _component(each, self.settings.get(each.name, {}), tmp_path)
            assert [name for name in _SEAMS[kind] if not callable(getattr(component, name, None))] == []

    def test_its_entry_points_have_the_names_of_its_providers(
        self, plugin: str, providers: Sequence[tuple[str, Provider]]
    ) -> None:
        """Where it is installed, each provider's name is an entry point of the group `queuectl` that leads to it."""
        from importlib.metadata import entry_points

        points = {point.name for point in entry_points(group="queuectl") if point.value == plugin}
        if not points:
            pytest.skip("no installed distribution has an entry point for it")
        assert [each.name for _, each in providers if each.name not in points] == []


def _import(plugin: str, folder: Path, patience: float) -> Import:
    for name in ("here", "home", "temporary"):
        (folder / name).mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "QUEUECTL_"))}
    environment |= {"HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    reader, writer = os.pipe()
    try:
        ended = subprocess.run(
            [sys.executable, "-c", _PROBE, plugin, str(writer)],
            cwd=folder / "here",
            env=environment,
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience,
            check=False,
        )
    finally:
        os.close(writer)
        with open(reader) as pipe:
            report = pipe.read()
    found = json.loads(report) if report else {"modules": [], "threads": 0, "children": 0}
    files = [
        path.relative_to(folder).as_posix()
        for name in ("here", "home", "temporary")
        for path in (folder / name).rglob("*")
    ]
    return Import(exit_code=ended.returncode, printed=ended.stdout, files=files, **found)


def _manager(module: ModuleType) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("queuectl")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    return manager


def _offered(module: ModuleType) -> Iterator[tuple[str, object]]:
    manager = _manager(module)
    for kind, hook in OFFERS.items():
        for answer in getattr(manager.hook, hook)():
            yield from ((kind, each) for each in answer)


def _component(provider: Provider, values: Mapping[str, Any], folder: Path) -> object:
    problems = Problems()
    node = from_plain(to_json(values), Source("settings"))
    settings = Binder(Places({}, folder), problems).settings(provider.settings, node, provider.name)
    assert [str(problem) for problem in problems.found] == []
    if provider.create is None:
        return settings
    return provider.create(settings, Context(data=folder, events=EVENT_NAMES))
