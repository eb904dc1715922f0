"""Values with the places that they come from.

These are no dataclasses: defining one takes half a millisecond, a Struct a tenth of it, and every call of the
command line imports this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from queuectl.config.scalar import Scalar


class Source(Struct, frozen=True):
    """A file, a variable of the environment, or a flag.

    Relative paths in it start from `base` (None: the current directory is gone). In `typed` sources nothing tells
    the text `75` from the number: the setting's type decides.
    """

    name: str
    base: Path | None = None
    typed: bool = False


class Origin(Struct, frozen=True):
    """A place in a source; sources that are no files have no lines."""

    source: Source
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Write the place as compilers do."""
        return f"{self.source.name}:{self.line}:{self.column}" if self.line else self.source.name


class Node:
    """A value. Mappings also hold a node for each key, which tells where it stands.

    `text` is a scalar as it was written, without quotes; `style` is its quotes, `|` or `>`, or for collections `flow`
    or `block`. `start` and `end` are positions in the file's text. A node is `shared` when it has an anchor, or is an
    alias.
    """

    __slots__ = ("end", "keys", "origin", "shared", "start", "style", "text", "value")

    def __init__(
        self,
        value: Scalar | list[Node] | dict[str, Node],
        origin: Origin,
        text: str = "",
        style: str = "",
        start: int = 0,
        end: int = 0,
        *,
        shared: bool = False,
        keys: dict[str, Node] | None = None,
    ) -> None:
        self.value = value
        self.origin = origin
        self.text = text
        self.style = style
        self.start = start
        self.end = end
        self.shared = shared
        self.keys = {} if keys is None else keys

    def items(self) -> dict[str, Node]:
        """Return the entries of a mapping; nothing for other values."""
        return self.value if isinstance(self.value, dict) else {}

    def get(self, key: str) -> Node | None:
        """Return the entry of a mapping; `-` and `_` are the same."""
        name = self.spelled(key)
        return None if name is None else self.items()[name]

    def spelled(self, key: str) -> str | None:
        """Return the key as this mapping writes it."""
        entries = self.items()
        if key in entries:
            return key
        wanted = dashed(key)
        return next((name for name in entries if dashed(name) == wanted), None)

    def has(self) -> bool:
        """Whether there is anything: a section whose lines are all comments is read as if it were not there."""
        return self.value is not None

    def plain(self) -> Any:
        """Return the value without its places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


def dashed(key: str) -> str:
    """Return a key in the spelling that we show: `max-retries`."""
    return key.replace("_", "-")


def mapping(entries: dict[str, Node], origin: Origin, keys: dict[str, Node] | None = None) -> Node:
    """Make a mapping that stands in no file as such."""
    return Node(entries, origin, style="flow", keys=keys if keys is not None else dict(entries))


def nested(path: tuple[str, ...], node: Node) -> Node:
    """Put a value below keys: what `a.b=1` means as a tree."""
    for key in reversed(path):
        node = mapping({key: node}, node.origin)
    return node


def from_plain(value: Any, source: Source) -> Node:
    """Give plain values, such as a job's own backoff, a place."""
    origin = Origin(source)
    if isinstance(value, dict):
        return mapping({str(key): from_plain(item, source) for key, item in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node([from_plain(item, source) for item in value], origin, style="flow")
    return Node(value, origin, _text(value))


def _text(value: Scalar) -> str:
    try:
        return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    except ValueError:  # an integer of more digits than Python writes
        return "a very long number"
