"""`queuectl dashboard`, from the plugin that comes with queuectl."""

from __future__ import annotations

from queuectl.commands.plugged import plugged

command = plugged("dashboard")
