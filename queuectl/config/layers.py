"""Lay the environment and flags over the file.

Mappings merge, everything else replaces. A section that selects a plugin inherits the settings below it only as long
as the plugin stays the same: what another plugin was told means nothing to this one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from queuectl.config.scalar import resolve
from queuectl.config.settings import CORE, PLUGGED, SECTIONS
from queuectl.config.tree import Node, Origin, Source, mapping, nested
from queuectl.errors import ConfigError

PREFIX = "QUEUECTL_"

NOT_KEYS = ("QUEUECTL_TEST_",)
"""Variables that begin so are no part of the configuration, whatever else is in their names."""


def plugin_of(section: Node | None) -> str | None:
    """Return the plugin that a section names; a text alone is short for `{plugin: text}`."""
    if section is None:
        return None
    if isinstance(section.value, str):
        return section.value
    named = section.get("plugin")
    return named.value if named is not None and isinstance(named.value, str) else None


def full_section(section: Node) -> Node:
    """Return a section that is a text alone in its long form."""
    return nested(("plugin",), section) if isinstance(section.value, str) else section


def merge_section(lower: Node | None, upper: Node | None, default: str) -> Node | None:
    """Lay one section that selects a plugin over another; `default` serves where the lower one names none."""
    if lower is None or not lower.has() or upper is None or not upper.has():
        return lower if upper is None or not upper.has() else full_section(upper)
    named = plugin_of(upper)
    if named is not None and named != (plugin_of(lower) or default):
        return full_section(upper)
    return merge(full_section(lower), full_section(upper))


def merge(lower: Node, upper: Node) -> Node:
    """Lay one value over another."""
    if not isinstance(lower.value, dict) or not isinstance(upper.value, dict):
        return upper
    entries, keys = dict(lower.value), dict(lower.keys)
    for key, node in upper.value.items():
        name = lower.spelled(key)
        below = entries.pop(name) if name is not None else None
        keys.pop(name or key, None)
        entries[key], keys[key] = node if below is None else merge(below, node), upper.keys[key]
    return mapping(entries, upper.origin, keys)


def overlay(lower: Node | None, upper: Node) -> Node:
    """Lay a whole configuration over another."""
    if lower is None or not isinstance(lower.value, dict):
        return upper
    below = {name: lower.get(name) for name in PLUGGED}
    merged = merge(lower, upper)
    for name, default in PLUGGED.items():
        _replace(merged, name, merge_section(below[name], upper.get(name), default))
    plugins = {name: plugin_of(merged.get(name)) or default for name, default in PLUGGED.items()}
    _overlay_queues(merged, lower.get("queues"), upper.get("queues"), plugins)
    return merged


def _overlay_queues(merged: Node, lower: Node | None, upper: Node | None, plugins: Mapping[str, str]) -> None:
    if lower is None or upper is None or not lower.items() or not upper.items():
        return
    queues: dict[str, Node] = dict(lower.items())
    keys = lower.keys | upper.keys
    for name, own in upper.items().items():
        before = queues.get(name)
        queues[name] = own if before is None else _merged_queue(before, own, plugins)
    _replace(merged, "queues", mapping(queues, upper.origin, keys))


def _merged_queue(lower: Node, upper: Node, plugins: Mapping[str, str]) -> Node:
    queue = merge(lower, upper)
    for kind, default in plugins.items():
        _replace(queue, kind, merge_section(lower.get(kind), upper.get(kind), default))
    return queue


def _replace(within: Node, key: str, node: Node | None) -> None:
    name = within.spelled(key)
    if name is not None and node is not None and isinstance(within.value, dict):
        within.value[name] = node


def read_typed(text: str, source: Source) -> Node:
    """Read a value as it is typed: a list or mapping in brackets, a text in quotes, or else one plain scalar."""
    origin = Origin(source)
    if text[:1] not in ("[", "{", "'", '"') and "\n" not in text:
        return Node(resolve(text), origin, text)
    from queuectl.config.yaml import read_yaml

    return read_yaml(text, source) or Node(None, origin)


def environment_layers(environ: Mapping[str, str], base: Path | None, queues: Mapping[str, object]) -> Iterator[Node]:
    """Yield what each variable such as `QUEUECTL_STORAGE__PATH` sets. Empty ones count as unset.

    Variables have no order: those that select a plugin come first, since the others of their section mean that one.

    Raises ConfigError for a variable that only lacks an underscore, which would otherwise be passed over in silence.
    """
    ours = (name for name in environ if name.startswith(PREFIX))
    for variable in sorted(ours, key=lambda name: (not name.endswith("__PLUGIN"), name)):
        if variable.startswith(NOT_KEYS) or not environ[variable]:
            continue
        path = tuple(variable.removeprefix(PREFIX).lower().split("__"))
        if len(path) > 1 or path[0] in SECTIONS:
            yield nested(_with_queue(path, queues), read_typed(environ[variable], Source(variable, base, typed=True)))
        else:
            _refuse_near_miss(variable, path[0])


def _with_queue(path: tuple[str, ...], queues: Mapping[str, object]) -> tuple[str, ...]:
    """Find the queue that is meant: variables have neither lower case nor dashes and dots."""
    if path[0] != "queues" or len(path) < 2:
        return path
    meant = [name for name in queues if _as_variable(name) == path[1]]
    return ("queues", meant[0] if meant else path[1], *path[2:])


def _as_variable(name: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in name.lower())


def _refuse_near_miss(variable: str, name: str) -> None:
    section, _, key = name.partition("_")
    known = set(CORE[section].__struct_fields__) if section in CORE else set()
    if section in PLUGGED:
        known = {"plugin", "path"} if section == "storage" else {"plugin"}
    if key in known:
        right = f"{PREFIX}{section.upper()}__{key.upper()}"
        hint = f"unset {variable}, or set {right}"
        raise ConfigError(f"{variable}: no such setting; did you mean {right}?", hint=hint)
