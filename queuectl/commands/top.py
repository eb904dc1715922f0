"""`queuectl top`."""

from __future__ import annotations

import sys

import click

from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.terminal import is_terminal
from queuectl.errors import UsageError

EXAMPLES = """
queuectl top
queuectl top --queue mail
"""


@define("top", examples=EXAMPLES)
@click.option("--queue", metavar="QUEUE", help="Only jobs of this queue.")
def command(session: Session, queue: str | None) -> None:
    """Watch jobs and workers in a terminal, as they change.

    Keys: j and k, or the arrows, choose a job and go on to older ones; R retries it, c cancels it; A twice retries all
    that gave up; d shows those alone, f goes through the states; p pauses; q quits.
    """
    if sys.platform == "win32" or session.json or not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise UsageError("top needs a terminal, to write to and to read keys from", hint="queuectl status --json")
    from queuectl.commands.top_watch import watch

    watch(session, queue)
