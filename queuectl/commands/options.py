"""The global options: the same before and after every verb."""

from __future__ import annotations

from typing import Any

import click

from queuectl.commands.session import Session


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    session = ctx.ensure_object(Session)
    if param.name == "set_":
        session.overrides.extend(value)
    elif param.name == "no_color":
        session.color = False if value else session.color
    elif value or (value is not None and param.name == "config_file"):  # an empty name must not mean another file
        setattr(session, param.name or "", value)


def _option(*names: str, **attrs: Any) -> click.Option:
    # Eager, so that `list --state nonsense --json` reports its error as JSON.
    return click.Option(names, expose_value=False, is_eager=True, callback=_remember, **attrs)


def _show_help(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()


HELP = click.Option(
    ("-h", "--help"),
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Show this message and exit.",
    callback=_show_help,
)
"""Click's own asks for a translation each time, which imports `locale` and looks for files."""

GLOBAL_OPTIONS: tuple[click.Option, ...] = (
    _option("--config", "config_file", metavar="FILE", help="Read this configuration file and no other."),
    _option("--set", "set_", metavar="KEY=VALUE", multiple=True, help="Override a key of the configuration."),
    _option("--json", is_flag=True, help="Print JSON, errors too."),
    _option("--quiet", "-q", is_flag=True, help="Print ids only, and no messages."),
    _option("--no-color", is_flag=True, help="Print without colours, as NO_COLOR=1 does."),
    _option("--debug", is_flag=True, help="Print the traceback of an error."),
)
"""Accepted before and after every verb. They have no state of their own, so all commands share them."""


def accept_global_options(command: click.Command) -> None:
    """Let a command, and the commands below it, take the global options that its own options leave free."""
    taken = {name for param in command.params for name in param.opts}
    command.params.extend(option for option in GLOBAL_OPTIONS if taken.isdisjoint(option.opts))
    if isinstance(command, click.Group):
        for below in command.commands.values():
            accept_global_options(below)
