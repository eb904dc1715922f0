"""Whoever wants to know of each call into a plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Trace(Protocol):
    """Stands around calls into plugins."""

    def around(self, plugin: object, name: str, call: Callable[P, T]) -> Callable[P, T]:
        """Return what to call in the place of `call`; `plugin` tells people whose it is, `name` what it is."""
        ...
