"""A storage is opened by the name under which a plugin offers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl.testing import FakeClock, MemoryStorage, ProvidedStorage

_PLUGIN = '''
"""A plugin that offers two storages."""
from dataclasses import dataclass
from queuectl.hookspecs import Provider, hookimpl
from queuectl.testing import MemoryStorage

@dataclass(frozen=True)
class Settings:
    path: str = "here"

@dataclass(frozen=True)
class Itself:
    pass

def create(settings, context):
    storage = MemoryStorage(clock=context.clock, events=context.events)
    storage.made_of = (settings, context)
    return storage

@hookimpl
def queuectl_storages():
    yield Provider("created", Settings, create)
    yield Provider("itself", Itself)
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of an importable plugin module."""
    (tmp_path / "plugin_of_two_storages.py").write_text(_PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    return "plugin_of_two_storages"


def test_it_creates_what_the_provider_creates(plugin: str, tmp_path: Path) -> None:
    """The provider's `create` gets the settings, and a context with the data directory, the clock and the events."""
    clock = FakeClock()
    factory = ProvidedStorage(plugin, "the settings", data=tmp_path, name="created")
    storage = factory(clock=clock, events=frozenset({"job.dead"}))
    assert isinstance(storage, MemoryStorage)
    settings, context = vars(storage)["made_of"]
    assert (settings, context.data, context.clock) == ("the settings", tmp_path, clock)
    assert context.events == {"job.dead"}


def test_without_create_the_settings_are_the_storage(plugin: str, tmp_path: Path) -> None:
    """A provider without `create` makes the settings object the component."""
    settings = MemoryStorage()
    assert ProvidedStorage(plugin, settings, data=tmp_path, name="itself")() is settings


def test_an_unclear_name_is_refused(plugin: str, tmp_path: Path) -> None:
    """A module that offers several storages needs a name, and one that it offers."""
    for name in (None, "other"):
        with pytest.raises(LookupError, match="created, itself"):
            ProvidedStorage(plugin, None, data=tmp_path, name=name)()
