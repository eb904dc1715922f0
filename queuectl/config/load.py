"""Read the configuration: one file, the environment over it, then the flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from queuectl.config.config import Config
from queuectl.config.find import Candidate, Places
from queuectl.config.layers import environment_layers, overlay, read_typed
from queuectl.config.tree import Node, Origin, Source, nested
from queuectl.errors import ConfigError, UsageError
from queuectl.registry import Registry


def load_config(
    file: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    registry: Registry | None = None,
) -> Config:
    """Read and check the configuration.

    `file` is what `--config` names, `overrides` are texts such as `storage.path=x`. Raises ConfigError with all that is
    wrong, UsageError for an override without `=` or whose key is none.
    """
    config = read_config(file, overrides=overrides, environ=environ, cwd=cwd, registry=registry)
    if config.tree is not None:
        from queuectl.config.check import check

        check(config)
    return config


def read_config(
    file: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    registry: Registry | None = None,
) -> Config:
    """Read the configuration as `load_config` does, but do not check it: for commands that help to mend it."""
    places = Places.here(environ, cwd)
    found = places.find(file)
    tree = read_file(found) if found is not None else None
    queues = tree.get("queues") if tree is not None else None
    for layer in environment_layers(places.environ, places.cwd, queues.items() if queues is not None else {}):
        tree = overlay(tree, layer)
    known = registry or Registry()

    def config_of(tree: Node | None) -> Config:
        return Config(places=places, registry=known, found=found, tree=tree, overrides=tuple(overrides))

    for override in overrides:
        # What a configuration was once asked it remembers: each is asked about the keys before it only.
        tree = overlay(tree, _override(override, config_of(tree)))
    return config_of(tree)


def read_file(candidate: Candidate) -> Node | None:
    """Read a configuration file; None when it is empty. Raises ConfigError when it may not be used or is no YAML."""
    from queuectl.config.trust import read_trusted

    return parse(read_trusted(candidate.path, candidate.shown), source_of(candidate))


def source_of(candidate: Candidate) -> Source:
    """Return how places in a file are told, and where its relative paths start from."""
    return Source(candidate.shown, candidate.path.parent)


def parse(data: bytes, source: Source) -> Node | None:
    """Read the bytes of a configuration file; None when nothing is in them."""
    from queuectl.config.yaml import read_yaml

    node = read_yaml(decode(data, source), source)
    if node is None or node.value is None:
        return None
    if not isinstance(node.value, dict):
        what = "a list" if isinstance(node.value, list) else "one value"
        raise ConfigError(f"{node.origin}: expected a mapping of sections such as `jobs:`, got {what}")
    return node


def decode(data: bytes, source: Source) -> str:
    """Read bytes as UTF-8, with or without a byte order mark."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        column = len(before) - (before.rfind("\n") + 1) + 1
        place = Origin(source, before.count("\n") + 1, column)
        text = f"{place}: not UTF-8: byte 0x{data[error.start]:02x}"
        raise ConfigError(text, hint="save the file as UTF-8") from None


def _override(text: str, config: Config) -> Node:
    from queuectl.config.catalog import known_keys
    from queuectl.config.keys import complete, split

    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: expected KEY=VALUE", hint="for instance --set worker.concurrency=4")
    split(key)  # what is no key is misuse of the flag; one that does not exist is an error of the configuration
    try:
        path = complete(key, known_keys(config), config.queues)
    except UsageError as error:
        raise ConfigError(f"--set: {error.message}", hint=error.hint) from None
    return nested(path, read_typed(value, Source("--set", config.places.cwd, typed=True)))
