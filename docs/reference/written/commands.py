"""commands.md: what `--help` says."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from queuectl.commands.frame import GLOBAL_OPTIONS, Command, Group
from queuectl.commands.group import SECTIONS as VERBS
from queuectl.commands.group import verbs
from written.markdown import flowing, table

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


def records(command: click.Command, context: click.Context, *, shared: bool) -> list[tuple[str, str]]:
    """Return the options and arguments of a command with their help; with `shared` the global ones."""
    params = [param for param in command.get_params(context) if (param in GLOBAL_OPTIONS) == shared]
    found = [param.get_help_record(context) for param in params if "--help" not in param.opts]
    return [(f"`{record[0]}`", record[1]) for record in found if record is not None and record[1]]


def page() -> str:
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
