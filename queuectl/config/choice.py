"""From a section to a provider with its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from queuectl.config.bind import Binder
from queuectl.config.find import Places
from queuectl.config.layers import full_section
from queuectl.config.problems import Problems
from queuectl.config.reading import INVALID
from queuectl.config.settings import PLUGGED
from queuectl.config.tree import Node
from queuectl.errors import ConfigError, PluginError
from queuectl.model.event_names import EVENT_NAMES
from queuectl.registry import BUILTINS, Found, Registry
from queuectl.registry.blame import brief


class Choice(Struct, frozen=True):
    """A provider with its settings. `events` narrows a notifier down: the names that it hears of, None for all."""

    kind: str
    found: Found
    settings: Any
    events: frozenset[str] | None = None


class Chooser:
    """Resolves sections, and notes in `problems` what is wrong with them."""

    def __init__(self, registry: Registry, places: Places, problems: Problems) -> None:
        self.registry = registry
        self.places = places
        self.problems = problems

    def choose(self, kind: str, section: Node | None, where: str, *, deep: bool = True) -> Choice | None:
        """Return what a section selects, or None with the reason noted.

        Unless `deep`, a plugin that is not built in is left alone: it is imported when it is used.
        """
        section = self._full(section, where)
        name = self._name(kind, section, where)
        if name is None or (not deep and name not in BUILTINS[kind]):
            return None
        found = self._found(kind, name, section, where)
        return None if found is None else self._bound(found, section, where)

    def _full(self, section: Node | None, where: str) -> Node | None:
        if section is None or not section.has():
            return None
        if not isinstance(section.value, str | dict):
            self.problems.add(section.origin, where, "expected a mapping with `plugin` and its settings")
            return None
        return full_section(section)

    def _name(self, kind: str, section: Node | None, where: str) -> str | None:
        named = section.get("plugin") if section is not None else None
        if named is None:
            if kind in PLUGGED:
                return PLUGGED[kind]
            if section is not None:
                self.problems.add(section.origin, where, "names no plugin")
            return None
        if not isinstance(named.value, str) or not named.value:
            self.problems.add(named.origin, f"{where}.plugin", "expected the name of a plugin")
            return None
        return named.value

    def _found(self, kind: str, name: str, section: Node | None, where: str) -> Found | None:
        try:
            return self.registry.provider(kind, name)
        except PluginError as error:
            named = section.get("plugin") if section is not None else None
            if named is None:
                raise
            self.problems.add_error(named.origin, f"{where}.plugin", error)
            return None

    def _bound(self, found: Found, section: Node | None, where: str) -> Choice | None:
        before = len(self.problems)
        ours = ("plugin", "events") if found.kind == "notifier" else ("plugin",)
        paths = ("path",) if found.kind == "storage" else ()
        binder = Binder(self.places, self.problems)
        try:
            settings = binder.settings(found.provider.settings, section, where, skip=ours, paths=paths)
        except PluginError:
            raise
        except ConfigError as error:
            raise PluginError(f"{found} cannot be used without settings: {error}") from error
        except (Exception, SystemExit) as error:  # a wall: settings may be a plugin's code
            raise PluginError(f"{found} cannot take its settings: {brief(error)}") from error
        named = section.get("events") if section is not None and found.kind == "notifier" else None
        events = narrowed(found, self.events(named, where))
        if settings is INVALID or len(self.problems) > before:
            return None
        return Choice(found.kind, found, settings, events)

    def events(self, node: Node | None, where: str) -> frozenset[str] | None:
        """Return the events that a notifier is narrowed down to; None when it is not."""
        if node is None or node.value is None:
            return None
        names = Binder(self.places, self.problems).value(tuple[str, ...], node, f"{where}.events")
        if names is INVALID:
            return None
        places: Sequence[Node] = node.value if isinstance(node.value, list) else [node] * len(names)
        for name, place in zip(names, places, strict=True):
            if name not in EVENT_NAMES:
                from queuectl.registry.suggestion import did_you_mean

                remedy = did_you_mean(name, EVENT_NAMES) or f"; the events are {', '.join(sorted(EVENT_NAMES))}"
                self.problems.add(place.origin, f"{where}.events", f"unknown event '{name}'{remedy}")
        return frozenset(names)


def narrowed(found: Found, events: frozenset[str] | None) -> frozenset[str] | None:
    """Return what a notifier hears of: what it wants, as far as the configuration lets it."""
    wanted = found.provider.events
    if wanted is None or events is None:
        return frozenset(wanted) if wanted is not None else events
    return events & frozenset(wanted)
