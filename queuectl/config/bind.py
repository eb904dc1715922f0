"""Bind values to settings: every key known, every value of its type and within its limits, all problems at once."""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from queuectl.config.fields import Field, alternatives, bare, element_of, fields_of, limits, mapped_by
from queuectl.config.find import Places
from queuectl.config.problems import Problems
from queuectl.config.reading import INVALID, read_text, reader_of, within
from queuectl.config.tree import Node, dashed
from queuectl.errors import ConfigError


class Binder:
    """Binds, and notes in `problems` what does not fit; what cannot be bound is INVALID."""

    def __init__(self, places: Places, problems: Problems) -> None:
        self.places = places
        self.problems = problems

    def settings(
        self, kind: type[Any], node: Node | None, where: str, *, skip: Iterable[str] = (), paths: Iterable[str] = ()
    ) -> Any:
        """Return the settings that a mapping gives. Raises ConfigError when there is no mapping and one is needed."""
        before = len(self.problems)
        values = self.values(kind, node, where, skip=skip, paths=paths)
        if len(self.problems) == before and node is not None:
            self._require(kind, values, node, where)
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
        self, kind: type[Any], node: Node | None, where: str, *, skip: Iterable[str] = (), paths: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the values of the keys that a mapping has and that fit.

        Keys in `skip` are somebody else's. Settings in `paths` are paths even where their type is text.
        """
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self._expect("a mapping", node, where)
            return {}
        known = fields_of(kind)
        bound = {}
        for key, item in self.entries(node, where, [*known, *skip]).items():
            field = known.get(key)
            if field is not None:
                value = self._field(field, item, f"{where}.{key}", as_path=field.name in paths)
                if value is not INVALID:
                    bound[field.name] = value
        return bound

    def entries(self, node: Node, where: str, known: Iterable[str]) -> dict[str, Node]:
        """Return the entries of a mapping by their keys spelled with `-`, noting those that are unknown or doubled."""
        names = list(known)
        entries: dict[str, Node] = {}
        for written, item in node.items().items():
            key = dashed(written)
            if key in names and key not in entries:
                entries[key] = item
                continue
            path = f"{where}.{written}" if where else written
            self.problems.add(node.keys[written].origin, path, _key_problem(written, names, where))
        return entries

    def value(self, annotation: Any, node: Node, where: str) -> Any:
        """Return a value of the annotated type."""
        members = alternatives(annotation)
        if node.value is None and types.NoneType in members:
            return None
        attempts = []
        for member in members:
            if member is not types.NoneType:
                attempt = Binder(self.places, Problems())
                value = attempt._one(member, node, where)
                if value is not INVALID:
                    return value
                attempts.append(attempt)
        if len(attempts) > 1:  # which of several was meant is unknown, and so is what is wrong with it
            return self._refuse(annotation, node, where)
        for problem in attempts[0].problems.found:
            self.problems.note(problem)
        return INVALID

    def _require(self, kind: type[Any], values: dict[str, Any], node: Node, where: str) -> None:
        for key, field in fields_of(kind).items():
            if field.required and field.name not in values:
                from queuectl.config.expectation import expected

                self.problems.add(node.origin, f"{where}.{key}", f"is missing: {expected(field.type)} is required")

    def _field(self, field: Field, node: Node, where: str, *, as_path: bool) -> Any:
        value = self.value(field.type, node, where)
        if as_path and isinstance(value, str):
            path = self._path(value, node, where)
            return path if path is INVALID else str(path)
        return value

    def _one(self, annotation: Any, node: Node, where: str) -> Any:
        kind = bare(annotation)
        if kind is Any:
            return node.plain()
        if isinstance(kind, type) and is_dataclass(kind):
            return self.settings(kind, node, where)
        value = self._unlimited(kind, annotation, node, where)
        if value is INVALID or within(value, limits(annotation)):
            return value
        return self._refuse(annotation, node, where, bounds=True)

    def _unlimited(self, kind: Any, annotation: Any, node: Node, where: str) -> Any:
        reader = reader_of(kind)
        if reader is not None:
            value = reader(node)
            return self._refuse(annotation, node, where) if value is INVALID else value
        if kind is Path:
            text = read_text(node)
            return self._refuse(annotation, node, where) if text is INVALID else self._path(text, node, where)
        element, mapped = element_of(kind), mapped_by(kind)
        if element is not None:
            return self._collection(*element, node, where)
        return self._foreign(annotation, node, where) if mapped is None else self._mapping(*mapped, node, where)

    def _collection(self, kind: Any, build: type[Any], node: Node, where: str) -> Any:
        items = node.value
        if not isinstance(items, list):
            if not node.origin.source.typed or isinstance(items, dict) or items is None:
                return self._expect("a list", node, where)
            items = words(node)
        values = [self.value(kind, item, f"{where}[{index}]") for index, item in enumerate(items)]
        return INVALID if INVALID in values else build(values)

    def _mapping(self, key_kind: Any, kind: Any, node: Node, where: str) -> Any:
        if not isinstance(node.value, dict):
            return self._expect("a mapping", node, where)
        values = {}
        for key, item in node.value.items():
            name = key if key_kind in (str, Any) else self.value(key_kind, node.keys[key], f"{where}.{key}")
            values[key if name is INVALID else name] = self.value(kind, item, f"{where}.{key}")
            if name is INVALID:
                return INVALID
        return INVALID if INVALID in values.values() else values

    def _path(self, text: str, node: Node, where: str) -> Any:
        if not text or "\0" in text:
            return self._expect("a path", node, where)
        try:
            return self.places.absolute(text, where, node.origin.source.base)
        except ConfigError as error:
            self.problems.add(node.origin, where, error.message.removeprefix(f"{where}: "))
            return INVALID

    def _foreign(self, annotation: Any, node: Node, where: str) -> Any:
        """Read a type that msgspec knows and we do not."""
        import msgspec

        from queuectl.config.complaint import is_hidden

        try:
            return msgspec.convert(node.plain(), annotation)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            if is_hidden(where):
                return self._refuse(annotation, node, where)
            text = str(error).replace("`", "")
            self.problems.add(node.origin, where, f"{text[:1].lower()}{text[1:]}")
            return INVALID

    def _expect(self, what: str, node: Node, where: str) -> Any:
        from queuectl.config.complaint import shown

        self.problems.add(node.origin, where, f"expected {what}, got {shown(node, where)}")
        return INVALID

    def _refuse(self, annotation: Any, node: Node, where: str, *, bounds: bool = False) -> Any:
        from queuectl.config.complaint import misfit

        self.problems.add(node.origin, where, misfit(annotation, node, where, bounds=bounds))
        return INVALID


def _key_problem(written: str, known: list[str], where: str) -> str:
    if dashed(written) in known:
        return "duplicate key, which stands here with - and with _"
    from queuectl.config.complaint import unknown_key

    return unknown_key(written, known, where)


def words(node: Node) -> list[Node]:
    """Take `75,100` apart, which is a list where nothing is quoted."""
    from queuectl.config.scalar import resolve

    return [Node(resolve(word.strip()), node.origin, word.strip()) for word in node.text.split(",") if word.strip()]
