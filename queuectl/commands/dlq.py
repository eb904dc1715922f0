"""`queuectl dlq`: the jobs that gave up."""

from __future__ import annotations

from collections.abc import Sequence

import click

from queuectl.commands.changed import tell_changed
from queuectl.commands.columns import DEAD
from queuectl.commands.frame import Session, group
from queuectl.commands.listing import print_listing
from queuectl.commands.output import confirm, print_jobs, require_answer, write
from queuectl.commands.people import count
from queuectl.errors import ConflictError, UsageError
from queuectl.model.job import Job, State
from queuectl.model.query import Action, Query

DEAD_ONLY = frozenset({State.DEAD})


@group(
    "dlq",
    examples="""
queuectl dlq list
queuectl dlq show 06b3
queuectl dlq retry 06b3k9x2m41qa
queuectl dlq retry --all
queuectl dlq purge
""",
)
def command() -> None:
    """Look after the jobs that kept failing.

    The dead letter queue holds the jobs in state `dead`. They stay there until you retry or purge them.
    """


@command.command(
    "list",
    examples="""
queuectl dlq list
queuectl dlq list --queue mail --limit 10
queuectl dlq list --json
""",
)
@click.option("--queue", metavar="QUEUE", help="Only jobs of this queue.")
@click.option("--tag", metavar="TAG", help="Only jobs with this tag.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most this many, the newest.")
def list_dead(session: Session, queue: str | None, tag: str | None, limit: int | None) -> None:
    """List the dead jobs, the newest first.

    A pipe gets a line of tab-separated fields for each: id, queue, attempts, finished_at, the reason, command.
    """
    query = Query(states=DEAD_ONLY, queue=queue, tag=tag)
    print_listing(session, query, limit, DEAD, none="no dead jobs")


@command.command(
    "show",
    examples="""
queuectl dlq show 06b3
queuectl dlq show 06b3k9x2m41qa --json
""",
)
@click.argument("id", metavar="ID")
def show(session: Session, id: str) -> None:
    """Show all that is known of a dead job. The first characters of its id will do."""
    from queuectl.commands.show import print_job

    job = session.queue().find(id)
    _require_dead([job], f"queuectl show {job.id}")
    print_job(session, job)


@command.command(
    "retry",
    examples="""
queuectl dlq retry 06b3k9x2m41qa
queuectl dlq retry --all
queuectl dlq retry --all --queue mail
""",
)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Retry every dead job.")
@click.option("--queue", metavar="QUEUE", help="With --all: only jobs of this queue.")
def retry(session: Session, ids: tuple[str, ...], everything: bool, queue: str | None) -> None:
    """Run dead jobs again, with their full number of retries.

    All the jobs that are named, or none: when one of them is not dead, nothing is changed. A pipe gets a line of
    tab-separated fields for each: retried, id, its state now. --all prints how many there were.
    """
    if bool(ids) == everything:
        reason = "ids and --all exclude each other" if ids else "which jobs?"
        raise UsageError(reason, hint="queuectl dlq retry ID…, or queuectl dlq retry --all")
    _refuse_queue(ids, queue)
    jobs = _change(session, Action.RETRY, ids, queue)
    if everything:
        _tell_number(session, jobs, "retried")
    else:
        tell_changed(session, jobs, lambda job: "retried")


@command.command(
    "purge",
    examples="""
queuectl dlq purge
queuectl dlq purge --queue mail --yes
queuectl dlq purge 06b3k9x2m41qa --yes
""",
)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--queue", metavar="QUEUE", help="Only jobs of this queue.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def purge(session: Session, ids: tuple[str, ...], queue: str | None, yes: bool) -> None:
    """Delete dead jobs for good.

    Without an id all of them, with the record of their attempts and their output. It asks first; where nobody can
    answer, it wants --yes.
    """
    _refuse_queue(ids, queue)
    require_answer(yes)
    expected = None if yes else _dead(session, ids, queue)
    if expected:
        confirm(session, f"Delete {count(expected, 'dead job')} for good?", yes)
    jobs = _change(session, Action.DELETE, ids, queue, expected)
    _tell_number(session, jobs, "deleted")


def _refuse_queue(ids: Sequence[str], queue: str | None) -> None:
    if ids and queue is not None:
        raise UsageError("ids and --queue exclude each other")


def _change(
    session: Session, action: Action, ids: Sequence[str], queue: str | None, expected: int | None = None
) -> list[Job]:
    store = session.queue()
    if not ids:
        return store.change(action, Query(states=DEAD_ONLY, queue=queue), expected=expected)
    unique = list(dict.fromkeys(ids))
    _require_dead([store.get(id) for id in unique], "queuectl dlq list shows those that are dead")
    return store.change(action, unique)


def _dead(session: Session, ids: Sequence[str], queue: str | None) -> int:
    if ids:
        return len(set(ids))
    counts = session.queue().counts()
    queues = counts.values() if queue is None else [counts.get(queue, {})]
    return sum(each.get(State.DEAD, 0) for each in queues)


def _require_dead(jobs: Sequence[Job], hint: str) -> None:
    alive = [job for job in jobs if job.state is not State.DEAD]
    if alive:
        first, *others = (f"{job.id} is {job.state}, not dead" for job in alive)
        raise ConflictError(first, details=others, hint=hint)


def _tell_number(session: Session, jobs: Sequence[Job], done: str) -> None:
    if session.json or session.quiet:
        print_jobs(session, jobs)
    else:
        write(f"{done} {count(len(jobs), 'job')}\n")
