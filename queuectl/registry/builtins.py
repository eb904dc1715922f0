"""What comes with queuectl, as a static table: `importlib.metadata` costs 20 ms and is left for other names."""

from __future__ import annotations

from collections.abc import Mapping

from queuectl.registry.found import Entry

BUILTINS: Mapping[str, Mapping[str, str]] = {
    "storage": {"sqlite": "queuectl_sqlite", "postgres": "queuectl_postgres"},
    "executor": {"subprocess": "queuectl_subprocess"},
    "backoff": {
        "exponential": "queuectl_backoff",
        "linear": "queuectl_backoff",
        "fixed": "queuectl_backoff",
        "schedule": "queuectl_backoff",
        "none": "queuectl_backoff",
    },
    "notifier": {"log": "queuectl_log"},
}
"""Kind, name and module. A test holds it to the entry points in pyproject.toml. These names cannot be replaced."""

COMMANDS: Mapping[str, str] = {"dashboard": "queuectl_dashboard"}
"""Likewise the verbs that come as plugins, with their modules."""


def builtin(kind: str, name: str) -> Entry | None:
    """Return the built-in plugin of that kind and name."""
    module = BUILTINS[kind].get(name)
    return None if module is None else Entry(name, module)


def builtin_of_any_kind(name: str) -> Entry | None:
    """Return the built-in plugin of that name."""
    return next((Entry(name, names[name]) for names in (*BUILTINS.values(), COMMANDS) if name in names), None)


def kind_of(name: str) -> str | None:
    """Return the kind of a built-in name."""
    return next((kind for kind, names in (*BUILTINS.items(), ("command", COMMANDS)) if name in names), None)


def builtins() -> list[Entry]:
    """Return all that comes with queuectl."""
    return [Entry(name, module) for names in (*BUILTINS.values(), COMMANDS) for name, module in names.items()]
