"""The built-in command `dashboard`: jobs, queues and workers in a browser, as they change."""

from __future__ import annotations

import click

from queuectl import hookimpl

queuectl_api = 1


@hookimpl
def queuectl_commands(group: click.Group) -> None:
    """Add `queuectl dashboard`."""
    from queuectl_dashboard.command import dashboard

    group.add_command(dashboard)
