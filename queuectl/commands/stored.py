"""Printing what an `enqueue` stored."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from queuectl.commands.escape import tsv_field, visible
from queuectl.commands.frame import Session
from queuectl.commands.output import CHUNK, print_jobs, write
from queuectl.commands.people import count
from queuectl.commands.terminal import is_terminal

if TYPE_CHECKING:
    from queuectl.engine.storing import Stored
    from queuectl.model.job import Job

FEW = 20
"""Up to how many stored jobs a terminal shows each."""


def print_stored(session: Session, stored: Stored) -> None:
    """Print a line a job, under `--json` and `-q` what `list` prints; a terminal is shown only how many they are."""
    if session.json:
        print_jobs(session, stored)
    elif session.quiet:
        _write_lines(map(visible, stored.ids))
    elif not is_terminal(sys.stdout):
        _write_lines(_records(stored))
    elif len(stored) > FEW:
        write(f"{count(len(stored), 'job')} stored\n")
    else:
        _write_lines(map(_line, stored))


def _records(stored: Stored) -> Iterator[str]:
    """Yield what `list` prints in a pipe, without the jobs, since all that were just stored are alike in the rest."""
    from queuectl.commands.columns import command_text
    from queuectl.engine.times import format_time

    created = format_time(stored[0].created_at) if stored else ""
    for new in stored.new:
        fields = (
            tsv_field(new.id),
            "pending",
            tsv_field(new.queue),
            "0",
            created,
            tsv_field(command_text(new.command)),
        )
        yield "\t".join(fields)


def _line(job: Job) -> str:
    from shutil import get_terminal_size

    from queuectl.commands.columns import command_text, outlook

    when = outlook(job)
    text = visible(f"{job.id}  {job.state}{f' ({when})' if when else ''}  {command_text(job.command)}")
    width = max(get_terminal_size().columns, 40)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _write_lines(lines: Iterable[str]) -> None:
    rest = iter(lines)
    while some := list(islice(rest, CHUNK)):
        write("\n".join(some) + "\n")
