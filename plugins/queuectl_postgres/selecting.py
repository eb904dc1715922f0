"""Selecting: which jobs a query means, found through the index that has them in order.

A query is answered from lanes, one for each queue and state, each in enqueue order in the index `job_listed`, and the
server merges them. So the first page of a rare state costs no more than its own rows, however many other jobs there
are. Leased jobs, which are few and in no such index, are a lane of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from queuectl import FINAL, Group, Page, Query, UsageError
from queuectl_postgres import orders
from queuectl_postgres import statements as sql
from queuectl_postgres.codes import CODE_OF_STATE, PROCESSING
from queuectl_postgres.link import Link
from queuectl_postgres.rows import JOB_COLUMNS, JOB_TABLES, SEQ, Row, job_of

LOOKED_AT = 20_000
"""How many places of the enqueue order are looked at for a text at once, some ten milliseconds' work."""

LONGEST_PLACE = 18
"""Digits of a place in the enqueue order: what is longer fits no column."""

_ROWS = f"SELECT {JOB_COLUMNS}, job.seq, job.queue"


@dataclass(frozen=True, slots=True)
class Selection:
    """The jobs that match, as statements with a place for what is wanted of them.

    `parts` are FROM and WHERE of each; `order` is what they go by, oldest first; `known` is how many there are where
    the kept counts tell. A part that begins with lanes is repeated for each of them by the server.
    """

    parts: tuple[str, ...]
    order: tuple[str, ...]
    values: Mapping[str, Any]
    known: int | None = None


def page(link: Link, query: Query, cursor: str | None, limit: int, now: float) -> Page:
    """Return the newest jobs that match, or those older than the cursor: the place of the last job that was shown."""
    before = _place(cursor)
    oldest = _oldest_to_look_at(link, query, before)
    found = selection(link, query, now, before=before, oldest=oldest)
    rows = matching(link, found, limit + 1, newest_first=True)
    shown = rows[:limit]
    follows = shown[-1][SEQ] if shown and len(rows) > limit else oldest
    return Page(jobs=tuple(map(job_of, shown)), next_cursor=None if follows is None else str(follows))


def _oldest_to_look_at(link: Link, query: Query, before: int | None) -> int | None:
    """Return down to which place jobs are looked at for a text, None for all: a page is to take no long while."""
    if query.text is None or sum(jobs for *_, jobs in _counted(link, query)) <= LOOKED_AT:
        return None
    first, last = link.rows(orders.FIRST_AND_LAST_SEQ)[0]
    oldest: int = (last + 1 if before is None else before) - LOOKED_AT
    return oldest if oldest > first else None


def matching(link: Link, found: Selection, limit: int, *, newest_first: bool = False) -> list[Row]:
    """Return the first rows of a selection: JOB_COLUMNS, then the job's `seq` and `queue`."""
    if not found.parts:
        return []
    direction = " DESC" if newest_first else ""
    order = ", ".join(f"{column}{direction}" for column in found.order)
    ranks = ", ".join(f"{column} AS rank{number}" for number, column in enumerate(found.order))
    each = [_first_of(part, f"{_ROWS}, {ranks}", order) for part in found.parts]
    ranked = ", ".join(f"rank{number}{direction}" for number in range(len(found.order)))
    statement = f"SELECT * FROM ({' UNION ALL '.join(each)}) AS job ORDER BY {ranked} LIMIT %(limit)s"
    return link.rows(statement, {**found.values, "limit": limit})


def count(link: Link, found: Selection, *, at_most: int | None = None) -> int:
    """Return how many jobs are in a selection, from the kept counts where they know; `at_most` so many of each part."""
    if found.known is not None:
        return found.known
    each = [_first_of(part, "SELECT 1 AS one", None) for part in found.parts]
    if not each:
        return 0
    counted: int = link.value(
        f"SELECT count(*) FROM ({' UNION ALL '.join(each)}) AS job", {**found.values, "limit": at_most}
    )
    return counted


def groups(link: Link, query: Query, now: float) -> list[Group]:
    """Return the jobs that match by how they ended, the largest group first."""
    found = selection(link, query, now)
    if not found.parts:
        return []
    columns = "SELECT job.error, job.exit_code, job.signal, coalesce(job.finished_at, 0) AS finished_at, job.seq AS seq"
    each = [_first_of(part, columns, None) for part in found.parts]
    rows = link.rows(_GROUPS.format(each=" UNION ALL ".join(each)), {**found.values, "limit": None})
    newest = {row[SEQ]: job_of(row) for row in link.rows(sql.JOBS_AT, ([row[-1] for row in rows],))}
    return [
        Group(error=error, exit_code=exit_code, signal=signal, count=jobs, newest=newest[seq])
        for error, exit_code, signal, jobs, seq in rows
    ]


_GROUPS = """
    SELECT error, exit_code, signal, count(*), (array_agg(seq ORDER BY finished_at DESC, seq))[1]
    FROM ({each}) AS job
    GROUP BY error, exit_code, signal
    ORDER BY count(*) DESC, max(finished_at) DESC
"""


