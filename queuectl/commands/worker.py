"""Start, stop and list the workers."""

from __future__ import annotations

import sys

import click

from queuectl.commands.frame import Session, group
from queuectl.errors import UsageError

NO_WORKERS = UsageError(
    "workers do not run on Windows", hint="start them on Linux or macOS; enqueueing works from here"
)


@group(
    "worker",
    examples="""
queuectl worker start --count 2
queuectl worker start --drain
queuectl worker list
queuectl worker stop
""",
)
def command() -> None:
    """Start, stop and list the workers that run jobs."""


@command.command(
    "start",
    examples="""
queuectl worker start
queuectl worker start --count 4 --concurrency 2
queuectl worker start --queue mail --queue reports
queuectl worker start --drain
queuectl worker start --count 2 --detach
""",
)
@click.option("--count", type=click.IntRange(1, 1024), metavar="N", help="How many worker processes (worker.count).")
@click.option(
    "--concurrency", type=click.IntRange(1, 1024), metavar="N", help="Jobs at once in each (worker.concurrency)."
)
@click.option("--queue", "queues", multiple=True, metavar="QUEUE", help="Serve this queue only; may be repeated.")
@click.option("--drain", is_flag=True, help="End when nothing is due, running or waiting to be retried.")
@click.option("--detach", is_flag=True, help="Run in the background; the log goes to a file.")
@click.option("--ready-fd", type=int, hidden=True)
def start(
    session: Session,
    count: int | None,
    concurrency: int | None,
    queues: tuple[str, ...],
    drain: bool,
    detach: bool,
    ready_fd: int | None,
) -> None:
    """Start workers and look after them.

    Stays in the foreground. Ctrl-C or SIGTERM lets the running jobs finish and claims no more; a second one ends the
    jobs and gives them back; a third leaves at once. Workers that die are started again.
    """
    if sys.platform == "win32":
        raise NO_WORKERS
    from queuectl.commands import starting

    orders = starting.Orders(
        count=count, concurrency=concurrency, queues=queues or None, drain=drain, ready_fd=ready_fd
    )
    code = starting.detach(session, orders) if detach else starting.start(session, orders)
    if code:
        sys.exit(code)


@command.command("run", hidden=True)
@click.argument("terms")
def run(session: Session, terms: str) -> None:
    """Be one worker of a supervisor."""
    if sys.platform == "win32":
        raise NO_WORKERS
    from queuectl.engine.process import run_worker

    sys.exit(run_worker(session.config(), terms, debug=session.debug, color=session.color is not False))


@command.command(
    "stop",
    examples="""
queuectl worker stop
queuectl worker stop --timeout 60s
queuectl worker stop --force
""",
)
@click.option("--force", is_flag=True, help="End the running jobs and give them back.")
@click.option("--timeout", metavar="S", help="Wait at most this long, then fail.")
@click.option("--all-hosts", is_flag=True, help="Stop the workers of other hosts too.")
def stop(session: Session, force: bool, timeout: str | None, all_hosts: bool) -> None:
    """Ask the workers to stop, and wait until they have.

    Running jobs finish first, unless --force. Exits 0 when none runs any more, 1 when the time is up.
    """
    if sys.platform == "win32":
        raise NO_WORKERS
    from queuectl.commands import stopping

    sys.exit(stopping.stop(session, force=force, timeout=timeout, all_hosts=all_hosts))


@command.command(
    "list",
    examples="""
queuectl worker list
queuectl worker list --json
""",
)
def list_workers(session: Session) -> None:
    """List the workers that run.

    A pipe gets a line of tab-separated fields for each: id, host, pid, concurrency, queues, running jobs, started_at.
    """
    from queuectl.commands import stopping

    stopping.print_workers(session)
