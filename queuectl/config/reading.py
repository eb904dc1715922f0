"""Read single values: each kind as strictly as it was written, so that a text is never taken for a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, get_args, get_origin

from queuectl.config.tree import Node
from queuectl.units import Duration, Size

INVALID: Final = object()
"""Stands for a value that is not of its type."""

INTEGER: Final = 2**63 - 1
"""No integer is larger, whatever a setting says: JSON, databases and most programs have no room for it."""


def read_text(node: Node) -> Any:
    """Return a text. Where nothing is quoted, a number is one as well."""
    if isinstance(node.value, str):
        return node.value
    return node.text if node.origin.source.typed and node.text and not isinstance(node.value, list | dict) else INVALID


def read_choice(kind: Any, node: Node) -> Any:
    """Return one of the values of a `Literal`."""
    for choice in get_args(kind):
        if type(choice) is type(node.value) and choice == node.value:
            return choice
        if isinstance(choice, str) and node.origin.source.typed and choice == node.text:
            return choice
    return INVALID


def _integer(node: Node) -> Any:
    value = node.value
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= INTEGER else INVALID


def _number(node: Node) -> Any:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return INVALID
    try:
        number = float(node.value)
    except OverflowError:
        return INVALID
    return number if math.isfinite(number) else INVALID


def _boolean(node: Node) -> Any:
    return node.value if isinstance(node.value, bool) else INVALID


def _duration(node: Node) -> Any:
    return _unit(Duration, node)


def _size(node: Node) -> Any:
    return _unit(Size, node)


def _unit(kind: Callable[[Any], Any], node: Node) -> Any:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return INVALID
    try:
        return kind(value)
    except ValueError:
        return INVALID


_READERS: Mapping[Any, Callable[[Node], Any]] = {
    str: read_text,
    int: _integer,
    float: _number,
    bool: _boolean,
    Duration: _duration,
    Size: _size,
}


def reader_of(kind: Any) -> Callable[[Node], Any] | None:
    """Return what reads a type; None for one that is not ours to read."""
    if get_origin(kind) is Literal:
        return lambda node: read_choice(kind, node)
    return _READERS.get(kind)


def within(value: Any, limit: Mapping[str, Any]) -> bool:
    """Whether a value keeps the limits of `msgspec.Meta`."""
    return all(_keeps(name, value, bound) for name, bound in limit.items())


def _keeps(name: str, value: Any, bound: Any) -> bool:
    if name == "pattern":
        import re

        return re.search(bound, value) is not None
    if name in {"min_length", "max_length"}:
        return bool(len(value) >= bound if name == "min_length" else len(value) <= bound)
    if name == "multiple_of":
        return bool(value % bound == 0)
    return bool({"ge": value >= bound, "gt": value > bound, "le": value <= bound, "lt": value < bound}[name])
