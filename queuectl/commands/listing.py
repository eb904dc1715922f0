"""Printing many jobs: all that match to a script, the newest to a person."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import islice

from queuectl.commands.frame import Session
from queuectl.commands.output import Column, message, print_jobs
from queuectl.commands.people import count
from queuectl.commands.terminal import is_terminal
from queuectl.model.job import Job
from queuectl.model.query import Query

SCREENFUL = 50
"""How many jobs a terminal shows when no limit is given."""


def print_listing(session: Session, query: Query, limit: int | None, columns: Sequence[Column], *, none: str) -> None:
    """Print the jobs that match, newest first: at most `limit`; without one all, but on a terminal a screenful.

    `none` is what people are told when there are no such jobs.
    """
    jobs: Iterable[Job] = session.queue().iterate(query)
    limit = None if limit is None else min(limit, sys.maxsize)  # islice counts no further
    if session.json or not is_terminal(sys.stdout):
        print_jobs(session, islice(jobs, limit), columns)
        return
    shown = list(islice(jobs, SCREENFUL + 1 if limit is None else limit))
    more = limit is None and len(shown) > SCREENFUL
    print_jobs(session, shown[:SCREENFUL] if more else shown, columns)
    if not shown:
        message(session, none)
    if more:
        message(session, f"the newest {SCREENFUL} of {_matching(session, query)}: --limit N shows more")


def _matching(session: Session, query: Query) -> str:
    if query.tag is not None:
        return "more"
    counts = session.queue().counts()
    queues = [counts.get(query.queue, {})] if query.queue is not None else list(counts.values())
    states = query.states
    return count(sum(n for each in queues for state, n in each.items() if states is None or state in states), "job")
