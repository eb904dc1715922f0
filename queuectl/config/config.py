"""The configuration of one process: what is selected, with its settings, found and bound when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from queuectl.config.bind import Binder
from queuectl.config.choice import Choice, Chooser
from queuectl.config.find import Candidate, Places
from queuectl.config.keys import written
from queuectl.config.layers import merge_section, plugin_of
from queuectl.config.problems import Problems
from queuectl.config.reading import INVALID
from queuectl.config.settings import (
    CORE,
    NOTIFICATIONS,
    PER_QUEUE,
    PLUGGED,
    JobDefaults,
    Retention,
    WorkerSettings,
)
from queuectl.config.tree import Node, Source, from_plain
from queuectl.config.trust import trust_directory
from queuectl.errors import ConfigError, PluginError
from queuectl.hookspecs import Context
from queuectl.model.event_names import EVENT_NAMES
from queuectl.registry import Registry

DEFAULTS = Source("default")


class Config:
    """What the file, the environment and the flags say, with the defaults beneath.

    `file` is the file that was read, `data` the data directory (which may not exist), `overrides` what `--set` said.
    Raises ConfigError wherever something is asked for that cannot be had.
    """

    def __init__(
        self,
        *,
        places: Places,
        registry: Registry,
        found: Candidate | None = None,
        tree: Node | None = None,
        overrides: tuple[str, ...] = (),
    ) -> None:
        self.found = found
        self.file: Path | None = found.path if found is not None else None
        self.places = places
        self.registry = registry
        self.overrides = overrides
        self.tree = tree
        self._choices: dict[tuple[str, str | None], Choice] = {}
        self._jobs: dict[str | None, JobDefaults] = {}

    @cached_property
    def data(self) -> Path:
        """The data directory."""
        return self.places.data()

    @cached_property
    def storage(self) -> Choice:
        """The storage that is selected."""
        return self._choice("storage", None)

    @cached_property
    def worker(self) -> WorkerSettings:
        """The section `worker`."""
        settings: WorkerSettings = self._bound("worker")
        return settings

    @cached_property
    def logs(self) -> Path:
        """Where the output of runs goes: in the data directory, or in one that all hosts share."""
        return (self.worker.outputs or self.data) / "logs"

    @cached_property
    def retention(self) -> Retention:
        """The section `retention`."""
        settings: Retention = self._bound("retention")
        return settings

    @cached_property
    def plugins(self) -> tuple[str, ...]:
        """The listeners and wrappers that are loaded besides."""
        problems = Problems()
        names = self.plugin_names(problems)
        problems.raise_any()
        return names

    @cached_property
    def queues(self) -> tuple[str, ...]:
        """The queues that the configuration names."""
        section = self.section("queues")
        return tuple(section.items()) if section is not None else ()

    def executor(self, queue: str) -> Choice:
        """Return what runs the jobs of a queue."""
        return self._choice("executor", queue)

    def backoff(self, queue: str) -> Choice:
        """Return what decides how long the failed jobs of a queue wait."""
        return self._choice("backoff", queue)

    def jobs(self, queue: str) -> JobDefaults:
        """Return the defaults for the jobs of a queue: its own keys, else those of the section `jobs`."""
        key = queue if queue in self.queues else None
        defaults = self._jobs.get(key)
        if defaults is None:
            problems = Problems()
            values = self.job_values(None, problems) | (self.job_values(key, problems) if key else {})
            problems.raise_any()
            defaults = self._jobs[key] = JobDefaults(**values)
        return defaults

    @cached_property
    def _notifiers(self) -> tuple[Choice, ...]:
        problems = Problems()
        chooser = self._chooser(problems)
        choices = [chooser.choose("notifier", node, where) for where, node in self.notifications(problems)]
        problems.raise_any()
        return tuple(choice for choice in choices if choice is not None)

    def notifiers(self) -> tuple[Choice, ...]:
        """Return who is notified, in order."""
        return self._notifiers

    def choose(self, kind: str, value: str | Mapping[str, Any], where: str, *, queue: str | None = None) -> Choice:
        """Return what a job chooses for itself: a name, or a mapping as in the file.

        As in a queue's section, settings that it leaves out come from the section above as long as the plugin is the
        same. Raises ConfigError whose text begins with `where`.
        """
        if not isinstance(value, str | Mapping):
            raise ConfigError(f"{where}: expected a plugin's name, or a mapping with `plugin` and its settings")
        own = from_plain(value if isinstance(value, str) else dict(value), Source("", self.places.cwd))
        problems = Problems()
        above, _ = self.plugged(kind, queue)
        merged = merge_section(above, own, PLUGGED[kind]) if kind in PLUGGED else own
        choice = self._chooser(problems).choose(kind, merged, where)
        problems.raise_any()
        if choice is None:
            raise ConfigError(f"{where}: names no {kind}")
        return choice

    def executor_for(self, job_options: Mapping[str, Any], queue: str) -> Choice:
        """Return the executor of a queue, with a job's own `options` laid over its settings."""
        choice = self.executor(queue)
        if not job_options:
            return choice
        problems = Problems()
        node = from_plain(dict(job_options), Source("", self.places.cwd))
        values = Binder(self.places, problems).values(type(choice.settings), node, "options")
        problems.raise_any()
        try:
            return Choice(choice.kind, choice.found, replace(choice.settings, **values), choice.events)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"options: {error}") from error

    def wanted_events(self) -> frozenset[str]:
        """Return the events that somebody hears of; a storage writes no others.

        Imports notifiers only where the configuration does not say which events they hear of.
        """
        return self._wanted

    @cached_property
    def _wanted(self) -> frozenset[str]:
        wanted: set[str] = set()
        problems = Problems()
        for where, node in self.notifications(problems):
            named = self._chooser(problems).events(node.get("events"), where)
            if named is None:
                choice = self._chooser(problems).choose("notifier", node, where)
                named = EVENT_NAMES if choice is None or choice.events is None else choice.events
            wanted |= named
        problems.raise_any()
        if self.plugins:
            self.load_plugins()
            wanted |= EVENT_NAMES if self.registry.listeners() else set()
        return frozenset(wanted)

    def load_plugins(self) -> None:
        """Import the listeners and wrappers."""
        problems = Problems()
        self.load_each(problems)
        problems.raise_any()

    def resolve_all(self) -> None:
        """Find and bind everything that the configuration names, third parties' plugins too.

        Raises ConfigError with all that is wrong.
        """
        from queuectl.config.check import check

        check(self, deep=True)
        trust_directory(self.data)

    def context(self) -> Context:
        """Return what providers are created with. Raises ConfigError when others could change the data directory."""
        trust_directory(self.data)
        return Context(data=self.data, events=self.wanted_events())

    def create(self, choice: Choice) -> Any:
        """Build the component. What goes wrong in a third party's plugin is a PluginError that names it."""
        return self.registry.make(choice.found, choice.settings, self.context)

    def section(self, name: str) -> Node | None:
        """Return what is said of a section; None when nothing is."""
        section = self.tree.get(name) if self.tree is not None else None
        return section if section is not None and section.has() else None

    def queue_section(self, queue: str) -> Node | None:
        """Return what is said of a queue."""
        section = self.section("queues")
        return section.items().get(queue) if section is not None else None

    def plugged(self, kind: str, queue: str | None) -> tuple[Node | None, str]:
        """Return the section that selects a kind of plugin for a queue, and how to call it."""
        section = self.section(kind)
        own = self.queue_section(queue) if queue is not None and kind in PER_QUEUE else None
        own = own.get(kind) if own is not None else None
        if own is None or not own.has():
            return section, kind
        return merge_section(section, own, PLUGGED[kind]), written(("queues", queue or "", kind))

    def plugin_name(self, kind: str, queue: str | None = None) -> str:
        """Return which plugin is selected, whether or not there is one."""
        return plugin_of(self.plugged(kind, queue)[0]) or PLUGGED[kind]

    def notifications(self, problems: Problems) -> list[tuple[str, Node]]:
        """Return the entries of `notifications`, each with how to call it."""
        section = self.section("notifications")
        if section is None:
            section = from_plain(list(NOTIFICATIONS), DEFAULTS)
        if not isinstance(section.value, list):
            problems.add(section.origin, "notifications", "expected a list of plugins with their settings")
            return []
        return [(f"notifications[{index}]", node) for index, node in enumerate(section.value)]

    def plugin_names(self, problems: Problems) -> tuple[str, ...]:
        """Return the names under `plugins`."""
        section = self.section("plugins")
        if section is None:
            return ()
        names = Binder(self.places, problems).value(tuple[str, ...], section, "plugins")
        return () if names is INVALID else tuple(dict.fromkeys(names))

    def load_each(self, problems: Problems) -> None:
        """Import the plugins under `plugins`, noting those that cannot be used."""
        section = self.section("plugins")
        for name in self.plugin_names(problems):
            try:
                self.registry.load([name])
            except PluginError as error:
                items = section.value if section is not None and isinstance(section.value, list) else []
                place = next((item.origin for item in items if item.value == name), None)
                if place is None and section is not None:
                    place = section.origin
                if place is not None:
                    problems.add_error(place, "plugins", error)

    def job_values(self, queue: str | None, problems: Problems) -> dict[str, Any]:
        """Return the keys of `jobs` that a queue, or the section `jobs` itself, sets."""
        binder = Binder(self.places, problems)
        if queue is None:
            return binder.values(JobDefaults, self.section("jobs"), "jobs")
        return binder.values(JobDefaults, self.queue_section(queue), written(("queues", queue)), skip=PER_QUEUE)

    def _bound(self, section: str) -> Any:
        problems = Problems()
        settings = Binder(self.places, problems).settings(CORE[section], self.section(section), section)
        problems.raise_any()
        return settings

    def _choice(self, kind: str, queue: str | None) -> Choice:
        queue = queue if queue in self.queues else None
        choice = self._choices.get((kind, queue))
        if choice is None:
            section, where = self.plugged(kind, queue)
            if queue is not None and where == kind:  # it has no section of its own
                return self._choices.setdefault((kind, queue), self._choice(kind, None))
            problems = Problems()
            choice = self._chooser(problems).choose(kind, section, where)
            problems.raise_any()
            if choice is None:
                raise ConfigError(f"{where}: names no {kind}")
            self._choices[kind, queue] = choice
        return choice

    def _chooser(self, problems: Problems) -> Chooser:
        return Chooser(self.registry, self.places, problems)
