"""Bind values to settings: every key known, every value of its type and within its limits, all problems at once."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from queuectl.config.fields import (
    Field,
    alternatives,
    bare,
    element_of,
    expected,
    fields_of,
    limits,
    mapped_by,
    takes,
)
from queuectl.config.find import Places
from queuectl.config.problems import Problems
from queuectl.config.secrets import is_secret
from queuectl.config.settings import CORE
from queuectl.config.tree import Node, dashed
from queuectl.errors import ConfigError
from queuectl.registry.suggestion import did_you_mean
from queuectl.units import Duration, Size

INVALID: Final = object()
"""Stands for a value that could not be bound; what is wrong with it has been noted."""


@dataclass
class Binder:
    """Binds, and notes in `problems` what does not fit."""

    places: Places
    problems: Problems

    def settings(self, kind: type[Any], node: Node | None, where: str, **more: Any) -> Any:
        """Return the settings that a mapping gives, or INVALID."""
        before = len(self.problems)
        values = self.values(kind, node, where, **more)
        if node is not None:
            missing = [field for field in fields_of(kind).values() if field.required and field.name not in values]
            for field in missing if len(self.problems) == before else ():
                self.problems.add(node.origin, f"{where}.{field.key}", f"is missing: {expected(field.type)} is required")
        if len(self.problems) > before:
            return INVALID
        try:
            return kind(**values)
        except (TypeError, ValueError) as error:
            if node is None:
                raise ConfigError(f"{where}: {error}") from error
            self.problems.add(node.origin, where, str(error))
            return INVALID

    def values(
        self,
        kind: type[Any],
        node: Node | None,
        where: str,
        *,
        skip: Iterable[str] = (),
        paths: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Return the values of the keys that a mapping has and that fit.

        Keys in `skip` are somebody else's. Settings in `paths` are paths even where their type is text.
        """
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.problems.add(node.origin, where, f"expected a mapping, got {shown(node)}")
            return {}
        known = fields_of(kind)
        entries = self.entries(node, where, [*known, *skip])
        bound = {}
        for key, item in entries.items():
            field = known.get(key)
            if field is not None:
                value = self.field(field, item, f"{where}.{key}", as_path=field.name in paths)
                if value is not INVALID:
                    bound[field.name] = value
        return bound

    def entries(self, node: Node, where: str, known: Iterable[str]) -> dict[str, Node]:
        """Return the entries of a mapping by their keys spelled with `-`, noting those that are unknown or doubled."""
        names = list(known)
        entries: dict[str, Node] = {}
        for written, item in node.items().items():
            key, at = dashed(written), node.keys[written].origin
            if key not in names:
                self.problems.add(at, _joined(where, written), f"unknown key{_remedy(written, names, where)}")
            elif key in entries:
                self.problems.add(at, _joined(where, key), "duplicate key, which stands here with - and with _")
            else:
                entries[key] = item
        return entries

    def field(self, field: Field, node: Node, where: str, *, as_path: bool = False) -> Any:
        """Return the value of one setting, or INVALID."""
        value = self.value(field.type, node, where)
        if as_path and isinstance(value, str):
            path = self.path(value, node, where)
            return path if path is INVALID else str(path)
        return value

    def value(self, annotation: Any, node: Node, where: str) -> Any:
        """Return a value of the annotated type, or INVALID."""
        members = alternatives(annotation)
        if node.value is None and types.NoneType in members:
            return None
        attempts = []
        for member in members:
            if member is not types.NoneType:
                attempt = Binder(self.places, Problems())
                value = attempt.one(member, node, where)
                if value is not INVALID:
                    return value
                attempts.append(attempt)
        # The reason of one alternative is the best message, but which of several was meant is unknown.
        if len(attempts) == 1:
            for problem in attempts[0].problems.found:
                self.problems.add(problem.origin, problem.key, problem.text)
            return INVALID
        return self.refuse(annotation, node, where)

    def one(self, annotation: Any, node: Node, where: str) -> Any:
        """Return a value of a type that is no union, or INVALID."""
        kind = bare(annotation)
        if kind is Any:
            return node.plain()
        if is_dataclass(kind) and isinstance(kind, type):
            return self.settings(kind, node, where)
        element, mapped = element_of(kind), mapped_by(kind)
        if element is not None:
            value = self.collection(element, node, where)
        elif mapped is not None:
            value = self.mapping(mapped, node, where)
        else:
            value = self.scalar(kind, annotation, node, where)
        if value is INVALID or _within(value, limits(annotation)):
            return value
        return self.refuse(annotation, node, where, bounds=True)

    def scalar(self, kind: Any, annotation: Any, node: Node, where: str) -> Any:
        """Return a value of a type that is no collection, or INVALID."""
        if kind is Path:
            return self.path(node.text, node, where) if _is_text(node) else self.refuse(annotation, node, where)
        if get_origin(kind) is Literal:
            choices = get_args(kind)
            text = node.text if node.origin.source.typed else node.value
            for choice in choices:
                if type(choice) is type(node.value) and choice == node.value:
                    return choice
                if isinstance(choice, str) and choice == text:
                    return choice
            return self.refuse(annotation, node, where, near=[str(choice) for choice in choices])
        read = _READERS.get(kind)
        if read is None:
            return self.foreign(annotation, node, where)
        try:
            value = read(node)
        except ValueError as error:
            self.problems.add(node.origin, where, str(error))
            return INVALID
        return self.refuse(annotation, node, where) if value is INVALID else value

    def collection(self, element: tuple[Any, type[Any]], node: Node, where: str) -> Any:
        """Return a list, tuple or set, or INVALID. Where nothing is quoted, `75,100` is a list too."""
        kind, build = element
        items = node.value
        if not isinstance(items, list):
            if not node.origin.source.typed or isinstance(items, dict) or items is None:
                self.problems.add(node.origin, where, f"expected a list, got {shown(node)}")
                return INVALID
            items = [_word(text, node) for text in node.text.split(",") if text.strip()]
        values = [self.value(kind, item, f"{where}[{index}]") for index, item in enumerate(items)]
        return INVALID if INVALID in values else build(values)

    def mapping(self, mapped: tuple[Any, Any], node: Node, where: str) -> Any:
        """Return a dictionary, or INVALID."""
        if not isinstance(node.value, dict):
            self.problems.add(node.origin, where, f"expected a mapping, got {shown(node)}")
            return INVALID
        values = {}
        for key, item in node.value.items():
            name = self.value(mapped[0], node.keys[key] if mapped[0] is not str else _as_text(node.keys[key]), where)
            values[name if name is not INVALID else key] = self.value(mapped[1], item, f"{where}.{key}")
        return INVALID if INVALID in values.values() else values

    def path(self, text: str, node: Node, where: str) -> Any:
        """Return an absolute path, from the place where the value stands, or INVALID."""
        try:
            if not text or "\0" in text:
                raise ConfigError(f"expected a path, got {shown(node)}")
            return self.places.absolute(text, where, node.origin.source.base)
        except ConfigError as error:
            self.problems.add(node.origin, where, error.message.removeprefix(f"{where}: "))
            return INVALID

    def foreign(self, annotation: Any, node: Node, where: str) -> Any:
        """Return a value of a type that msgspec knows and we do not, or INVALID."""
        import msgspec

        try:
            return msgspec.convert(node.plain(), annotation)
        except (msgspec.ValidationError, TypeError) as error:
            text = str(error).replace("`", "")
            self.problems.add(node.origin, where, f"{text[:1].lower()}{text[1:]}, got {shown(node, where)}")
            return INVALID

    def refuse(
        self, annotation: Any, node: Node, where: str, *, bounds: bool = False, near: Iterable[str] = ()
    ) -> Any:
        """Note that a value does not fit its type, or keep its `bounds`, and return INVALID."""
        quotes = _is_lost_text(annotation, node)
        suggestion = did_you_mean(node.text, near) if near else ""
        got = f"expected {expected(annotation, bounds=bounds)}, got {shown(node, where)}{suggestion}"
        self.problems.add(node.origin, where, f"{got}; put it in quotes" if quotes else got)
        return INVALID


