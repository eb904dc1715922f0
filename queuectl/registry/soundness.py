"""Whether a plugin is what it must be: importable, of our API version, with known hooks and sound providers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from importlib import import_module
from types import ModuleType

from queuectl import hookspecs
from queuectl.errors import PluginError
from queuectl.hookspecs import API_VERSION, Provider
from queuectl.model.event import EVENT_NAMES
from queuectl.registry.blame import walled
from queuectl.registry.found import Entry
from queuectl.registry.suggestion import did_you_mean

RESERVED = frozenset({"plugin"})
"""Keys of a section that are ours, so that no setting may have the name; for notifiers `events` as well."""


def imported(entry: Entry) -> ModuleType:
    """Import a plugin's module. Raises PluginError naming the plugin, whatever the import raises."""
    return walled(lambda why: PluginError(f"{entry} failed to import: {why}"), import_module, entry.module)


def has_our_api(entry: Entry, module: ModuleType) -> None:
    """Raise PluginError when the module says that it is made for another major version; it need not say."""
    wanted = getattr(module, "queuectl_api", API_VERSION)
    major = wanted[0] if isinstance(wanted, tuple) and wanted else wanted
    if not isinstance(major, int) or isinstance(major, bool):
        raise PluginError(f"{entry} has a queuectl_api that is no number: {wanted!r}")
    if major != API_VERSION:
        side = "queuectl" if major > API_VERSION else (entry.distribution or entry.name)
        message = f"{entry} is made for version {major} of the plugin API, this queuectl has version {API_VERSION}"
        raise PluginError(message, hint=f"upgrade {side}")


def is_sound(entry: Entry, kind: str, provider: object) -> Provider:
    """Return what a hook yielded. Raises PluginError when it is no provider that could be used."""
    if not isinstance(provider, Provider):
        raise PluginError(f"{entry} offers a {kind} that is no Provider: {type(provider).__name__}")
    problem = _problem(kind, provider)
    if problem is not None:
        raise PluginError(f"{entry} offers a {kind} {problem}")
    return provider


def _problem(kind: str, provider: Provider) -> str | None:
    name, settings = provider.name, provider.settings
    if not isinstance(name, str) or not name:
        return f"whose name is no text: {name!r}"
    if not isinstance(settings, type) or not is_dataclass(settings):
        return f"'{name}' whose settings are no dataclass: {settings!r}"
    taken = (RESERVED | {"events"} if kind == "notifier" else RESERVED) & settings.__dataclass_fields__.keys()
    if taken:
        return f"'{name}' with a setting named '{min(taken)}', which the core uses itself"
    if provider.create is not None and not callable(provider.create):
        return f"'{name}' whose create cannot be called"
    return _problem_of_events(provider)


def _problem_of_events(provider: Provider) -> str | None:
    if provider.events is None:
        return None
    if isinstance(provider.events, str) or not isinstance(provider.events, Iterable):
        return f"'{provider.name}' whose events are no set of names: {provider.events!r}"
    unknown = set(provider.events) - EVENT_NAMES
    if unknown:
        name = str(min(unknown, key=str))
        return f"'{provider.name}' that wants an unknown event '{name}'{did_you_mean(name, EVENT_NAMES)}"
    return None


def hook_names() -> list[str]:
    """Return the names of all hooks."""
    return [name for name in vars(hookspecs) if name.startswith("queuectl_")]
