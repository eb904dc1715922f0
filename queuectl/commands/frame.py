"""The frame of every command: the global options, the session that they set, and help that begins with examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from queuectl.errors import UsageError

if TYPE_CHECKING:
    from queuectl.config import Config
    from queuectl.engine.queue import Queue

Callback = Callable[..., int | None]
"""What a command runs; the number that it returns, if any, is the exit code."""

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass
class Session:
    """What one call of the command line carries: its global options, and the configuration and the queue once opened.

    `color` is None where the stream decides, False under `--no-color`. `literal` holds what stood after `--`.
    """

    config_file: str | None = None
    overrides: list[str] = field(default_factory=list)
    json: bool = False
    quiet: bool = False
    color: bool | None = None
    debug: bool = False
    literal: tuple[str, ...] = ()
    _config: Config | None = field(default=None, repr=False)
    _queue: Queue | None = field(default=None, repr=False)

    def config(self) -> Config:
        """Read the configuration, once."""
        if self._config is None:
            from queuectl.config import load_config

            self._config = load_config(self.config_file, overrides=self.overrides)
        return self._config

    def queue(self) -> Queue:
        """Open the queue, once; it is closed when the command ends."""
        if self._queue is None:
            from queuectl.engine.queue import Queue

            self._queue = Queue(self.config())
        return self._queue

    def close(self) -> None:
        """Close the queue if it was opened."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.close()


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    session = ctx.ensure_object(Session)
    if param.name == "set_":
        session.overrides.extend(value)
    elif param.name == "no_color":
        session.color = False if value else session.color
    elif value:
        setattr(session, param.name or "", value)


@contextmanager
def _placed(ctx: click.Context) -> Iterator[None]:
    """Tell a usage error which command it belongs to, where the parser leaves that out."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


def _option(*names: str, **attrs: Any) -> click.Option:
    # Eager, so that `list --state nonsense --json` reports its error as JSON.
    return click.Option(names, expose_value=False, is_eager=True, callback=_remember, **attrs)


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


def purpose_of(command: click.Command) -> str:
    """Return the first paragraph of a command's help, on one line."""
    return " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())


class _Page:
    """The help page: purpose, examples, usage, the rest of the text, arguments, options, global options."""

    def __init__(
        self, command: click.Command, examples: str | Sequence[str], below: Callable[..., None] | None = None
    ) -> None:
        self.command = command
        self.examples = examples.strip().splitlines() if isinstance(examples, str) else list(examples)
        self.below = below

    def write(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rest = inspect.cleandoc(self.command.help or "").partition("\n\n")[2]
        formatter.write_text(purpose_of(self.command))
        self._write_examples(formatter)
        formatter.write_paragraph()
        self.command.format_usage(ctx, formatter)
        if rest:
            formatter.write_paragraph()
            formatter.write_text(rest)
        self._write_records(ctx, formatter)
        if self.command.epilog:
            formatter.write(f"\n{inspect.cleandoc(self.command.epilog)}\n")

    def _write_examples(self, formatter: click.HelpFormatter) -> None:
        if self.examples:
            formatter.write_paragraph()
            formatter.write("Examples:\n")
            for line in self.examples:
                formatter.write(f"  {line.strip()}".rstrip() + "\n")

    def _write_records(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        positional: list[tuple[str, str]] = []
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for param in self.command.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and record[1]:
                place = positional if isinstance(param, click.Argument) else shared if param in GLOBAL_OPTIONS else own
                place.append(record)
        if self.below is not None:
            self.below(ctx, formatter)
        sections = {"Arguments": positional, "Options": own, "Global options, before or after the verb": shared}
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Command(click.Command):
    """A command with the global options, whose help begins with examples."""

    def __init__(self, *args: Any, examples: str | Sequence[str] = (), **attrs: Any) -> None:
        attrs["context_settings"] = CONTEXT | attrs.get("context_settings", {})
        super().__init__(*args, **attrs)
        self.page = _Page(self, examples)
        accept_global_options(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and note in the session what stood after `--`."""
        with _placed(ctx):
            rest = super().parse_args(ctx, args)
        # The parser takes from this very list what it has seen, and stops at `--`.
        if args:
            ctx.ensure_object(Session).literal = tuple(args)
        return rest

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help page."""
        self.page.write(ctx, formatter)


class Group(click.Group):
    """A noun with verbs below it (`dlq retry`), with the global options before and after each."""

    command_class = Command

    def __init__(self, *args: Any, examples: str | Sequence[str] = (), **attrs: Any) -> None:
        attrs["context_settings"] = CONTEXT | attrs.get("context_settings", {})
        super().__init__(*args, **attrs)
        self.page = _Page(self, examples, self.format_commands)
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
