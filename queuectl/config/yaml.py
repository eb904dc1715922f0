"""Read YAML into values with places: scalars by YAML 1.2, no tags, no objects, no duplicate keys, one document.

Built on events, so that nothing is constructed that a file could choose, and nesting and aliases are bounded.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml

from queuectl.config.scalar import resolve
from queuectl.config.tree import Node, Origin, Source
from queuectl.errors import ConfigError

DEEPEST = 50
"""How deep values may be nested."""

LARGEST = 50_000
"""How many values a file may have once its aliases are followed."""

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str, source: Source) -> Node | None:
    """Read the one document in a text; None when there is none.

    Raises ConfigError with the line and column.
    """
    try:
        return _Reader(text, source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"{_place(source, mark)}: {_problem(text, error)}") from None
    except yaml.reader.ReaderError as error:
        raise ConfigError(f"{_place_of_character(text, error.character, source)}: {error.reason}") from None
    except UnicodeEncodeError as error:  # bytes of the environment or a flag that are no text
        place = _place_of_character(text, ord(text[error.start]), source)
        raise ConfigError(f"{place}: not UTF-8, in which YAML is written") from None
    except RecursionError:
        raise ConfigError(f"{source.name}: nested too deeply") from None


class _Reader:
    def __init__(self, text: str, source: Source) -> None:
        self.text = text
        self.source = source
        self.loader = _Loader(text)
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[str, int] = {}
        self.count = 0

    def document(self) -> Node | None:
        try:
            self.loader.get_event()  # the stream begins
            if self.loader.check_event(yaml.StreamEndEvent):
                return None
            self.loader.get_event()  # the document begins
            node = self.node(self.loader.get_event(), 0)
            self.loader.get_event()
            if not self.loader.check_event(yaml.StreamEndEvent):
                self.refuse(self.loader.get_event(), "a second document begins here, but only one is read")
            return node
        finally:
            self.loader.dispose()

    def node(self, event: Any, depth: int) -> Node:
        self.count += 1
        if self.count > LARGEST:
            self.refuse(event, "too many values")
        if depth > DEEPEST:
            self.refuse(event, "nested too deeply")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        if event.tag is not None and event.tag != "!":
            self.refuse(event, f"tags such as {event.tag.replace('tag:yaml.org,2002:', '!!')} are not read")
        before = self.count
        node = self.anchored_node(event, depth)
        if event.anchor is not None:
            node.shared = True
            self.anchors[event.anchor] = node
            self.sizes[event.anchor] = self.count - before
        return node

    def anchored_node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0] and event.tag is None
            value = resolve(event.value) if plain else event.value
            return self.made(event, event, value, event.value, event.style or "")
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not self.loader.check_event(yaml.SequenceEndEvent):
                items.append(self.node(self.loader.get_event(), depth + 1))
            return self.made(event, self.loader.get_event(), items, "", "flow" if event.flow_style else "block")
        return self.mapping(event, depth)

    def mapping(self, start: Any, depth: int) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            event = self.loader.get_event()
            key = self.node(event, depth + 1)
            if isinstance(key.value, list | dict):
                self.refuse(event, "a key must be a word, not a collection")
            if key.text in keys:
                first = keys[key.text].origin.line
                self.refuse(event, f"duplicate key '{key.text}' (first on line {first})")
            keys[key.text] = key
            entries[key.text] = self.node(self.loader.get_event(), depth + 1)
        node = self.made(start, self.loader.get_event(), entries, "", "flow" if start.flow_style else "block")
        node.keys = keys
        return node

    def alias(self, event: Any) -> Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            self.refuse(event, f"no anchor &{event.anchor} stands before this")
        self.count += self.sizes[event.anchor]
        node = self.made(event, event, target.value, target.text, target.style)
        node.keys, node.shared = target.keys, True
        return node

    def made(self, start: Any, end: Any, value: Any, text: str, style: str) -> Node:
        origin = _place(self.source, start.start_mark)
        return Node(value, origin, text, style, start.start_mark.index, end.end_mark.index)

    def refuse(self, event: Any, problem: str) -> NoReturn:
        raise ConfigError(f"{_place(self.source, event.start_mark)}: {problem}")


def _place(source: Source, mark: Any) -> Origin:
    """Return a place in a file; within a variable or a flag a line and a column would mislead."""
    return Origin(source) if mark is None or source.typed else Origin(source, mark.line + 1, mark.column + 1)


def _problem(text: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        return "a tab stands here, but YAML is indented by spaces"
    parts = [part for part in (error.context, error.problem) if part]
    return ": ".join(parts) or "not valid YAML"


def _place_of_character(text: str, code: int, source: Source) -> Origin:
    at = text.find(chr(code))
    before = text[: max(at, 0)]
    if source.typed:
        return Origin(source)
    return Origin(source, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
