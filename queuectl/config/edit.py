"""Change one key in the text of a YAML file and leave every other byte as it is.

Places come from the parser's marks. What cannot be changed without touching more than the one key (texts and
collections over several lines, anchors and aliases) is refused with its line, and every result is read again and
compared with what it should say.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NoReturn

from queuectl.config.settings import PLUGGED
from queuectl.config.tree import Node, Source
from queuectl.config.writing import write
from queuectl.config.yaml import read_yaml
from queuectl.errors import ConfigError

Path = tuple[str, ...]

STEP = "  "
"""How far an entry is indented below its section, in a file that has none yet."""


def set_in(text: str, path: Path, value: Any, source: Source) -> str:
    """Return the text with a key set to plain values. Raises ConfigError with the line where that is not safe."""
    editor = _Editor(text, source)
    result = editor.set(path, value)
    expected = deepcopy(editor.plain)
    _put(expected, editor.spelled(path), value)
    return _verified(result, expected, editor)


def unset_in(text: str, path: Path, source: Source) -> str:
    """Return the text without a key that it has, and without the sections that this empties."""
    editor = _Editor(text, source)
    path = editor.spelled(path)
    while len(path) > 1 and len(editor.at(path[:-1]).items()) == 1:
        path = path[:-1]
    result = editor.unset(path)
    expected = deepcopy(editor.plain)
    inner = expected
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return _verified(result, expected, editor)


def line_of(text: str, path: Path, source: Source) -> int:
    """Return the line on which a key stands, counted from 1; 0 when it is not there."""
    node, line = read_yaml(text, source), 0
    for key in path:
        name = node.spelled(key) if node is not None else None
        if node is None or name is None:
            return 0
        line, node = node.keys[name].origin.line, node.items()[name]
    return line


def _put(tree: dict[str, Any], path: Path, value: Any) -> None:
    for index, key in enumerate(path[:-1]):
        inner = tree.get(key)
        if isinstance(inner, str) and (index == 0 or path[0] == "queues"):
            inner = {"plugin": inner}
        tree[key] = tree = inner if isinstance(inner, dict) else {}
    tree[path[-1]] = value


def _verified(text: str, expected: Any, editor: _Editor) -> str:
    try:
        node = read_yaml(text, editor.source)
    except ConfigError:
        editor.refuse(editor.touched, "this cannot be changed safely")
    if ((node.plain() if node is not None else None) or {}) != expected:
        editor.refuse(editor.touched, "this cannot be changed safely")
    return text


class _Editor:
    def __init__(self, text: str, source: Source) -> None:
        self.text = text
        self.source = source
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.root = read_yaml(text, source)
        self.plain: dict[str, Any] = (self.root.plain() if self.root is not None else None) or {}
        self.touched = self.parent = self.key = self.root

    def spelled(self, path: Path) -> Path:
        """Return a path with its keys as the file spells them."""
        names, node = [], self.root
        for key in path:
            name = node.spelled(key) if node is not None else None
            node = node.items()[name] if node is not None and name is not None else None
            names.append(key if name is None else name)
        return tuple(names)

    def at(self, path: Path) -> Node:
        """Return the node at a path that is there, as far as nothing on the way is shared."""
        node = self.root
        for key in path:
            if node is not None:
                self.refuse_shared(node)
                node = node.get(key)
        if node is None:
            self.refuse(self.root, "this key is not there")
        return node

    def set(self, path: Path, value: Any) -> str:
        if self.root is None or (self.root.value is None and self.root.start == self.root.end):
            return self.appended(path, value)
        node = self.root
        for depth, key in enumerate(path):
            self.touched = node
            self.refuse_shared(node)
            if not isinstance(node.value, dict):
                return self.filled(node, path, depth, value)
            name = node.spelled(key)
            if name is None:
                return self.inserted(node, path[depth:], value)
            self.parent, self.key, node = node, node.keys[name], node.value[name]
        self.touched = node
        return self.replaced(node, write(value))

    def replaced(self, node: Node, new: str) -> str:
        """Put a value in the place of another that stands on one line."""
        self.refuse_shared(node)
        old = self.text[node.start : node.end]
        if node.style in ("|", ">", "block") or "\n" in old:
            self.refuse(node, "this value is written over several lines")
        if old:
            return self.text[: node.start] + new + self.text[node.end :]
        between = {":": " ", " ": ""}.get(self.text[node.start - 1], ": ")
        return self.text[: node.start] + between + new + self.text[node.end :]

    def filled(self, node: Node, path: Path, depth: int, value: Any) -> str:
        """Put keys where a section is empty, or names nothing but its plugin."""
        rest = path[depth:]
        in_block = self.parent is not None and self.parent.style == "block"
        if node.value is None and node.start == node.end and in_block and self.key is not None:
            indent = self.indentation(self.key) + self.step()
            return self.after_line(node.start, self.lines(indent, rest, value))
        entries = _nested(rest, value)
        if isinstance(node.value, str) and path[depth - 1] in PLUGGED:
            entries = {"plugin": node.value, **entries}
        elif node.value is not None:
            self.refuse(node, "this is a value, and has no keys below it")
        return self.replaced(node, write(entries))

    def inserted(self, node: Node, rest: Path, value: Any) -> str:
        """Add keys to a mapping, after the entries that it has."""
        if node.style == "flow":
            entry = write(_nested(rest, value))[1:-1]
            if not node.items():
                return self.text[: node.start + 1] + entry + self.text[node.start + 1 :]
            end = self.end(list(node.items().values())[-1])
            return f"{self.text[:end]}, {entry}{self.text[end:]}"
        first = next(iter(node.keys.values()))
        last = list(node.items().values())[-1]
        return self.after_line(self.end(last), self.lines(self.indentation(first), rest, value))

    def appended(self, path: Path, value: Any) -> str:
        """Add the first section to a file that has none."""
        before = self.text if not self.text or self.text.endswith("\n") else self.text + self.newline
        return before + self.newline.join(self.lines("", path, value)) + self.newline

    def unset(self, path: Path) -> str:
        parent = self.at(path[:-1])
        self.touched = key = parent.keys[path[-1]]
        self.refuse_shared(parent)
        if parent.style == "flow":
            return self.without_flow_entry(parent, path[-1])
        start = self.line_start(key.start)
        if self.text[start : key.start].strip():
            self.refuse(key, "this key does not begin its line")
        value = parent.items()[path[-1]]
        end = self.text.find("\n", self.end(value))
        end = len(self.text) if end < 0 else end + 1
        return self.text[:start] + self.comments(value, start, end) + self.text[end:]

    def comments(self, removed: Node, start: int, end: int) -> str:
        """Return the lines of a part that are comments, and no lines of a text that looks so."""
        texts = [(node.start, node.end) for node in _scalars(removed) if "\n" in self.text[node.start : node.end]]
        kept = []
        for line in self.text[start:end].splitlines(keepends=True):
            within = any(first <= start < last for first, last in texts)
            kept += [line] if line.lstrip().startswith("#") and not within else []
            start += len(line)
        return "".join(kept)

    def without_flow_entry(self, parent: Node, name: str) -> str:
        names = list(parent.items())
        index = names.index(name)
        start, end = parent.keys[name].start, self.end(parent.items()[name])
        if index + 1 < len(names):
            end = parent.keys[names[index + 1]].start
        elif index > 0:
            start = self.end(parent.items()[names[index - 1]])
        if "\n" in self.text[start:end]:
            self.refuse(parent.keys[name], "this entry is written over several lines")
        return self.text[:start] + self.text[end:]

    def end(self, node: Node) -> int:
        """Return where a value ends, without the blank lines and comments after it."""
        if self.text.startswith("*", node.start):  # an alias has the style of what it stands for
            return node.end
        if node.style in ("|", ">"):
            return len(self.text[: node.end].rstrip())
        if node.style != "block":
            return node.end
        return self.end(node.value[-1] if isinstance(node.value, list) else list(node.items().values())[-1])

    def after_line(self, at: int, lines: list[str]) -> str:
        end = self.line_end(at)
        added = "".join(self.newline + line for line in lines)
        return self.text[:end] + added + self.text[end:]

    def lines(self, indent: str, path: Path, value: Any) -> list[str]:
        """Write nested keys as a block."""
        lines = []
        for depth, key in enumerate(path):
            place = f"{indent}{self.step() * depth}{write(key)}:"
            lines.append(place if depth + 1 < len(path) else f"{place} {write(value)}")
        return lines

    def indentation(self, key: Node) -> str:
        before = self.text[self.line_start(key.start) : key.start]
        return before if not before.strip() else " " * len(before)

    def step(self) -> str:
        """Return by how much this file indents a section's keys."""
        for name, node in self.root.items().items() if self.root is not None else ():
            if node.style == "block" and node.keys and not node.shared and self.root is not None:
                step = next(iter(node.keys.values())).origin.column - self.root.keys[name].origin.column
                if step > 0:
                    return " " * step
        return STEP

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Return where the line ends, before its line break."""
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if self.text[end - 1 : end] == "\r" else end

    def refuse_shared(self, node: Node) -> None:
        if node.shared:
            self.refuse(node, "this has an anchor or is an alias, so that a change would reach further")

    def refuse(self, node: Node | None, why: str) -> NoReturn:
        place = node.origin if node is not None else self.source.name
        raise ConfigError(f"{place}: {why}", hint=f"change {self.source.name} with an editor")


def _scalars(node: Node) -> Iterator[Node]:
    if not isinstance(node.value, list | dict):
        yield node
        return
    for inner in node.value if isinstance(node.value, list) else node.items().values():
        yield from _scalars(inner)


def _nested(path: Path, value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    nested: dict[str, Any] = value
    return nested
