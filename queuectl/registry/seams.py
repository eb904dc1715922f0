"""What a component must have, by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

METHODS: Mapping[str, tuple[str, ...]] = {
    "storage": (
        *("enqueue", "get", "resolve", "list", "attempts", "output", "counts", "stats", "groups", "change"),
        *("queues", "set_queue", "register", "retire", "workers", "request_stop", "exchange", "record", "beat"),
        *("take_over", "events", "advance", "wait", "interrupt", "migrate", "check", "backup", "prune", "close"),
    ),
    "executor": ("execute",),
    "backoff": ("delay",),
    "notifier": ("notify",),
}
"""The methods of each seam. A test holds it to the Protocols, whose import costs more than to enqueue a job."""

OPTIONAL: Mapping[str, tuple[str, ...]] = {"executor": ("end",)}
"""Methods that a component may have."""


def lacking(kind: str, component: object) -> str | None:
    """Return the first thing that a component lacks, None when it is whole."""
    if kind == "storage" and not isinstance(getattr(component, "capabilities", None), AbstractSet):
        return "capabilities"
    return next((name for name in METHODS[kind] if not callable(getattr(component, name, None))), None)


def methods_of(kind: str, component: object) -> list[str]:
    """Return the methods of its seam that a component has."""
    return [*METHODS[kind], *(name for name in OPTIONAL.get(kind, ()) if callable(getattr(component, name, None)))]


class Proxy:
    """Stands for a component with some methods in the place of its own; all else is the component's."""

    def __init__(self, component: object, methods: Mapping[str, object]) -> None:
        self._component = component
        # As attributes of its own: a Protocol that is checked at run time sees no others.
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> object:
        return getattr(self._component, name)
