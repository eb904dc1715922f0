"""Partitions: attempts and their outputs lie in ranges of jobs, so that old ones go by dropping tables.

A range holds jobs that were enqueued one after the other, and so are finished, and forgotten, at about the same time.
Retention deletes the jobs, row by row, and leaves their attempts and outputs, which are most of the bytes, where nobody
finds them any more. When hardly a job of a range is left, its tables are dropped. A range that is not forgotten to its
end, since dead jobs stay, say, is swept: row by row, but only once.

Ranges are made ahead. What none is there for lies in a table for the rest, and is deleted row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from psycopg import errors

from queuectl_postgres.link import Link
from queuectl_postgres.transaction import Transaction

TABLES = ("attempt", "output")
"""In the order in which all transactions lock them."""

SMALLEST = 100_000
"""How many jobs a range holds at least."""

SHARE = 16
"""Which part of all that is stored a range holds when that is more: so there are some twenty, whatever is enqueued."""

FEW = 100
"""How many jobs may be left of a range that is dropped: what they did is moved to the rest, while others wait."""

UNTOUCHED = 3600.0
"""Seconds after the last job of a range was forgotten until that is swept, where no more follow."""

SWEPT_AT_ONCE = 500
"""Of how many jobs one transaction sweeps what is left: as many as are pruned at once, since a worker that waits for it
proves no life meanwhile."""

QUICK = "SET LOCAL lock_timeout = '200ms'"
"""All that settle stand in line behind who waits to drop a table: not for long, and not often."""

TRIES_EVERY = 60.0
"""Seconds between two tries to drop a range that somebody is reading, such as a dump that takes an hour."""

TURN = "SELECT pg_try_advisory_xact_lock(%s, 0)"
"""Zero is the number of no queue."""

END = """
    SELECT coalesce(max(until), 0), coalesce(min(first), 0), (SELECT last_value FROM queuectl.job_seq)
    FROM queuectl.part
"""

ADD = "INSERT INTO queuectl.part (first, until, swept) VALUES (%(first)s, %(until)s, %(first)s)"

COVERING = "SELECT first, until FROM queuectl.part WHERE until > %s AND first <= %s"

MARK = """
    UPDATE queuectl.part SET pruned_at = %(now)s, swept = first
    WHERE (pruned_at IS NULL OR abs(%(now)s - pruned_at) > 60)
      AND EXISTS (SELECT FROM unnest(%(seqs)s::bigint[]) AS seq WHERE seq >= first AND seq < until)
"""

HARDLY_USED = """
    SELECT first, until FROM queuectl.part
    WHERE until <= (SELECT last_value FROM queuectl.job_seq)
      AND (tried_at IS NULL OR abs(%(now)s - tried_at) > %(pause)s) AND %(few)s >= (
        SELECT count(*) FROM (
            SELECT FROM queuectl.job WHERE seq >= part.first AND seq < part.until LIMIT %(few)s + 1
        ) AS found
    )
    ORDER BY first LIMIT 1
"""

TRIED = "UPDATE queuectl.part SET tried_at = %s WHERE first = %s"

FORGET = "DELETE FROM queuectl.part WHERE first = %s"

UNSWEPT = """
    SELECT first, until, swept, pruned_at FROM queuectl.part
    WHERE abs(%s - pruned_at) > %s ORDER BY first LIMIT 1 FOR UPDATE
"""

SWEEP = """
    DELETE FROM queuectl.{table}
    WHERE job >= %(begin)s AND job < %(end)s AND NOT EXISTS (SELECT FROM queuectl.job WHERE seq = {table}.job)
