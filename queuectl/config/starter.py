"""The file that `config init` writes: every key, with what it means and its default, all of it still a comment."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from queuectl.config.fields import fields_of
from queuectl.config.settings import CORE, NOTIFICATIONS, PLUGGED, SECTIONS
from queuectl.config.writing import write
from queuectl.registry import BUILTINS, Registry

HEAD = """\
# The configuration of queuectl. What is commented out shows the defaults.
#
#   queuectl config list              every key, its value, and who says so
#   queuectl config explain KEY       what a key means
#   queuectl config set KEY VALUE     change this file, and keep its comments
#   queuectl config validate          check it
#   queuectl config schema --help     how an editor completes it
"""

QUEUE = """\
# queues:
#   mail:
#     max-retries: 10
#     backoff: {plugin: fixed, delay: 30s}
"""


def starter(registry: Registry) -> str:
    """Return the text of the file."""
    return "\n".join([HEAD, *(_section(name, registry) for name in SECTIONS)])


def _section(name: str, registry: Registry) -> str:
    lines = _prose(f"{SECTIONS[name]}.", "")
    if name == "queues":
        return "\n".join(lines) + "\n" + QUEUE
    if name == "notifications":
        lines += ["# notifications:", *(f"#   - {write(each)}" for each in NOTIFICATIONS)]
    elif name == "plugins":
        lines.append("# plugins: []")
    else:
        lines += [f"# {name}:", *_keys(name, registry)]
    return "\n".join(lines) + "\n"


def _keys(name: str, registry: Registry) -> Iterator[str]:
    settings = CORE.get(name)
    if settings is None:
        choices = ", ".join(BUILTINS[name])
        yield from _prose(f"which {name} is used; built in: {choices}", "  ")
        yield f"#   plugin: {PLUGGED[name]}"
        settings = registry.provider(name, PLUGGED[name]).provider.settings
    for key, field in fields_of(settings).items():
        yield from _prose(field.description, "  ")
        yield f"#   {key}: {'' if field.required else write(field.default)}".rstrip()


def _prose(text: str, indent: str) -> list[str]:
    text = text[:1].upper() + text[1:]
    return [f"# {indent}# {line}" if indent else f"# {line}" for line in wrap(text, 100)]
