"""All keys that exist here: those of the core, and those of the plugins that are selected."""

from __future__ import annotations

from queuectl.config.config import Config
from queuectl.config.fields import Field, fields_of
from queuectl.config.keys import Key
from queuectl.config.settings import CORE, PER_QUEUE, PLUGGED, SECTIONS, JobDefaults
from queuectl.errors import PluginError


def known_keys(config: Config) -> list[Key]:
    """Return every key, in the order of the sections. A plugin that cannot be used has none."""
    keys: list[Key] = []
    for section in SECTIONS:
        if section in CORE:
            keys += [Key((section, key), field) for key, field in fields_of(CORE[section]).items()]
        elif section in PLUGGED:
            keys += _of_plugin((section,), section, config, None)
        elif section == "queues":
            keys += [key for queue in config.queues for key in keys_of_queue(queue, config)]
        else:
            keys.append(Key((section,)))
    return keys


def keys_of_queue(queue: str, config: Config) -> list[Key]:
    """Return the keys that a queue may have, whether or not the configuration names it."""
    path = ("queues", queue)
    keys = [Key((*path, key), field) for key, field in fields_of(JobDefaults).items()]
    return keys + [key for kind in PER_QUEUE for key in _of_plugin((*path, kind), kind, config, queue)]


def _of_plugin(path: tuple[str, ...], kind: str, config: Config, queue: str | None) -> list[Key]:
    return [Key((*path, "plugin")), *(Key((*path, key), field) for key, field in _fields(kind, config, queue).items())]


def _fields(kind: str, config: Config, queue: str | None) -> dict[str, Field]:
    try:
        return dict(fields_of(config.registry.provider(kind, config.plugin_name(kind, queue)).provider.settings))
    except PluginError:
        return {}
