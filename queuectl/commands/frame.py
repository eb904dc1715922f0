"""The frame of every command: it takes the global options and the session, and its help begins with examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from queuectl.commands.options import GLOBAL_OPTIONS, HELP, accept_global_options
from queuectl.commands.page import Page, purpose_of
from queuectl.commands.session import Session
from queuectl.errors import UsageError

__all__ = ["GLOBAL_OPTIONS", "Command", "Group", "Session", "command", "group"]

Callback = Callable[..., int | None]
"""What a command runs; the number that it returns, if any, is the exit code."""

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@contextmanager
def _placed(ctx: click.Context) -> Iterator[None]:
    """Tell a usage error which command it belongs to, where the parser leaves that out."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


class Command(click.Command):
    """A command with the global options, whose help begins with examples."""

    def __init__(self, *args: Any, examples: str | Sequence[str] = (), **attrs: Any) -> None:
        attrs["context_settings"] = CONTEXT | attrs.get("context_settings", {})
        super().__init__(*args, **attrs)
        self.page = Page(self, examples)
        accept_global_options(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and note in the session what stood after `--`."""
        with _placed(ctx):
            rest = super().parse_args(ctx, args)
        # The parser takes from this very list what it has seen, and stops at `--`.
        if args:
            ctx.ensure_object(Session).literal = tuple(args)
        return rest

    def get_help_option(self, ctx: click.Context) -> click.Option:
        """Return the option that shows the help page."""
        return HELP

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help page."""
        self.page.write(ctx, formatter)


class Group(click.Group):
    """A noun with verbs below it (`dlq retry`), with the global options before and after each."""

    command_class = Command

    def __init__(self, *args: Any, examples: str | Sequence[str] = (), **attrs: Any) -> None:
        attrs["context_settings"] = CONTEXT | attrs.get("context_settings", {})
        super().__init__(*args, **attrs)
        self.page = Page(self, examples, self.format_commands)
        accept_global_options(self)

    def command(self, name: str, **attrs: Any) -> Callable[[Callback], Command]:  # type: ignore[override]  # always named
        """Add a verb below this noun; used like `command`."""

        def add(callback: Callback) -> Command:
            made = command(name, **attrs)(callback)
            self.add_command(made)
            return made

        return add

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the verb."""
        with _placed(ctx):
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which they were added."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that the arguments begin with."""
        name = args[0]
        found = self.get_command(ctx, name)
        if found is None and not ctx.resilient_parsing:
            raise UsageError(f"no such command: {ctx.command_path} {name}", hint=self._remedy(ctx, name))
        return (name if found else None), found, args[1:]

    def _remedy(self, ctx: click.Context, name: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(name, self.list_commands(ctx))
        if near:
            return f"did you mean {' or '.join(f'{ctx.command_path} {word}' for word in near)}?"
        return f"{ctx.command_path} --help lists the commands"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs, each with the whole of its purpose."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose_of(verb)) for name, verb in self.commands.items() if not verb.hidden])

    def get_help_option(self, ctx: click.Context) -> click.Option:
        """Return the option that shows the help page."""
        return HELP

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help page."""
        self.page.write(ctx, formatter)


def command(
    name: str, *, examples: str | Sequence[str] = (), cls: type[Command] = Command, **attrs: Any
) -> Callable[[Callback], Command]:
    """Make a command of a function that takes the session first, then its own options and arguments.

    The docstring is the help: its first paragraph the purpose, the rest follows the examples (one command line each).
    """

    def make(callback: Callback) -> Command:
        return click.command(name, cls=cls, examples=examples, **attrs)(click.pass_obj(callback))

    return make


def group(
    name: str, *, examples: str | Sequence[str] = (), cls: type[Group] = Group, **attrs: Any
) -> Callable[[Callable[[], None]], Group]:
    """Make a noun of a function that does nothing but carry the docstring; add verbs with `@noun.command(…)`."""
    return click.group(name, cls=cls, examples=examples, **attrs)