def shown(node: Node, where: str = "") -> str:
    """Say what stands there, in a few characters, and nothing of a secret."""
    if isinstance(node.value, list | dict):
        return "a list" if isinstance(node.value, list) else "a mapping"
    if is_secret(where.rpartition(".")[2]):
        return "something else"
    text = repr(node.value) if isinstance(node.value, str) else node.text or "null"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _is_lost_text(annotation: Any, node: Node) -> bool:
    return takes(annotation, str) and isinstance(node.value, bool | int | float) and not node.origin.source.typed


def _is_text(node: Node) -> bool:
    return isinstance(node.value, str) or (node.origin.source.typed and not isinstance(node.value, list | dict))


def _as_text(node: Node) -> Node:
    return Node(node.text, node.origin, node.text)


def _word(text: str, node: Node) -> Node:
    from queuectl.config.scalar import resolve

    return Node(resolve(text.strip()), node.origin, text.strip())


def _text(node: Node) -> Any:
    if isinstance(node.value, str):
        return node.value
    return node.text if node.origin.source.typed and node.text else INVALID


def _integer(node: Node) -> Any:
    return node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else INVALID


def _number(node: Node) -> Any:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not math.isfinite(node.value):
        return INVALID
    return float(node.value)


def _boolean(node: Node) -> Any:
    return node.value if isinstance(node.value, bool) else INVALID


def _duration(node: Node) -> Any:
    return Duration(node.value) if isinstance(node.value, int | float | str) else INVALID


def _size(node: Node) -> Any:
    if isinstance(node.value, float) and not math.isfinite(node.value):
        return INVALID
    return Size(node.value) if isinstance(node.value, int | float | str) else INVALID  # type: ignore[arg-type]  # whole floats pass


_READERS: Mapping[Any, Any] = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _boolean,
    Duration: _duration,
    Size: _size,
}


def _within(value: Any, limit: Mapping[str, Any]) -> bool:
    """Whether a value keeps the limits of `msgspec.Meta`."""
    length = len(value) if hasattr(value, "__len__") else 0
    return (
        ("ge" not in limit or value >= limit["ge"])
        and ("gt" not in limit or value > limit["gt"])
        and ("le" not in limit or value <= limit["le"])
        and ("lt" not in limit or value < limit["lt"])
        and ("multiple_of" not in limit or value % limit["multiple_of"] == 0)
        and ("pattern" not in limit or re.search(limit["pattern"], value) is not None)
        and ("min_length" not in limit or length >= limit["min_length"])
        and ("max_length" not in limit or length <= limit["max_length"])
    )


def _joined(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _remedy(key: str, names: list[str], where: str) -> str:
    if key == "<<":
        return "; merge keys are not part of YAML 1.2, write the keys out"
    if where:
        return did_you_mean(dashed(key), names) or f"; the keys are {', '.join(names)}"
    meant = {name: name for name in names}
    for section, kind in CORE.items():
        meant |= {name: f"{section}.{name}" for name in fields_of(kind) if name not in meant}
    return did_you_mean(dashed(key), meant) or f"; the sections are {', '.join(names)}"