def selection(
    link: Link,
    query: Query,
    now: float,
    *,
    before: int | None = None,
    oldest: int | None = None,
    only: Mapping[int, str] | None = None,
) -> Selection:
    """Return the jobs that match; `only` narrows single states further by a condition."""
    where, values = _conditions(query, now)
    if before is not None:
        where.append("job.seq < %(before)s")
        values["before"] = before
    if oldest is not None:
        where.append("job.seq >= %(oldest)s")
        values["oldest"] = oldest
    where += [f"(job.state <> {state} OR {condition})" for state, condition in (only or {}).items()]
    if query.tag is not None:
        return _tagged(query, where, values)
    if query.queue is None and query.states is None:
        return Selection((f"{JOB_TABLES} WHERE {_all(where)}",), ("job.seq",), values)
    lanes = _counted(link, query)
    known = None if where else sum(jobs for *_, jobs in lanes)
    values["queues"] = [queue for queue, state, _ in lanes if state != PROCESSING]
    values["states"] = [state for _, state, _ in lanes if state != PROCESSING]
    values["busy"] = [queue for queue, state, _ in lanes if state == PROCESSING]
    parts = []
    if values["queues"]:
        parts.append(_LANES + _all(["job.queue = lane.queue", "job.state = lane.state", "job.phase <> 2", *where]))
    if values["busy"]:
        parts.append(f"{JOB_TABLES} WHERE " + _all(["job.phase = 2", "job.queue = ANY(%(busy)s::int[])", *where]))
    return Selection(tuple(parts), ("job.seq",), values, known)


_LANES = f"unnest(%(queues)s::int[], %(states)s::smallint[]) AS lane (queue, state) LATERAL {JOB_TABLES} WHERE "
"""What `_first_of` makes a look at each lane of."""


def finished(query: Query, now: float) -> Selection:
    """Return the finished jobs that match, by when they finished."""
    states = FINAL if query.states is None else FINAL & query.states
    where, values = _conditions(query, now)
    if query.queue is not None:
        where.append("queue.name = %(queue)s")
        values["queue"] = query.queue
    if query.tag is not None:
        where.append("EXISTS (SELECT FROM queuectl.tag WHERE tag.tag = %(tag)s AND tag.seq = job.seq)")
        values["tag"] = query.tag
    parts = [
        f"{JOB_TABLES} WHERE " + _all(["job.phase = 4", f"job.state = {CODE_OF_STATE[state]}", *where])
        for state in sorted(states)
    ]
    return Selection(tuple(parts), ("job.finished_at", "job.seq"), values)


def resolve(link: Link, prefix: str, limit: int) -> list[str]:
    """Return the ids that start with a prefix, or the one that equals it."""
    if link.rows(sql.IDS_TAKEN, ([prefix],)):
        return [prefix][:limit]
    return [id for (id,) in link.rows(orders.IDS_FROM, {"prefix": prefix, "limit": limit})]


def _first_of(part: str, columns: str, order: str | None) -> str:
    """Return a statement for the first rows of a part, of each of its lanes where it has some."""
    ordered = "" if order is None else f" ORDER BY {order}"
    lanes, lateral, rest = part.rpartition(" LATERAL ")
    first = f"({columns} FROM {rest}{ordered} LIMIT %(limit)s)"
    return f"(SELECT found.* FROM {lanes} CROSS JOIN LATERAL {first} AS found)" if lateral else first


def _tagged(query: Query, where: list[str], values: dict[str, Any]) -> Selection:
    where = ["tag.tag = %(tag)s", *where]
    values = {**values, "tag": query.tag}
    if query.states is not None:
        where.append("job.state = ANY(%(states)s::smallint[])")
        values["states"] = [CODE_OF_STATE[state] for state in query.states]
    if query.queue is not None:
        where.append("queue.name = %(queue)s")
        values["queue"] = query.queue
    tables = f"queuectl.tag JOIN {JOB_TABLES.replace(' JOIN', ' ON job.seq = tag.seq JOIN', 1)}"
    return Selection((f"{tables} WHERE {_all(where)}",), ("tag.seq",), values)


def _all(conditions: Sequence[str]) -> str:
    return " AND ".join(conditions or ["true"])


def _place(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= LONGEST_PLACE):
        raise UsageError(f"{cursor[:40]!r} is no cursor of a list")
    return int(cursor)


def _counted(link: Link, query: Query) -> list[tuple[Any, ...]]:
    """Return (queue, state, jobs) of all that may match, going by queue and state."""
    wanted = None if query.states is None else {CODE_OF_STATE[state] for state in query.states}
    rows = link.rows(orders.COUNTED, {"queue": query.queue})
    return [row for row in rows if wanted is None or row[1] in wanted]


def _conditions(query: Query, now: float) -> tuple[list[str], dict[str, Any]]:
    """Return what else must hold, apart from queue, state and tag."""
    where: list[str] = []
    values: dict[str, Any] = {"now": now}
    if query.text is not None:
        where.append(_TEXT)
        values["text"] = query.text
    if query.finished_before is not None:
        where.append("job.phase <> 2 AND job.finished_at <= %(finished_by)s")
        values["finished_by"] = now - query.finished_before
    if query.grouped:
        where.append(
            "job.error IS NOT DISTINCT FROM %(error)s::text"
            " AND job.exit_code IS NOT DISTINCT FROM %(exit_code)s::bigint"
            " AND job.signal IS NOT DISTINCT FROM %(signal)s::bigint"
        )
        values |= {"error": query.error, "exit_code": query.exit_code, "signal": query.signal}
    return where, values


_TEXT = """
    position(%(text)s::text IN concat_ws(
        chr(10), spec.id,
        CASE WHEN spec.argv IS NULL THEN spec.command ELSE (
            SELECT string_agg(
                CASE WHEN word = '' THEN '''''' WHEN word ~ '[^a-zA-Z0-9_@%%+=:,./-]'
                     THEN '''' || replace(word, '''', '''"''"''') || '''' ELSE word END, ' ' ORDER BY place)
            FROM json_array_elements_text(spec.argv::json) WITH ORDINALITY AS words (word, place)
        ) END,
        coalesce(job.error, '')
    )) > 0
"""
"""A command that is a list is looked at as people see it: each word quoted for the shell where that is needed."""
