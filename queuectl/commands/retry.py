"""`queuectl retry`."""

from __future__ import annotations

import click

from queuectl.commands.changed import tell_changed
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.model.query import Action

EXAMPLES = """
queuectl retry 06b3k9x2m41qa
queuectl list --state dead --queue mail -q | xargs queuectl retry
queuectl retry 06b3k9x2m41qa --json
"""


@define("retry", examples=EXAMPLES)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def command(session: Session, ids: tuple[str, ...]) -> None:
    """Run jobs again: a failed one now, one that is dead, completed or cancelled from the start.

    Wants whole ids. All the jobs that are named, or none: one that is pending or processing is refused with exit
    code 4. A pipe gets a line of tab-separated fields for each: retried, id, its state now.
    """
    jobs = session.queue().change(Action.RETRY, ids)
    tell_changed(session, jobs, lambda job: "retried")
