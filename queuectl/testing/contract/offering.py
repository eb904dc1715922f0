"""Offering: what a plugin's hooks offer, and whether people and the core can make use of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import click
import pluggy
import pytest

from queuectl import hookspecs
from queuectl.commands.group import VERBS
from queuectl.config.bind import Binder
from queuectl.config.explain import to_json
from queuectl.config.fields import fields_of
from queuectl.config.find import Places
from queuectl.config.problems import Problems
from queuectl.config.tree import Source, from_plain
from queuectl.hookspecs import Context, Provider
from queuectl.model.event import EVENT_NAMES
from queuectl.registry import BUILTINS, COMMANDS, Entry, Registry
from queuectl.registry.registry import OFFERS
from queuectl.registry.seams import lacking
from queuectl.registry.soundness import has_our_api, is_sound
from queuectl.testing.contract.importing import Import

Offer = tuple[str, Provider]
"""A kind and a provider of that kind."""


class Offering:
    """The clauses of hooks and providers."""

    settings: Mapping[str, Mapping[str, Any]] = {}
    """By the name of a provider, the values of settings that have no default, as they would stand in the YAML."""

    @pytest.fixture
    def module(self, plugin: str, imported: Import) -> ModuleType:
        """Return the plugin's module; skips the clause where it cannot be imported."""
        if imported.failed:
            pytest.skip("it cannot be imported: see test_it_can_be_imported")
        return importlib.import_module(plugin)

    @pytest.fixture
    def hooks(self, module: ModuleType) -> pluggy.PluginManager:
        """Return the hooks with the plugin alone; skips the clause where it does not fit them."""
        return _or_skip(lambda: _hooks(module), "test_its_hooks_are_known")

    @pytest.fixture
    def offers(self, plugin: str, hooks: pluggy.PluginManager) -> Sequence[Offer]:
        """Return what the plugin offers; skips the clause where that is not sound."""
        return _or_skip(lambda: list(_sound_offers(plugin, hooks)), "test_its_providers_are_sound")

    def test_it_is_made_for_this_api(self, plugin: str, module: ModuleType) -> None:
        """Its `queuectl_api`, if it has one, is a version of the plugin API that this queuectl has."""
        has_our_api(Entry(plugin, plugin), module)

    def test_its_hooks_are_known(self, plugin: str, module: ModuleType) -> None:
        """Every hook that it implements is one that is called, with arguments that it has; `queuectl_execute` wraps."""
        Registry()._register(Entry(plugin, plugin), module)

    def test_it_implements_a_hook(self, module: ModuleType, hooks: pluggy.PluginManager) -> None:
        """It has at least one function with `@hookimpl` above it."""
        assert hooks.get_hookcallers(module), "no function of a hook's name has @hookimpl above it"

    def test_its_providers_are_sound(self, plugin: str, hooks: pluggy.PluginManager) -> None:
        """What its hooks yield can be used: names, settings, events and `create` are what they must be."""
        list(_sound_offers(plugin, hooks))

    def test_its_names_are_its_own(self, plugin: str, offers: Sequence[Offer]) -> None:
        """No provider has a name that is built in, and no two of one kind have the same."""
        built_in = {name: module for names in BUILTINS.values() for name, module in names.items()}
        names = [f"{kind} {provider.name}" for kind, provider in offers]
        assert [provider.name for _, provider in offers if built_in.get(provider.name, plugin) != plugin] == []
        assert sorted(names) == sorted(set(names))

    def test_its_providers_have_summaries(self, offers: Sequence[Offer]) -> None:
        """Each provider says in a few words what it is: `queuectl plugins list` shows them."""
        assert [provider.name for _, provider in offers if not provider.summary.strip()] == []

    def test_its_settings_are_described(self, offers: Sequence[Offer]) -> None:
        """Each setting says what it means: `queuectl plugins show` and the schema for editors tell it."""
        fields = [(provider.name, field) for _, provider in offers for field in fields_of(provider.settings).values()]
        assert [f"{name}: {field.key}" for name, field in fields if not field.description.strip()] == []

    def test_its_defaults_fit_its_settings(self, offers: Sequence[Offer], tmp_path: Path) -> None:
        """Each default could stand in a configuration file: it is of its setting's type, and within its limits."""
        for kind, provider in offers:
            fields = fields_of(provider.settings).values()
            defaults = {field.key: field.default for field in fields if not field.required}
            assert _bound(kind, provider, defaults, tmp_path, all_of_them=False)[1] == []

    def test_its_components_can_be_made(self, offers: Sequence[Offer], tmp_path: Path) -> None:
        """With its defaults, and `settings` where there are none, each provider makes what it says it offers."""
        for kind, provider in offers:
            values, problems = _bound(kind, provider, self.settings.get(provider.name, {}), tmp_path, all_of_them=True)
            assert problems == [], "say in the attribute `settings` what has no default"
            component = _made(provider, values, tmp_path)
            assert lacking(kind, component) is None
            if kind == "storage":
                component.close()

    def test_its_commands_can_be_added(self, plugin: str, hooks: pluggy.PluginManager) -> None:
        """What it adds to the command line has names of its own there."""
        group = click.Group("queuectl")
        hooks.hook.queuectl_commands(group=group)
        taken = {verb for verb in VERBS if COMMANDS.get(verb) != plugin}
        assert sorted(group.commands.keys() & taken) == []


Answer = TypeVar("Answer")


def _or_skip(call: Callable[[], Answer], clause: str) -> Answer:
    try:
        return call()
    except Exception as error:  # a wall: what is wrong with a plugin is told by the clause that asks for it
        pytest.skip(f"{error}: see {clause}")


def _hooks(module: ModuleType) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("queuectl")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    return manager


def _sound_offers(plugin: str, hooks: pluggy.PluginManager) -> Iterator[Offer]:
    for kind, hook in OFFERS.items():
        for answer in getattr(hooks.hook, hook)():
            for each in answer:
                yield kind, is_sound(Entry(plugin, plugin), kind, each)


def _bound(
    kind: str, provider: Provider, values: Mapping[str, Any], folder: Path, *, all_of_them: bool
) -> tuple[Any, list[str]]:
    """Bind values as if they stood in a configuration file; return the settings, and what is wrong with them."""
    binder = Binder(Places({}, folder), problems := Problems())
    node = from_plain({key: _as_written(value) for key, value in values.items()}, Source("configuration"))
    bind = binder.settings if all_of_them else binder.values
    paths = ("path",) if kind == "storage" else ()
    return bind(provider.settings, node, provider.name, paths=paths), [str(each) for each in problems.found]


def _as_written(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _as_written(item) for key, item in asdict(value).items()}
    return to_json(value)


def _made(provider: Provider, settings: Any, folder: Path) -> Any:
    if provider.create is None:
        return settings
    return provider.create(settings, Context(data=folder / "data", events=EVENT_NAMES))
