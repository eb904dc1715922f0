"""Whoever wants to know of each call into a plugin."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE = "QUEUECTL_TRACE_PLUGINS"
"""1 traces all plugins, names between commas trace those."""


class Plugin(Protocol):
    """A plugin or a provider; as a text it tells people whose it is."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


class Trace(Protocol):
    """Stands around calls into plugins."""

    def around(self, plugin: Plugin, name: str, call: Callable[P, T]) -> Callable[P, T]:
        """Return what to call in the place of `call`; `name` says what that is."""
        ...


def asked_for() -> Trace | None:
    """Return the trace that the environment asks for."""
    asked = os.environ.get(VARIABLE, "").replace(" ", "")
    if asked in {"", "0"}:
        return None
    from queuectl.registry.tracing import Lines

    return Lines(None if asked == "1" else frozenset(asked.split(",")))
