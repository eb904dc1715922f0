"""`config set` and `config unset`: change the file whole or not at all, and only into one that is sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from queuectl.config.catalog import keys_of_queue, known_keys
from queuectl.config.check import check
from queuectl.config.config import Config
from queuectl.config.edit import line_of, set_in, unset_in
from queuectl.config.explain import node_of, typed
from queuectl.config.fields import alternatives, bare, element_of, mapped_by, takes
from queuectl.config.find import Candidate
from queuectl.config.keys import Key, complete, split, unknown, written
from queuectl.config.layers import overlay, read_typed
from queuectl.config.load import decode, parse, source_of
from queuectl.config.save import create, rewrite
from queuectl.config.settings import CORE, PLUGGED, SECTIONS
from queuectl.config.tree import Node, Source, dashed, nested
from queuectl.errors import ConfigError, NotFoundError, UsageError
from queuectl.secrets import masked

BOM = b"\xef\xbb\xbf"

KeyPath = tuple[str, ...]


class Change(NamedTuple):
    """One key that was changed, with its values as they would be typed; secrets are masked.

    `line` is where it stands now, 0 when it is gone. `hidden_by` names the variable or flag that has the last word.
    """

    key: str
    old: str | None
    new: str | None
    file: Path
    line: int
    hidden_by: str | None = None


def set_values(config: Config, pairs: Sequence[tuple[str, str]]) -> list[Change]:
    """Set keys to values as they were typed, in the file that is read, or else in a new one at the user's place.

    Raises UsageError for a key that does not exist, ConfigError for a value that does not fit, and where the file
    cannot be changed safely; it is untouched then.
    """
    found = config.found or Candidate(config.places.user_file(), "", shown=str(config.places.user_file()))

    def edit(text: str, alone: Config) -> tuple[str, list[KeyPath]]:
        values = _values(pairs, alone)
        for path, value in values:
            text = set_in(text, path, value, source_of(found))
        return text, [path for path, _ in values]

    return _changed(config, found, edit)


def unset_values(config: Config, keys: Sequence[str]) -> list[Change]:
    """Remove keys from the file, and the sections that this empties.

    Raises NotFoundError for a key that it does not set, ConfigError as `set_values` does.
    """
    found = config.found
    if found is None:
        raise NotFoundError(f"{keys[0]} is not set: no configuration file is read")
    reader = found

    def edit(text: str, alone: Config) -> tuple[str, list[KeyPath]]:
        paths = [_path_to_unset(key, alone, reader.shown) for key in keys]
        for path in paths:
            text = unset_in(text, path, source_of(reader))
        return text, paths

    return _changed(config, found, edit)


def _changed(
    config: Config, found: Candidate, edit: Callable[[str, Config], tuple[str, list[KeyPath]]]
) -> list[Change]:
    changes: list[Change] = []

    def change(data: bytes) -> bytes:
        source = source_of(found)
        before = _alone(config, data, source)
        text, paths = edit(decode(data, source), before)
        after = _alone(config, text.encode(), source)
        _check_edited(after, paths)
        changes[:] = [_change(path, before, after, config, found, text) for path in dict.fromkeys(paths)]
        return (BOM if data.startswith(BOM) else b"") + text.encode()

    if config.found is not None:
        rewrite(found.path, change)
        return changes
    try:
        create(found.path, change(b""))
    except FileExistsError:  # somebody else has just made it
        rewrite(found.path, change)
    return changes


def _alone(config: Config, data: bytes, source: Source) -> Config:
    """Return the configuration that the file alone makes: it must be sound whatever the environment says."""
    return Config(places=config.places, registry=config.registry, tree=parse(data, source))


def _check(config: Config, paths: Sequence[KeyPath]) -> None:
    # Third parties' plugins are imported only when their part of the file was touched.
    check(config, deep=any(path[0] not in CORE for path in paths))


def _check_edited(config: Config, paths: Sequence[KeyPath]) -> None:
    try:
        _check(config, paths)
    except ConfigError as error:
        left = [key for path in paths if path[-1] == "plugin" for key in _left_over(config, path[:-1])]
        if not left:
            raise
        hint = f"what the other plugin was told must go first: queuectl config unset {' '.join(left)}"
        raise ConfigError(error.message, details=error.details, hint=hint) from None


def _left_over(config: Config, section: KeyPath) -> list[str]:
    """Return the keys of a section that its plugin does not know."""
    node = node_of(config, section)
    known = {key.path[-1] for key in known_keys(config) if key.path[:-1] == section}
    return [written((*section, key)) for key in (node.items() if node is not None else ()) if dashed(key) not in known]


def _values(pairs: Sequence[tuple[str, str]], alone: Config) -> list[tuple[KeyPath, Any]]:
    typed_values: list[tuple[str, KeyPath, Node]] = []
    for key, text in pairs:
        if not (key + text).isascii() and any("\ud800" <= character <= "\udfff" for character in key + text):
            raise UsageError(f"{key}: this is not UTF-8, in which the file is written")
        path = complete(key, known_keys(alone), alone.queues)
        node = _typed(key, text, alone)
        alone = Config(places=alone.places, registry=alone.registry, tree=overlay(alone.tree, nested(path, node)))
        typed_values.append((key, path, node))
    known = known_keys(alone)
    annotations = [_annotation(key, path, known, alone) for key, path, _ in typed_values]
    # The values as they were typed, before the file is touched: the error then tells of them, not of a line to be.
    _check(alone, [path for _, path, _ in typed_values])
    return [(path, _meant(node, kind)) for (_, path, node), kind in zip(typed_values, annotations, strict=True)]


def _typed(key: str, text: str, config: Config) -> Node:
    try:
        # Without a name: what is wrong with the value begins with the key.
        return read_typed(text, Source("", config.places.cwd, typed=True))
    except ConfigError as error:
        raise ConfigError(f"{key}{error.message}", hint="put a text that begins so in quotes") from None


def _annotation(key: str, path: KeyPath, known: list[Key], config: Config) -> Any:
    """Return the type that a path has, so that `75` is written as a text where a text is wanted."""
    if path[0] == "queues" and len(path) > 1:
        known = [*known, *keys_of_queue(path[1], config)]
    for each in known:
        field = each.field
        if each.path == path:
            return _untyped(path) if field is None else field.type
        if field is not None and path[: len(each.path)] == each.path:
            mapped = next(filter(None, (mapped_by(bare(kind)) for kind in alternatives(field.type))), None)
            if mapped is not None and len(path) == len(each.path) + 1:
                return mapped[1]
    whole = len(path) == 1 or (path[0] == "queues" and (len(path) == 2 or path[2:] in {("backoff",), ("executor",)}))
    if not whole or path[0] not in SECTIONS:
        raise unknown(key, known)
    return Any


def _untyped(path: KeyPath) -> Any:
    return str if path[-1] == "plugin" else tuple[str, ...] if path == ("plugins",) else Any


def _meant(node: Node, annotation: Any) -> Any:
    value = node.plain()
    if value is None or isinstance(value, list | dict):
        return value
    kinds = [bare(kind) for kind in alternatives(annotation)]
    if any(element_of(kind) is not None for kind in kinds):
        from queuectl.config.bind import words

        return [word.value for word in words(node)]
    choices = [choice for kind in kinds if get_origin(kind) is Literal for choice in get_args(kind)]
    if node.text in choices or (takes(annotation, str, Path) and not takes(annotation, type(value))):
        return node.text
    return value


def _path_to_unset(key: str, alone: Config, file: str) -> KeyPath:
    """Return the path of a key that the file sets; of one that should not be there as well, so that it can go."""
    parts = tuple(split(key))
    if alone.tree is not None and _stands(alone.tree, parts):
        return parts
    path = complete(key, known_keys(alone), alone.queues)
    if alone.tree is None or not _stands(alone.tree, path):
        raise NotFoundError(f"{written(path)} is not set in {file}")
    return path


def _stands(tree: Node, path: KeyPath) -> bool:
    node: Node | None = tree
    for key in path:
        node = node.get(key) if node is not None else None
    return node is not None


def _change(path: KeyPath, before: Config, after: Config, config: Config, found: Candidate, text: str) -> Change:
    last = node_of(config, path) if _is_key(path) else None
    hidden = last is not None and last.origin.source.name != found.shown
    return Change(
        written(_canonical(path)),
        _said(path, before),
        _said(path, after),
        found.path,
        line_of(text, path, source_of(found)),
        str(last.origin) if hidden and last is not None else None,
    )


def _canonical(path: KeyPath) -> KeyPath:
    """Return a path as it is shown; the name of a queue stays as it is."""
    return tuple(part if path[0] == "queues" and place == 1 else dashed(part) for place, part in enumerate(path))


def _is_key(path: KeyPath) -> bool:
    return path[0] in SECTIONS and (path[0] != "queues" or len(path) > 2)


def _said(path: KeyPath, config: Config) -> str | None:
    """Return the value of a key as it would be typed: the file's, else the default; None for no value at all."""
    node = node_of(config, path) if _is_key(path) else None
    if node is not None:
        return typed(masked(path[-1], node.plain()))
    known = {key.path: key.field for key in known_keys(config)}
    field = known.get(_canonical(path))
    if path[-1] == "plugin" and path[-2] in PLUGGED:
        return config.plugin_name(path[-2])
    return None if field is None or field.required else typed(field.default)
