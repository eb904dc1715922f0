"""What is given to plugins, and what they return, in a few words and without secrets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from queuectl.hookspecs import Context, Provider
from queuectl.model.event import Event
from queuectl.model.job import Job, NewJob
from queuectl.secrets import MASK, is_secret, masked

LONGEST_TEXT = 80
MOST_ITEMS = 3
DEEPEST = 2

FIELDS: Mapping[type[Any], tuple[str, ...]] = {
    Job: ("id", "command", "queue", "env", "options"),
    NewJob: ("id", "command", "queue", "env", "options"),
    Event: ("id", "name", "job"),
    Provider: ("name",),
    Context: ("data", "events"),
}
"""What tells one such value from another; of other types all fields are told."""


def told(value: object, key: str = "", depth: int = 0) -> str:
    """Put a value into a few words; one whose key names a secret, and what looks like one in a text, is masked."""
    try:
        return _told(value, key, depth)
    except Exception:  # a wall: a plugin's value may fail at telling what it is
        return f"<{type(value).__name__}>"


def _told(value: Any, key: str, depth: int) -> str:
    if isinstance(value, str):
        return _text(masked(key, str(value)))
    if value is None or isinstance(value, bool):
        return repr(value)
    if is_secret(key):
        return MASK
    for kinds, tell in TELLERS:
        if isinstance(value, kinds):
            return tell(value, key, depth)
    return _fields(value, depth)


def _text(text: str) -> str:
    return repr(text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…")


def _mapping(value: Mapping[Any, object], key: str, depth: int) -> str:
    return f"{{{_some(f'{name}: {told(item, str(name), depth + 1)}' for name, item in value.items())}}}"


def _collection(value: Collection[object], key: str, depth: int) -> str:
    return f"[{_some(told(item, key, depth + 1) for item in value)}]"


TELLERS: tuple[tuple[Any, Callable[[Any, str, int], str]], ...] = (
    (int, lambda value, key, depth: repr(value)),
    (float, lambda value, key, depth: f"{value:.6g}"),
    (PurePath, lambda value, key, depth: str(value)),
    ((bytes, bytearray), lambda value, key, depth: f"<{len(value)} bytes>"),
    (Mapping, _mapping),
    ((list, tuple, AbstractSet), _collection),
)


def _fields(value: Any, depth: int) -> str:
    kind, names = type(value).__name__, _names(value) if depth < DEEPEST else ()
    if callable(getattr(value, "record", None)) and hasattr(value, "cancelled"):  # its `env` is the worker's, and long
        kind, names = "RunContext", ("number", "deadline")
    given = [(name, getattr(value, name)) for name in names]
    telling = [f"{name}={told(each, name, depth + 1)}" for name, each in given if _says(each)]
    return f"{kind}({', '.join(telling)})" if given else f"<{kind}>"


def _names(value: object) -> tuple[str, ...]:
    if type(value) in FIELDS:
        return FIELDS[type(value)]
    if isinstance(value, Struct):
        return value.__struct_fields__
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(field.name for field in fields(value) if not field.name.startswith("_"))
    return ()


def _says(value: object) -> bool:
    return not (value is None or value is False or (isinstance(value, Collection) and not value))


def _some(items: Iterable[str]) -> str:
    shown = list(items)
    more = len(shown) - MOST_ITEMS
    return ", ".join([*shown[:MOST_ITEMS], *([f"… {more} more"] if more > 0 else [])])
