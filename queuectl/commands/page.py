"""The page that `--help` shows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import click

from queuectl.commands.options import GLOBAL_OPTIONS


def purpose_of(command: click.Command) -> str:
    """Return the first paragraph of a command's help, on one line."""
    return " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())


class Page:
    """The help page: purpose, examples, usage, the rest of the text, arguments, options, global options.

    `below` writes the verbs of a noun.
    """

    def __init__(
        self, command: click.Command, examples: str | Sequence[str], below: Callable[..., None] | None = None
    ) -> None:
        self.command = command
        self.examples = examples.strip().splitlines() if isinstance(examples, str) else list(examples)
        self.below = below

    def write(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the page."""
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
