"""The hooks: the map of all that can be plugged.

A plugin is a module, registered under the entry point group `queuectl` by the name that the configuration uses. It
implements any of these hooks with `@hookimpl`. Only modules that the configuration names are imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from queuectl.model.event import Event
    from queuectl.model.executor import RunContext
    from queuectl.model.job import Job
    from queuectl.model.outcome import Outcome

API_VERSION = 1
"""The major version of these hooks and seams; a plugin module may say `queuectl_api = 1` to be checked against it."""

API_MINOR = 0
"""Grows with what is added: a plugin that needs something newer says `queuectl_api = (1, 2)`."""

hookspec = pluggy.HookspecMarker("queuectl")
hookimpl = pluggy.HookimplMarker("queuectl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What `Provider.create` may need of its surroundings.

    `data` is the data directory (it may not exist yet). `events` are the names of the events that somebody wants: a
    storage writes only those. `clock` gives Unix seconds; storages use it in the place of `time.time`, so that tests
    can turn it, and one with a clock of its own uses that while this is `time.time`.
    """

    data: Path
    events: frozenset[str] = frozenset()
    clock: Callable[[], float] = time.time


@dataclass(frozen=True)
class Provider:
    """A storage, executor, backoff or notifier that a plugin offers under a name.

    `settings` is a dataclass whose fields are the keys allowed in the configuration: their types and
    `Annotated[…, msgspec.Meta(ge=…, description="…")]` are checked and shown as help, their defaults are the defaults.
    `create(settings, context)` builds the component, and is the place for heavy imports; without it the settings
    object is the component. `events` says which events a notifier wants (None: all).
    """

    name: str
    settings: type[Any]
    create: Callable[[Any, Context], Any] | None = None
    summary: str = ""
    events: frozenset[str] | None = None


@hookspec
def queuectl_storages() -> Iterable[Provider]:  # type: ignore[empty-body]
    """Offer storages. The configuration selects one."""


@hookspec
def queuectl_executors() -> Iterable[Provider]:  # type: ignore[empty-body]
    """Offer executors. The configuration selects one, and may select another for a queue."""


@hookspec
def queuectl_backoffs() -> Iterable[Provider]:  # type: ignore[empty-body]
    """Offer backoffs. The configuration selects one, a queue or a job may select another."""


@hookspec
def queuectl_notifiers() -> Iterable[Provider]:  # type: ignore[empty-body]
    """Offer notifiers. The configuration selects any number; each hears of events in order, on a thread of its own."""


@hookspec
def queuectl_notify(event: Event) -> None:
    """Hear of an event. Called in workers for every module that `plugins:` lists, at least once an event, in order."""


@hookspec(firstresult=True)
def queuectl_execute(job: Job, context: RunContext) -> Outcome:  # type: ignore[empty-body]
    """Run a job. The core implements it with the selected executor; plugins may only wrap it (`wrapper=True`).

    A wrapper that raises fails the attempt.
    """


@hookspec
def queuectl_commands(group: click.Group) -> None:
    """Add subcommands to `queuectl`. Called only for a verb that the core does not know, and for `--help`."""
