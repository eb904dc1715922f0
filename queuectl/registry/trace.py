"""Whoever wants to know of each call into a plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


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


def asked_for(text: str) -> Trace | None:
    """Return the trace that the variable asks for."""
    asked = text.replace(" ", "")
    if asked in {"", "0"}:
        return None
    from queuectl.registry.tracing import Lines

    return Lines(None if asked == "1" else frozenset(asked.split(",")))
