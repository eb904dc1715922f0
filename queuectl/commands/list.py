"""`queuectl list`."""

from __future__ import annotations

import click

from queuectl.commands.choices import StateName
from queuectl.commands.columns import JOB
from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.listing import print_listing
from queuectl.model.job import State
from queuectl.model.query import Query

EXAMPLES = """
queuectl list
queuectl list --state failed --state dead
queuectl list --queue mail --tag nightly --limit 10
queuectl list --json | jq -r '.[].command'
queuectl list --state pending -q | xargs queuectl cancel
"""


@define("list", examples=EXAMPLES)
@click.option("--state", "states", type=StateName(), multiple=True, help="Only jobs in this state; repeatable.")
@click.option("--queue", metavar="QUEUE", help="Only jobs of this queue.")
@click.option("--tag", metavar="TAG", help="Only jobs with this tag.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most this many, the newest.")
def command(session: Session, states: tuple[State, ...], queue: str | None, tag: str | None, limit: int | None) -> None:
    """List jobs, the newest first.

    A terminal shows the newest 50, unless --limit says otherwise. A pipe gets every job that matches as a line of
    tab-separated fields: id, state, queue, attempts, created_at, command. --json prints them all as one array.
    """
    query = Query(states=frozenset(states) or None, queue=queue, tag=tag)
    narrowed = bool(states or queue or tag)
    none = "no such jobs" if narrowed else "no jobs yet: queuectl enqueue 'echo hello' stores one"
    print_listing(session, query, limit, JOB, none=none)
