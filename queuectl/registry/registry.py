"""The registry: imports plugins when they are first asked for, each once, and keeps one from harming another."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pluggy import PluginManager, PluginValidationError

from queuectl import hookspecs
from queuectl.errors import PluginError
from queuectl.hookspecs import Context, Provider
from queuectl.registry.blame import walled
from queuectl.registry.builtins import BUILTINS, COMMANDS, builtin, builtin_of_any_kind, builtins, kind_of
from queuectl.registry.found import Entry, Found, PluginInfo
from queuectl.registry.making import make
from queuectl.registry.soundness import has_our_api, hook_names, imported, is_sound
from queuectl.registry.suggestion import did_you_mean

if TYPE_CHECKING:
    import click

    from queuectl.model.event import Event
    from queuectl.model.executor import RunContext
    from queuectl.model.job import Job
    from queuectl.model.outcome import Outcome
    from queuectl.registry.trace import P, T, Trace
    from queuectl.registry.wrapping import Run

TRACE = "QUEUECTL_TRACE_PLUGINS"
"""The variable that asks for a trace: 1 for all plugins, or the names of some between commas."""

OFFERS: Mapping[str, str] = {
    "storage": "queuectl_storages",
    "executor": "queuectl_executors",
    "backoff": "queuectl_backoffs",
    "notifier": "queuectl_notifiers",
}
"""The hook that offers each kind of provider."""


class Registry:
    """The plugins of one process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._trace: Trace | None = None
        if TRACE in os.environ:
            from queuectl.registry.trace import asked_for

            self._trace = asked_for(os.environ[TRACE])
        self._manager = PluginManager("queuectl")
        self._manager.add_hookspecs(hookspecs)
        self._lock = RLock()
        self._modules: dict[str, ModuleType] = {}
        self._offers: dict[tuple[str, str], list[Found]] = {}
        self._owners: dict[tuple[str, str], Found] = {}
        self._listed: dict[ModuleType, Entry] = {}
        self._entries: Mapping[str, tuple[Entry, ...]] | None = None
        self._wrappers: tuple[Callable[[Run], Run], ...] = ()

    def provider(self, kind: str, name: str) -> Found:
        """Return the provider of that kind and name, importing its plugin if need be.

        Raises PluginError when there is none, or when its plugin cannot be used.
        """
        with self._lock:
            entry = builtin(kind, name) or self._third_party(name, kind)
            offers = self._offered(entry, kind)
        for found in offers:
            if found.name == name:
                return found
        names = ", ".join(found.name for found in offers)
        remedy = f"it offers {names}" if names else f"does {OFFERS[kind]} have @hookimpl above it?"
        raise PluginError(f"{entry} offers no {kind} '{name}'", hint=remedy)

    def known(self, kind: str) -> list[str]:
        """Return the names that may be meant, without importing anybody's module.

        Of which kind a third party's plugin is cannot be told without its import: its name counts for every kind.
        """
        return [*BUILTINS[kind], *(name for name in self._installed() if kind_of(name) is None)]

    def load(self, names: Sequence[str]) -> None:
        """Import plugins for the sake of their listeners and wrappers, in this order.

        Raises PluginError for the first one that cannot be used.
        """
        with self._lock:
            for name in names:
                entry = builtin_of_any_kind(name) or self._third_party(name)
                self._listed.setdefault(self._load(entry), entry)
            wrapping = [module for module in self._implementing("queuectl_execute") if module in self._listed]
            self._wrappers = tuple(self._wrapping(self._listed[module], module) for module in wrapping)

    def listeners(self) -> Sequence[tuple[Entry, Callable[[Event], None]]]:
        """Return what to call for an event: one call for each loaded plugin that listens, which may raise anything."""
        listening = self._implementing("queuectl_notify")
        return [(entry, self._listener(entry, module)) for module, entry in self._listed.items() if module in listening]

    def execute(self, job: Job, context: RunContext, run: Run) -> Outcome:
        """Run a job by `run` inside the wrappers of the loaded plugins.

        Raises WrapperError when one of them is at fault; what `run` raises passes through them as it is.
        """
        for wrapped in self._wrappers:
            run = wrapped(run)
        return run(job, context)

    def make(self, found: Found, settings: Any, context: Callable[[], Context]) -> Any:
        """Build the component that a provider offers. Raises PluginError when its plugin cannot."""
        return make(found, settings, context, self._trace)

    def commands(self, group: click.Group, taken: Container[str] = ()) -> Mapping[str, Entry]:
        """Let every third party's plugin add its commands, and return whose each is.

        A plugin that fails is named on standard error, and adds none; so is one whose command has a name that is
        `taken`, or that another plugin's command has.
        """
        owners: dict[str, Entry] = {}
        asked: set[str] = set()
        for name in self._installed():
            if kind_of(name) is None:
                before = dict(group.commands)
                try:
                    entry = self._third_party(name)
                    if entry.module not in asked:
                        asked.add(entry.module)
                        self._add_commands(entry, group, before, taken)
                        owners |= dict.fromkeys(group.commands.keys() - before.keys(), entry)
                except PluginError as error:
                    group.commands = before
                    _warn(error.message)
        return owners

    def command(self, name: str, group: click.Group) -> click.Command:
        """Let the built-in plugin of that name add its command to a group, and return it."""
        entry = Entry(name, COMMANDS[name])
        self._only_of("queuectl_commands", self._load(entry))(group=group)
        return group.commands[name]

    def entries(self) -> list[Entry]:
        """Return every installed plugin, without importing any; of rivals for one name each."""
        return [*builtins(), *(entry for rivals in self._installed().values() for entry in rivals)]

    def installed(self) -> list[PluginInfo]:
        """Import every installed plugin, each on its own, and tell what it offers or what is wrong with it."""
        return [self.examine(entry) for entry in self.entries()]

    def examine(self, entry: Entry) -> PluginInfo:
        """Import one plugin, and tell what it offers or what is wrong with it."""
        from queuectl.registry.discovery import replaces_nothing

        offers: list[Found] = []
        hooks: tuple[str, ...] = ()
        try:
            if entry.distribution is not None:
                replaces_nothing(entry)
                self._third_party(entry.name)
            module = self._load(entry)
            hooks = tuple(caller.name for caller in self._manager.get_hookcallers(module) or ())
            for kind in OFFERS:
                offers += self._offered(entry, kind)
        except PluginError as error:
            return PluginInfo(entry, tuple(offers), hooks, error.message)
        if entry.distribution is None:
            offers = [found for found in offers if found.name == entry.name]
        return PluginInfo(entry, tuple(offers), hooks)

    def _add_commands(
        self, entry: Entry, group: click.Group, before: Mapping[str, click.Command], taken: Container[str]
    ) -> None:
        hook, module = "queuectl_commands", self._load(entry)
        add = self._traced(entry, hook, self._only_of(hook, module))
        walled(lambda why: PluginError(f"{entry} failed in {hook}: {why}"), add, group=group)
        for verb, command in list(group.commands.items()):
            if verb in taken or before.get(verb, command) is not command:
                _warn(f"{entry} adds the command '{verb}', but there is one already")
                if verb in before:
                    group.commands[verb] = before[verb]
                else:
                    del group.commands[verb]

    def _installed(self) -> Mapping[str, tuple[Entry, ...]]:
        if self._entries is None:
            from queuectl.registry.discovery import installed_entries

            self._entries = installed_entries()
        return self._entries

    def _third_party(self, name: str, kind: str | None = None) -> Entry:
        from queuectl.registry.discovery import the_only

        other = kind_of(name)
        if kind is not None and other is not None:
            known = ", ".join(self.known(kind))
            raise PluginError(f"'{name}' is a {other}, not a {kind}", hint=f"name one of {known}")
        entries = self._installed().get(name)
        if entries is None:
            raise self._missing(name, kind)
        return the_only(entries)

    def _missing(self, name: str, kind: str | None) -> PluginError:
        known = self.known(kind) if kind else list(self._installed())
        return PluginError(
            f"no {kind or 'plugin'} '{name}' is installed{did_you_mean(name, known)}",
            details=[f"installed: {', '.join(known) or 'none'}", f"looked in: {sys.prefix}"],
        )

    def _load(self, entry: Entry) -> ModuleType:
        """Import and register a plugin's module. One that stands behind several names is registered once."""
        with self._lock:
            module = self._modules.get(entry.module)
            if module is None:
                module = imported(entry)
                has_our_api(entry, module)
                self._register(entry, module)
                self._modules[entry.module] = module
            return module

    def _register(self, entry: Entry, module: ModuleType) -> None:
        try:
            self._manager.register(module, entry.module)
        except (PluginValidationError, ValueError, TypeError) as error:
            # The first line of pluggy's message names the module once more, the last one says what is wrong.
            reason = str(error).strip().rsplit("\n", 1)[-1]
            raise PluginError(f"{entry} does not fit the hooks: {reason}") from error
        try:
            self._has_known_hooks(entry, module)
        except PluginError:
            self._manager.unregister(module)
            raise

    def _has_known_hooks(self, entry: Entry, module: ModuleType) -> None:
        for caller in self._manager.get_hookcallers(module) or ():
            for impl in caller.get_hookimpls():
                if impl.plugin is not module:
                    continue
                if not caller.has_spec() and not impl.optionalhook:
                    near = did_you_mean(caller.name, hook_names())
                    raise PluginError(f"{entry} implements an unknown hook '{caller.name}'{near}")
                if caller.name == "queuectl_execute" and not (impl.wrapper or impl.hookwrapper):
                    message = f"{entry} implements queuectl_execute itself, but plugins may only wrap it"
                    raise PluginError(message, hint="decorate it with @hookimpl(wrapper=True)")

    def _offered(self, entry: Entry, kind: str) -> list[Found]:
        with self._lock:
            offers = self._offers.get((entry.module, kind))
            if offers is None:
                asked = self._asked(entry, kind)
                offers = [Found(kind, each, entry.module, entry.distribution, entry.version) for each in asked]
                for found in offers:
                    self._has_own_name(found)
                self._owners.update({(kind, found.name): found for found in offers})
                self._offers[entry.module, kind] = offers
            return offers

    def _asked(self, entry: Entry, kind: str) -> Iterator[Provider]:
        module, hook = self._load(entry), OFFERS[kind]

        def offer() -> list[Any]:
            return [provider for answer in self._only_of(hook, module)() for provider in answer]

        offered = walled(lambda why: PluginError(f"{entry} failed in {hook}: {why}"), self._traced(entry, hook, offer))
        names: set[str] = set()
        for each in offered:
            provider = is_sound(entry, kind, each)
            if provider.name in names:
                raise PluginError(f"{entry} offers the {kind} '{provider.name}' twice")
            names.add(provider.name)
            yield provider

    def _has_own_name(self, found: Found) -> None:
        if not found.builtin and found.name in BUILTINS[found.kind]:
            raise PluginError(f"{found} offers the {found.kind} '{found.name}', but that name is built in")
        owner = self._owners.get((found.kind, found.name))
        if owner is not None:
            raise PluginError(f"{owner} and {found} both offer the {found.kind} '{found.name}'")

    def _implementing(self, hook: str) -> list[ModuleType]:
        """Return the modules that implement a hook; of wrappers the innermost first."""
        return list(dict.fromkeys(impl.plugin for impl in getattr(self._manager.hook, hook).get_hookimpls()))

    def _only_of(self, hook: str, module: ModuleType) -> Any:
        others = [plugin for plugin in self._manager.get_plugins() if plugin is not module]
        return self._manager.subset_hook_caller(hook, others)

    def _traced(self, entry: Entry, name: str, call: Callable[P, T]) -> Callable[P, T]:
        return call if self._trace is None else self._trace.around(entry, name, call)

    def _wrapping(self, entry: Entry, module: ModuleType) -> Callable[[Run], Run]:
        from queuectl.registry.wrapping import around

        hook = "queuectl_execute"

        def within(run: Run, job: Job, context: RunContext) -> Any:
            def queuectl_execute(job: Job, context: RunContext) -> Outcome:
                return run(job, context)

            def call(job: Job, context: RunContext) -> Any:
                return self._only_of(hook, module).call_extra([queuectl_execute], {"job": job, "context": context})

            return self._traced(entry, hook, call)(job, context)

        return lambda run: around(entry, within, run)

    def _listener(self, entry: Entry, module: ModuleType) -> Callable[[Event], None]:
        hook = "queuectl_notify"

        def listen(event: Event) -> None:
            # Found anew each time: a plugin that was imported meanwhile would else be heard as well.
            self._only_of(hook, module)(event=event)

        return self._traced(entry, hook, listen)


def _warn(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"warning: {text}\n")
