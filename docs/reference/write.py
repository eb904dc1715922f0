"""Write the reference pages that repeat what the program says: commands.md and configuration.md.

Usage: python docs/reference/write.py
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from queuectl.commands.frame import GLOBAL_OPTIONS, Command, Group
from queuectl.commands.group import SECTIONS as VERBS
from queuectl.commands.group import verbs
from queuectl.config.expectation import expected
from queuectl.config.fields import Field, fields_of, takes
from queuectl.config.settings import CORE, NOTIFICATIONS, PLUGGED, SECTIONS
from queuectl.config.writing import write
from queuectl.registry import BUILTINS, Registry

HERE = Path(__file__).parent

COMMANDS = """\
# Commands

`queuectl`, `python -m queuectl` and `python -m queuectl.cli` are the same program. This page says what `--help` says.

- Data goes to standard output, everything else to standard error.
- A terminal gets a table that fits it. A pipe gets the same records as tab-separated lines, without heading or cuts.
- Every command that reads takes `--json`.
- Commands that read take a unique prefix of an id. Commands that write take whole ids.
- Commands that destroy ask on a terminal. Off a terminal they need `--yes`, else they end with 2.
- [Exit codes](exit-codes.md) and [errors](errors.md) have pages of their own.
"""

CONFIGURATION = """\
# Configuration

One YAML file; [how to](../how-to/configuration.md) tells where it is looked for and what stands over it. `-` and `_`
are the same in keys. A duration is a number of seconds or a text such as `90s`, `5m`, `1h30m`, `30d`; a size is a
number of bytes or a text such as `64KiB`, `100MiB`. Everything may be left out.

Each key has an environment variable: `QUEUECTL_`, the path with `__` between its parts, `_` for `-`, such as
`QUEUECTL_JOBS__MAX_RETRIES`. `queuectl config explain KEY` tells what is on this page, and what is in force.
"""


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Return every command that does something for people, with its words."""
    if isinstance(command, click.Group):
        with context_of(command) as context:
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                if below is not None and not below.hidden:
                    yield from leaves(below, (*path, name))
    elif isinstance(command, Command):
        yield path, command


def context_of(command: click.Command, name: str | None = None, parent: click.Context | None = None) -> click.Context:
    """Return the context in which a command is called, as far as its help needs one."""
    settings = command.context_settings
    return click.Context(command, info_name=name, parent=parent, resilient_parsing=True, **settings)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    cells = [heading, ["---"] * len(heading), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def records(command: click.Command, context: click.Context, *, shared: bool) -> list[tuple[str, str]]:
    """Return the options and arguments of a command with their help; with `shared` the global ones."""
    params = [param for param in command.get_params(context) if (param in GLOBAL_OPTIONS) == shared]
    found = [param.get_help_record(context) for param in params if "--help" not in param.opts]
    return [(f"`{record[0]}`", record[1]) for record in found if record is not None and record[1]]


def commands_page() -> str:
    """Return the page on commands."""
    root = verbs()
    with context_of(root, "queuectl") as context:
        parts = [COMMANDS, "## Global options\n\nBefore or after the verb.\n"]
        parts.append(table(("option", "meaning"), records(root, context, shared=True)))
        for title, section in VERBS.items():
            parts.append(f"## {title}\n")
            for name in section:
                parts += described(root.get_command(context, name), name, context)
    return "\n".join(parts)


def described(command: click.Command | None, name: str, above: click.Context) -> Iterator[str]:
    """Return what there is to say about a command, and about those below it."""
    assert isinstance(command, Command | Group)
    if command.hidden:
        return
    with context_of(command, name, above) as context:
        purpose, _, rest = inspect.cleandoc(command.help or "").partition("\n\n")
        yield f"### {context.command_path.removeprefix('queuectl ')}\n\n{flowing(purpose)}\n"
        if not isinstance(command, Group):
            usage = " ".join(command.collect_usage_pieces(context))
            yield f"```text\n{context.command_path} {usage}\n```\n"
        if rest:
            yield flowing(rest) + "\n"
        own = records(command, context, shared=False)
        if own:
            yield table(("option", "meaning"), own)
        examples = command.page.examples
        if examples:
            yield "```sh\n" + "".join(f"{line.strip()}\n" for line in examples) + "```\n"
        if isinstance(command, Group):
            for below in command.list_commands(context):
                yield from described(command.get_command(context, below), below, context)


def flowing(text: str) -> str:
    """Return paragraphs as lines that Markdown may break as it likes; literal blocks are fenced."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b\n"):
            paragraphs.append(f"```text\n{paragraph[2:]}\n```")
        else:
            paragraphs.append(" ".join(line.strip() for line in paragraph.splitlines()))
    return "\n\n".join(paragraphs)


def configuration_page() -> str:
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


PAGES = {"commands.md": commands_page, "configuration.md": configuration_page}


if __name__ == "__main__":
    for page, text in PAGES.items():
        (HERE / page).write_text(text(), encoding="utf-8")
