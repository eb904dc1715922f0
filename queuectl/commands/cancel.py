"""`queuectl cancel`."""

from __future__ import annotations

import click

from queuectl.commands.changed import tell_changed
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.model.job import LIVE
from queuectl.model.query import Action

EXAMPLES = """
queuectl cancel 06b3k9x2m41qa
queuectl list --state pending --tag nightly -q | xargs queuectl cancel
queuectl cancel 06b3k9x2m41qa --json
"""


@define("cancel", examples=EXAMPLES)
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def command(session: Session, ids: tuple[str, ...]) -> None:
    """Stop jobs that wait or run.

    Wants whole ids. A job that runs is ended by its worker within a second; its state is `processing` until then. All
    the jobs that are named, or none: one that is completed, dead or cancelled is refused with exit code 4. A pipe gets
    a line of tab-separated fields for each: cancelled or cancelling, id, its state now.
    """
    jobs = session.queue().change(Action.CANCEL, ids)
    tell_changed(session, jobs, lambda job: "cancelling" if job.cancel_requested and job.state in LIVE else "cancelled")