"""

SWEPT = "UPDATE queuectl.part SET swept = %(end)s, pruned_at = %(pruned_at)s WHERE first = %(first)s"


def leave(tx: Transaction, seqs: Sequence[int]) -> list[int]:
    """Note that these jobs are being forgotten; return those whose attempts and outputs are to be deleted with them.

    To be called after attempts were read: that keeps whoever would drop a range waiting until the end of it all.
    """
    covering = tx.link.rows(COVERING, (min(seqs), max(seqs)))
    tx.link.run(MARK, {"now": tx.now, "seqs": list(seqs)})
    return [seq for seq in seqs if not any(first <= seq < until for first, until in covering)]


def look_after(tx: Transaction) -> None:
    """Make a range ahead, drop one of which hardly a job is left, or sweep one; whoever is not first does nothing."""
    if not tx.link.value(TURN, (tx.lock,)):
        return
    tx.link.run(QUICK)
    with _at_best(tx.link):
        if _extend(tx.link):
            return
    found = tx.link.row(HARDLY_USED, {"few": FEW, "now": tx.now, "pause": TRIES_EVERY})
    if found is not None:
        with _at_best(tx.link):
            _drop(tx.link, found[0])
            return
        tx.link.run(TRIED, (tx.now, found[0]))
    _sweep(tx)


@contextmanager
def _at_best(link: Link) -> Iterator[None]:
    """Do nothing at all where somebody is in the way, or where the tables are not ours: then rows are deleted."""
    with suppress(errors.LockNotAvailable, errors.InsufficientPrivilege), link.savepoint():
        yield


def _extend(link: Link) -> bool:
    """Make a range for jobs to come, unless there is enough."""
    end, last, size = _reach(link)
    if last + size < end:
        return False
    # From here on nothing is stored with the rest, so nothing is there of a job that is yet to come.
    link.run(f"LOCK TABLE {', '.join(f'ONLY queuectl.{table}_rest' for table in TABLES)}")
    end, last, size = _reach(link)
    until = max(end, last) + 2 * size
    try:
        with link.savepoint("queuectl_range"):
            _add(link, end, until)
    except errors.CheckViolation:  # of a job beyond the end something is stored already, with the rest
        _add(link, last + 1, until)
    return True


def _reach(link: Link) -> tuple[int, int, int]:
    """Return where the ranges end, the newest job, and how many jobs a range holds now."""
    end, begin, last = link.row(END) or (0, 0, 0)
    return end, last, max(SMALLEST, (last - begin) // SHARE)


def _add(link: Link, first: int, until: int) -> None:
    for table in TABLES:
        link.run(f"CREATE TABLE queuectl.{table}_{first} (LIKE queuectl.{table} INCLUDING ALL)")
        link.run(
            f"ALTER TABLE queuectl.{table} ATTACH PARTITION queuectl.{table}_{first}"
            f" FOR VALUES FROM ({first}) TO ({until})"
        )
    link.run(ADD, {"first": first, "until": until})


def _drop(link: Link, first: int) -> None:
    """Drop a range; what is left of it goes to the rest."""
    link.run(f"LOCK TABLE {', '.join(f'ONLY queuectl.{table}' for table in TABLES)}")
    for table in TABLES:
        part = f"queuectl.{table}_{first}"
        link.run(f"ALTER TABLE queuectl.{table} DETACH PARTITION {part}")
        link.run(
            f"INSERT INTO queuectl.{table} SELECT part.* FROM {part} AS part"
            " WHERE EXISTS (SELECT FROM queuectl.job WHERE seq = part.job)"
        )
        link.run(f"DROP TABLE {part}")
    link.run(FORGET, (first,))


def _sweep(tx: Transaction) -> None:
    """Delete what forgotten jobs left in a part of a range, from where the last one stopped."""
    found = tx.link.row(UNSWEPT, (tx.now, UNTOUCHED))
    if found is None:
        return
    first, until, begin, pruned_at = found
    end = min(begin + SWEPT_AT_ONCE, until)
    for table in reversed(TABLES):
        tx.link.run(SWEEP.format(table=table), {"begin": begin, "end": end})
    is_done = end == until
    tx.link.run(SWEPT, {"first": first, "end": first if is_done else end, "pruned_at": None if is_done else pruned_at})
