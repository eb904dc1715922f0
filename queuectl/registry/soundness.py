"""Whether a plugin is what it must be: importable, of our API version, with known hooks and sound providers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import is_dataclass
from importlib import import_module
from types import ModuleType

from queuectl import hookspecs
from queuectl.errors import PluginError
from queuectl.hookspecs import API_MINOR, API_VERSION, Provider
from queuectl.model.event_names import EVENT_NAMES
from queuectl.registry.blame import shown, walled
from queuectl.registry.found import Entry
from queuectl.registry.suggestion import did_you_mean

RESERVED = frozenset({"plugin"})
"""Keys of a section that are ours, so that no setting may have the name; for notifiers `events` as well."""


def imported(entry: Entry) -> ModuleType:
    """Import a plugin's module. Raises PluginError naming the plugin, whatever the import raises."""
    return walled(lambda why: PluginError(f"{entry} failed to import: {why}"), import_module, entry.module)


def has_our_api(entry: Entry, module: ModuleType) -> None:
    """Raise PluginError when the module says that it is made for a version that is not ours; it need not say.

    A number is the major version; `(1, 2)` asks for the minor version 2, or a later one, as well.
    """
    wanted = getattr(module, "queuectl_api", API_VERSION)
    version = wanted if isinstance(wanted, tuple) else (wanted,)
    if len(version) not in (1, 2) or not all(isinstance(part, int) and not isinstance(part, bool) for part in version):
        raise PluginError(f"{entry} has a queuectl_api that is no version: {shown(wanted)}")
    ours = (API_VERSION, API_MINOR)[: len(version)]
    if version[0] != API_VERSION or version > ours:
        side = "queuectl" if version > ours else (entry.distribution or entry.name)
        message = f"{entry} is made for version {_dotted(version)} of the plugin API, this queuectl has {_dotted(ours)}"
        raise PluginError(message, hint=f"upgrade {side}")


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


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
    if not isinstance(name, str) or not name or not name.isprintable():
        return f"whose name is no text: {shown(name)}"
    if not isinstance(settings, type) or not is_dataclass(settings):
        return f"'{name}' whose settings are no dataclass: {shown(settings)}"
    taken = (RESERVED | {"events"} if kind == "notifier" else RESERVED) & settings.__dataclass_fields__.keys()
    if taken:
        return f"'{name}' with a setting named '{min(taken)}', which the core uses itself"
    if provider.create is not None and not callable(provider.create):
        return f"'{name}' whose create cannot be called"
    return _problem_of_events(provider)


def _problem_of_events(provider: Provider) -> str | None:
    events: object = provider.events
    if events is None:
        return None
    if (
        not isinstance(events, Collection)
        or isinstance(events, str)
        or not all(isinstance(name, str) for name in events)
    ):
        return f"'{provider.name}' whose events are no set of names: {shown(events)}"
    unknown = set(events) - EVENT_NAMES
    if unknown:
        name = str(min(unknown, key=str))
        return f"'{provider.name}' that wants an unknown event '{name}'{did_you_mean(name, EVENT_NAMES)}"
    return None


def hook_names() -> list[str]:
    """Return the names of all hooks."""
    return [name for name in vars(hookspecs) if name.startswith("queuectl_")]
