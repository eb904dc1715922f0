"""Say what is wrong with a key or a value. Imported when something is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from queuectl.config.expectation import expected
from queuectl.config.fields import alternatives, bare, fields_of, limits, takes
from queuectl.config.reading import INTEGER
from queuectl.config.settings import CORE
from queuectl.config.settings import INTEGER as MOST
from queuectl.config.tree import Node, dashed
from queuectl.registry.suggestion import did_you_mean
from queuectl.secrets import is_secret, without_passwords
from queuectl.units import Duration, OutOfRangeError, Size

LONGEST = 60
"""Characters of a value that are shown."""


def misfit(annotation: Any, node: Node, where: str, *, bounds: bool) -> str:
    """Say that a value is not of its type, or outside its `bounds`."""
    wanted = _range(annotation, node) or expected(annotation, bounds=bounds)
    text = f"expected {wanted}, got {shown(node, where)}"
    if takes(annotation, str) and isinstance(node.value, bool | int | float):
        return f"{text}; put it in quotes"
    choices = [str(choice) for each in alternatives(annotation) for choice in _choices(each)]
    return f"{text}{did_you_mean(node.text, choices)}" if choices and node.text else text


def _range(annotation: Any, node: Node) -> str | None:
    """Say what would be in range, where a value is so far out of it that the usual words do not tell."""
    value = node.value
    if isinstance(value, int) and takes(annotation, int):
        most = min([INTEGER, *(limits(each).get("le", INTEGER) for each in alternatives(annotation))])
        # Where any integer of everyday life will do, `expected` does not mention a largest one.
        return f"an integer of at most {most}" if value > most >= MOST else None
    for kind in (Duration, Size):
        if takes(annotation, kind) and isinstance(value, int | float | str):
            try:
                kind(value)  # type: ignore[arg-type]  # a float may be no size
            except OutOfRangeError as error:
                return error.expected
            except ValueError:
                continue
    return None


def unknown_key(key: str, known: list[str], where: str) -> str:
    """Say that a section has no such key, and which it may have been."""
    if key == "<<":
        return "unknown key; merge keys are not part of YAML 1.2, write the keys out"
    if where:
        return f"unknown key{did_you_mean(dashed(key), known) or _all(known)}"
    meant = {name: name for name in known}
    for section, kind in CORE.items():
        meant |= {name: f"{section}.{name}" for name in fields_of(kind) if name not in meant}
    return f"unknown key{did_you_mean(dashed(key), meant) or _all(known)}"


def shown(node: Node, where: str = "") -> str:
    """Say what stands there, in a few characters, and nothing of a secret."""
    if isinstance(node.value, list | dict):
        return "a list" if isinstance(node.value, list) else "a mapping"
    if is_hidden(where):
        return "something else"
    text = repr(without_passwords(node.value)) if isinstance(node.value, str) else node.text or "null"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def is_hidden(where: str) -> bool:
    """Whether a path leads to a secret, or below one. The name of a queue is no name of a secret."""
    parts = where.split(".")
    return any(is_secret(part) for part in (parts[2:] if parts[0] == "queues" else parts))


def _all(known: Iterable[str]) -> str:
    names = ", ".join(known)
    return f"; known: {names}" if names else "; there are none here"


def _choices(annotation: Any) -> tuple[Any, ...]:
    kind = bare(annotation)
    return get_args(kind) if get_origin(kind) is Literal else ()
