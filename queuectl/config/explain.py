"""Tell of each key what it is, what it says and who says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any, NamedTuple

from queuectl.config.catalog import keys_of_queue, known_keys
from queuectl.config.config import Config
from queuectl.config.expectation import expected
from queuectl.config.fields import Field, takes
from queuectl.config.keys import Key, complete, unknown, written
from queuectl.config.layers import full_section
from queuectl.config.problems import Problems
from queuectl.config.settings import CORE, NOTIFICATIONS, PER_QUEUE, PLUGGED, SECTIONS
from queuectl.config.tree import Node, dashed
from queuectl.config.writing import write
from queuectl.secrets import masked
from queuectl.units import Duration, Size

DEFAULT = "default"


class Setting(NamedTuple):
    """A key with its value as plain values, and where that comes from."""

    path: tuple[str, ...]
    value: Any
    origin: str
    default: Any = None
    description: str = ""
    expected: str = ""

    @property
    def key(self) -> str:
        """The key as it is typed."""
        return written(self.path)

    @property
    def text(self) -> str:
        """The value as it would be typed, a text without quotes."""
        return typed(self.value)

    def masked(self) -> Setting:
        """Return it without secrets."""
        return self._replace(value=masked(self.path[-1], self.value))


def settings_of(config: Config) -> list[Setting]:
    """Return all settings; of queues, what they set themselves."""
    known = known_keys(config)
    return [_setting(config, key) for key in known if key.path[0] != "queues" or _own(config, key.path) is not None]


def find_settings(config: Config, text: str) -> list[Setting]:
    """Return the setting that a key means, or all of a section. Raises UsageError when there is none."""
    known = known_keys(config)
    path = complete(text, known, config.queues)
    if len(path) > 1 and path[0] == "queues" and path[1] not in config.queues:
        known += keys_of_queue(path[1], config)
    found = [_setting(config, key) for key in known if key.path[: len(path)] == path]
    if not found and path != ("queues",):
        raise unknown(text, known)
    return found


def to_json(value: Any) -> Any:
    """Return plain values for JSON: durations in seconds, sizes in bytes."""
    if isinstance(value, Duration):
        return int(value) if value.is_integer() else float(value)
    if isinstance(value, Size):
        return int(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def typed(value: Any) -> str:
    """Return a value as it would be typed."""
    if isinstance(value, Enum):
        return typed(value.value)
    return value if isinstance(value, str) else str(value) if isinstance(value, PurePath) else write(value)


def _setting(config: Config, key: Key) -> Setting:
    node = node_of(config, key.path)
    origin = DEFAULT if node is None else str(node.origin)
    if key.field is None:
        return Setting(key.path, _listed(config, key.path), origin, _default(key.path), _about(key.path))
    field = key.field
    value = _plain(getattr(_settings_with(config, key.path), field.name))
    default = None if field.required else _plain(field.default)
    return Setting(key.path, value, origin, default, field.description, _expected(field))


def _plain(value: Any) -> Any:
    """Return settings within a setting as the mapping that they are in the file."""
    if is_dataclass(value) and not isinstance(value, type):
        return {dashed(each.name): _plain(getattr(value, each.name)) for each in fields(value) if each.init}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return type(value)(map(_plain, value)) if type(value) in {list, tuple} else value


def _settings_with(config: Config, path: tuple[str, ...]) -> Any:
    queue, kind = (path[1], path[2]) if path[0] == "queues" else ("", path[0])
    if kind == "storage":
        return config.storage.settings
    if kind in PLUGGED:
        return (config.executor(queue) if kind == "executor" else config.backoff(queue)).settings
    return {"worker": config.worker, "retention": config.retention}.get(kind) or config.jobs(queue)


def _expected(field: Field) -> str:
    text = expected(field.type)
    return f"{text}, or null" if takes(field.type, type(None)) else text


def _listed(config: Config, path: tuple[str, ...]) -> Any:
    if path[-1] == "plugin":
        return config.plugin_name(*((path[0],) if len(path) == 2 else (path[2], path[1])))
    if path == ("plugins",):
        return list(config.plugins)
    return [full_section(node).plain() for _, node in config.notifications(Problems())]


def _default(path: tuple[str, ...]) -> Any:
    if path[-1] == "plugin":
        return PLUGGED[path[-2]]
    return list(NOTIFICATIONS) if path == ("notifications",) else []


def _about(path: tuple[str, ...]) -> str:
    return f"which {path[-2]} is used" if path[-1] == "plugin" else SECTIONS[path[0]]


def node_of(config: Config, path: tuple[str, ...]) -> Node | None:
    """Return what is said of a key, by whichever layer has the last word; None when nothing is."""
    if path[0] == "queues" and len(path) > 2 and path[2] in PER_QUEUE:
        section = config.plugged(path[2], path[1])[0]
        return _within(section, path[3:])
    if path[0] == "queues" and len(path) > 2:
        return _own(config, path) or _within(config.section("jobs"), path[2:])
    if path[0] in CORE or path[0] in PLUGGED:
        return _within(config.section(path[0]), path[1:])
    return config.section(path[0])


def _own(config: Config, path: tuple[str, ...]) -> Node | None:
    return _within(config.queue_section(path[1]), path[2:])


def _within(node: Node | None, path: tuple[str, ...]) -> Node | None:
    for key in path:
        node = full_section(node).get(key) if node is not None else None
    return node
