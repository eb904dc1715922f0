"""Verbs of ours that come as plugins: imported like any third party's when they are called, by name."""

from __future__ import annotations

import click

from queuectl.commands.frame import Command
from queuectl.registry import Registry


def plugged(name: str) -> Command:
    """Return the command of a built-in plugin, in the frame that every verb has.

    What a plugin calls its epilog are its examples, one a line.
    """
    made = Registry().command(name, click.Group("queuectl"))
    return Command(
        made.name, params=list(made.params), callback=made.callback, help=made.help, examples=made.epilog or ""
    )
