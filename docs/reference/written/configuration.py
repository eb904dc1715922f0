"""configuration.md: what `config explain` and `plugins show` say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from queuectl.config.expectation import expected
from queuectl.config.fields import Field, fields_of, takes
from queuectl.config.settings import CORE, NOTIFICATIONS, PLUGGED, SECTIONS
from queuectl.config.writing import write
from queuectl.registry import BUILTINS, Registry
from written.markdown import table

CONFIGURATION = """\
# Configuration

One YAML file; [how to](../how-to/configuration.md) tells where it is looked for and what stands over it. `-` and `_`
are the same in keys. A duration is a number of seconds or a text such as `90s`, `5m`, `1h30m`, `30d`; a size is a
number of bytes or a text such as `64KiB`, `100MiB`. Everything may be left out.

Each key has an environment variable: `QUEUECTL_`, the path with `__` between its parts, `_` for `-`, such as
`QUEUECTL_JOBS__MAX_RETRIES`. `queuectl config explain KEY` tells what is on this page, and what is in force.
"""


def page() -> str:
    """Return the page on the configuration."""
    registry = Registry()
    parts = [CONFIGURATION]
    for name, about in SECTIONS.items():
        parts.append(f"## {name}\n\n{about[0].upper()}{about[1:]}.\n")
        if name in CORE:
            parts.append(keys(CORE[name]))
        elif name in PLUGGED:
            parts += [provider(registry, name, plugin) for plugin in BUILTINS[name]]
        elif name == "notifications":
            parts += ["Default:\n", f"```yaml\nnotifications: {write(list(NOTIFICATIONS))}\n```\n"]
            parts += [provider(registry, "notifier", plugin) for plugin in BUILTINS["notifier"]]
    return "\n".join(parts)


def provider(registry: Registry, kind: str, name: str) -> str:
    """Return what can be set of one plugin."""
    found = registry.provider(kind, name).provider
    default = " (the default)" if PLUGGED.get(kind) == name else ""
    settings = keys(found.settings) if fields_of(found.settings) else "It has no settings.\n"
    return f"### plugin: {name}{default}\n\n{found.summary[0].upper()}{found.summary[1:]}.\n\n{settings}"


def keys(settings: type[Any]) -> str:
    """Return the keys of a settings dataclass as a table."""
    rows = [row(key, field) for key, field in fields_of(settings).items()]
    return table(("key", "takes", "default", "meaning"), rows)


def row(key: str, field: Field) -> Sequence[str]:
    """Return one key's row."""
    nothing = ", or null" if takes(field.type, type(None)) else ""
    default = "required" if field.required else f"`{write(field.default)}`"
    return f"`{key}`", f"{expected(field.type)}{nothing}", default, field.description
