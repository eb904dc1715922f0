"""`queuectl storage`: the store itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from queuectl.commands.frame import Session, group
from queuectl.commands.output import message, print_json, progress, write
from queuectl.commands.people import count
from queuectl.model.diagnosis import DiagnosedStorage


@group(
    "storage",
    examples="""
queuectl storage status
queuectl storage migrate
queuectl storage copy --to postgres.yaml
""",
)
def command() -> None:
    """Look at the store, bring it up to date, and copy it into another one."""


@command.command(
    "status",
    examples="""
queuectl storage status
queuectl storage status --json | jq -r .schema
""",
)
def status(session: Session) -> None:
    """Say which storage it is, where, what it can do, and of which version its schema is.

    A pipe gets a line of tab-separated fields for each: what, and what it is.
    """
    told = _told(session)
    if session.json:
        print_json(told)
        return
    for name, value in told.items():
        text = ", ".join(value) if isinstance(value, list) else "unknown" if value is None else value
        write(f"{name}\t{text}\n")


@command.command(
    "migrate",
    examples="""
queuectl storage migrate
queuectl storage migrate --quiet
""",
)
def migrate(session: Session) -> None:
    """Bring the schema of the store to the newest version.

    Whatever opens a store does so too. Workers may run meanwhile, of this version and of the one before.
    """
    session.queue().storage.migrate()
    told = _told(session)
    if session.json:
        print_json(told)
    elif not session.quiet:
        write(f"{told['store']}: {told['schema'] or 'up to date'}\n")


@command.command(
    "copy",
    examples="""
queuectl storage copy --to postgres.yaml
queuectl --config old.yaml storage copy --to new.yaml --json
""",
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration file that names the other store.",
)
def copy(session: Session, target: Path) -> None:
    """Copy all jobs, with their ids, attempts and output, into another store.

    Stop the workers before. What was interrupted goes on when it is typed again: jobs that are there already are passed
    over. This store stays as it is. --json prints {"copied": number, "there": number}.
    """
    from queuectl.config import load_config
    from queuectl.engine.copying import copy as copy_jobs
    from queuectl.engine.queue import Queue

    source = session.queue()
    with Queue(load_config(target)) as other, progress(sum(source.totals().values()), "copying") as bar:
        copied = copy_jobs(source, other, progress=bar.advance)
    if session.json:
        print_json({"copied": copied.jobs, "there": copied.there})
        return
    if session.quiet:
        write(f"{copied.jobs}\n")
        return
    there = f", {copied.there} were there already" if copied.there else ""
    write(f"copied {count(copied.jobs, 'job')}{there}\n")
    message(session, f"start the workers with it from now on: queuectl --config {target} worker start")


def _told(session: Session) -> dict[str, Any]:
    queue = session.queue()
    storage = queue.storage
    findings = storage.diagnose() if isinstance(storage, DiagnosedStorage) else ()
    schema = next((each.text for each in findings if each.check == "schema"), None)
    status = queue.status()
    return {
        "plugin": session.config().storage.found.provider.name,
        "store": status["store"],
        "capabilities": sorted(storage.capabilities),
        "jobs": sum(status["jobs"].values()),
        "schema": schema,
    }
