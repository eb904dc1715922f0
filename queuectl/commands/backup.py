"""`queuectl backup`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.output import print_json, write
from queuectl.commands.people import size

EXAMPLES = """
queuectl backup jobs-backup.db
queuectl backup "/srv/backup/jobs-$(date +%F).db"
queuectl backup jobs-backup.db --json
"""


@define("backup", examples=EXAMPLES)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def command(session: Session, file: Path) -> None:
    """Write a consistent copy of the store to a new file while workers run.

    The file gets its name when it is whole, and only its owner may read it. One that exists is never replaced. The
    output that is longer than what the store keeps of each attempt stays in the data directory, and is not part of it.
    """
    path = Path(os.path.abspath(file))
    session.queue().backup(path)
    written = path.stat().st_size if path.is_file() else None
    if session.json:
        print_json({"file": str(path), "size": written})
    elif not session.quiet:
        write(f"{path}" + (f"  {size(written)}" if written is not None else "") + "\n")
