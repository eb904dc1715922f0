"""Selecting: which jobs a query means, found through the index that has them in order.

A query is answered from lanes, one per queue and state, each in enqueue order in the index `job_listed`, and merged.
So the first page of a rare state costs no more than its own rows, however many other jobs there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import apsw
import msgspec

from queuectl import FINAL, Group, Page, Query, UsageError
from queuectl_sqlite import statements as sql
from queuectl_sqlite.codes import CODE_OF_STATE, PROCESSING
from queuectl_sqlite.rows import JOB_COLUMNS, JOB_TABLES, SEQ, job_of

MANY_LANES = 64
"""With more queues and states than this to merge, walking over all jobs is quicker."""


LOOKED_AT = 50_000
"""How many places of the enqueue order are looked at for a text at once, some ten milliseconds' work."""

LONGEST_PLACE = 18
"""Digits of a place in the enqueue order: what is longer fits no column."""


@dataclass(frozen=True, slots=True)
class Lane:
    """Some of the jobs that match: FROM and WHERE of a statement, and how many there are where that is known.

    Of a `scattered` lane no index has the jobs in order.
    """

    tables: str
    where: str
    order: str
    values: dict[str, Any]
    jobs: int | None = None
    scattered: bool = False


def page(db: apsw.Connection, query: Query, cursor: str | None, limit: int, now: float) -> Page:
    """Return the newest jobs that match, or those older than the cursor: the place of the last job that was shown."""
    before = _place(cursor)
    oldest = _oldest_to_look_at(db, query, before)
    rows = matching(db, lanes(db, query, now, before=before, oldest=oldest), limit + 1, newest_first=True)
    shown = rows[:limit]
    follows = shown[-1][SEQ] if shown and len(rows) > limit else oldest
    return Page(jobs=tuple(map(job_of, shown)), next_cursor=None if follows is None else str(follows))


def _oldest_to_look_at(db: apsw.Connection, query: Query, before: int | None) -> int | None:
    """Return down to which place jobs are looked at for a text, None for all: nobody else reads meanwhile."""
    if query.text is None or sum(jobs for *_, jobs in _counted(db, query)) <= LOOKED_AT:
        return None
    first, last = db.execute(_FIRST_AND_LAST).get
    oldest: int = (last + 1 if before is None else before) - LOOKED_AT
    return oldest if oldest > first else None


_FIRST_AND_LAST = "SELECT (SELECT min(seq) FROM job), (SELECT max(seq) FROM job)"


def matching(db: apsw.Connection, found: Sequence[Lane], limit: int, *, newest_first: bool = False) -> list[Any]:
    """Return the first rows of lanes: JOB_COLUMNS, then the job's `seq` and `queue`."""
    cursors: list[apsw.Cursor | Generator[Any, None, None]] = [
        (_sorted_rows if lane.scattered else _rows)(db, lane, newest_first) for lane in found
    ]
    try:
        merged = heapq.merge(*cursors, key=lambda row: row[-1], reverse=newest_first)
        return list(islice(merged, limit))
    finally:
        for cursor in cursors:
            cursor.close()


def count(db: apsw.Connection, found: Sequence[Lane], *, at_most: int = -1) -> int:
    """Return how many jobs are in lanes, from the kept counts where they know; of others `at_most` so many a lane."""
    return sum(_count(db, lane, at_most) if lane.jobs is None else lane.jobs for lane in found)


def groups(db: apsw.Connection, query: Query, now: float) -> list[Group]:
    """Return the jobs that match by how they ended, the largest group first."""
    totals: dict[tuple[Any, ...], tuple[int, float, int]] = {}
    for lane in lanes(db, query, now):
        for *ending, jobs, finished_at, seq in db.execute(_GROUPS.format(lane=lane), lane.values):
            before, newest_at, newest = totals.get(tuple(ending), (0, -1.0, 0))
            if finished_at > newest_at:
                newest_at, newest = finished_at, seq
            totals[tuple(ending)] = before + jobs, newest_at, newest
    ranked = sorted(totals.items(), key=lambda item: (-item[1][0], -item[1][1]))
    return [
        Group(
            error=error,
            exit_code=exit_code,
            signal=signal,
            count=jobs,
            newest=job_of(db.execute(sql.JOB_AT, (newest,)).get),
        )
        for (error, exit_code, signal), (jobs, _, newest) in ranked
    ]


_GROUPS = """
    SELECT job.error, job.exit_code, job.signal, count(*), max(coalesce(job.finished_at, 0.0)), job.seq
    FROM {lane.tables}
    WHERE {lane.where}
    GROUP BY job.error, job.exit_code, job.signal
"""


def lanes(
    db: apsw.Connection,
    query: Query,
    now: float,
    *,
    before: int | None = None,
    oldest: int | None = None,
    only: Mapping[int, str] | None = None,
) -> list[Lane]:
    """Return where the jobs that match are; `only` narrows single states further by a condition."""
    where, values = _conditions(query, now)
    if before is not None:
        where.append("job.seq < :before")
        values["before"] = before
    if oldest is not None:
        where.append("job.seq >= :oldest")
        values["oldest"] = oldest
    if query.text is not None:
        _offer_shown(db)
    if query.tag is None and query.queue is None and query.states is None:
        return [Lane(JOB_TABLES, " AND ".join(where or ["1"]), "job.seq", values)]
    counted = _counted(db, query)
    if query.tag is not None or len(counted) > MANY_LANES:
        return [_wide_lane(query, where, values, only or {})] if counted else []
    ordered = [row for row in counted if row[1] != PROCESSING]
    leased = [row for row in counted if row[1] == PROCESSING]
    return [
        *(_lane(queue, state, jobs, where, values, (only or {}).get(state)) for queue, state, jobs in ordered),
        *_leased_lanes(leased, query, where, values, (only or {}).get(PROCESSING)),
    ]


def finished_lanes(db: apsw.Connection, query: Query, now: float) -> list[Lane]:
    """Return where the finished jobs that match are, each lane by when they finished."""
    states = FINAL if query.states is None else FINAL & query.states
    where, values = _conditions(query, now)
    if query.queue is not None:
        where.append("queue.name = :queue")
        values["queue"] = query.queue
    if query.tag is not None:
        where.append("EXISTS (SELECT 1 FROM tag WHERE tag.tag = :tag AND tag.seq = job.seq)")
        values["tag"] = query.tag
    if query.text is not None:
        _offer_shown(db)
    return [
        Lane(
            JOB_TABLES,
            " AND ".join(["job.phase = 4", f"job.state = {CODE_OF_STATE[state]}", *where]),
            "job.finished_at, job.seq",
            values,
        )
        for state in sorted(states)
    ]


def resolve(db: apsw.Connection, prefix: str, limit: int) -> list[str]:
    """Return the ids that start with a prefix, or the one that equals it."""
    if db.execute(sql.ID_TAKEN, (prefix,)).get:
        return [prefix][:limit]
    return [id for (id,) in db.execute(sql.IDS_FROM, {"prefix": prefix, "limit": limit})]


def _place(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= LONGEST_PLACE):
        raise UsageError(f"{cursor[:40]!r} is no cursor of a list")
    return int(cursor)


def _sorted_rows(db: apsw.Connection, lane: Lane, newest_first: bool) -> Generator[Any, None, None]:
    """Yield the rows of a scattered lane: their places are sorted, and only what is asked for is read whole."""
    order = f"{lane.order} DESC" if newest_first else lane.order
    places = db.execute(f"SELECT job.seq FROM {lane.tables} WHERE {lane.where} ORDER BY {order}", lane.values)
    for place in places.fetchall():
        yield db.execute(_ROW_AT, place).get


_ROW_AT = f"SELECT {JOB_COLUMNS}, job.seq, job.queue, job.seq FROM {JOB_TABLES} WHERE job.seq = ?"


def _rows(db: apsw.Connection, lane: Lane, newest_first: bool) -> apsw.Cursor:
    order = f"{lane.order} DESC" if newest_first else lane.order
    rank = lane.order.split(",", maxsplit=1)[0]
    return db.execute(
        f"SELECT {JOB_COLUMNS}, job.seq, job.queue, {rank} FROM {lane.tables} WHERE {lane.where} ORDER BY {order}",
        lane.values,
    )


def _count(db: apsw.Connection, lane: Lane, at_most: int) -> int:
    found: int = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {lane.tables} WHERE {lane.where} LIMIT :at_most)",
        {**lane.values, "at_most": at_most},
    ).get
    return found


def _counted(db: apsw.Connection, query: Query) -> list[tuple[int, int, int]]:
    """Return (queue, state, jobs) of all that may match, going by queue and state."""
    wanted = None if query.states is None else {CODE_OF_STATE[state] for state in query.states}
    rows: list[Any] = db.execute(sql.COUNTED, {"queue": query.queue}).fetchall()
    return [row for row in rows if wanted is None or row[1] in wanted]


def _lane(queue: int, state: int, jobs: int, where: list[str], values: dict[str, Any], only: str | None) -> Lane:
    narrowed = [*where, only] if only else where
    return Lane(
        JOB_TABLES,
        " AND ".join(["job.queue = :queue", "job.phase <> 2", f"job.state = {state}", *narrowed]),
        "job.seq",
        {**values, "queue": queue},
        None if narrowed else jobs,
    )


def _leased_lanes(
    counted: Sequence[tuple[int, int, int]], query: Query, where: list[str], values: dict[str, Any], only: str | None
) -> list[Lane]:
    """Return one lane for all that is leased, if anything is: a list index of it would change with every claim.

    There are few. Left alone, SQLite would rather walk over all jobs in order than sort these.
    """
    if not counted:
        return []
    narrowed = [*where, only] if only else where
    here = ["job.phase = 2"]
    if query.queue is not None:
        here.append("job.queue = :queue")
        values = {**values, "queue": counted[0][0]}
    tables = JOB_TABLES if query.text is not None else "job "
    return [
        Lane(
            tables.replace("job ", "job INDEXED BY job_leased ", 1),
            " AND ".join([*here, *narrowed]),
            "job.seq",
            values,
            None if narrowed else sum(jobs for *_, jobs in counted),
            scattered=True,
        )
    ]


def _wide_lane(query: Query, where: list[str], values: dict[str, Any], only: Mapping[int, str]) -> Lane:
    """Return one lane over many queues and states, or over all jobs with a tag."""
    where, values = list(where), dict(values)
    if query.states is not None:
        where.append(f"job.state IN ({', '.join(str(CODE_OF_STATE[state]) for state in sorted(query.states))})")
    if query.queue is not None:
        where.append("queue.name = :queue")
        values["queue"] = query.queue
    where += [f"(job.state <> {state} OR {condition})" for state, condition in only.items()]
    if query.tag is None:
        return Lane(JOB_TABLES, " AND ".join(where), "job.seq", values)
    tables = JOB_TABLES.replace("job CROSS JOIN", "tag CROSS JOIN job ON job.seq = tag.seq CROSS JOIN", 1)
    return Lane(tables, " AND ".join(["tag.tag = :tag", *where]), "tag.seq", {**values, "tag": query.tag})


def _conditions(query: Query, now: float) -> tuple[list[str], dict[str, Any]]:
    """Return what else must hold, apart from queue, state and tag."""
    where: list[str] = []
    values: dict[str, Any] = {"now": now}
    if query.text is not None:
        where.append(_TEXT)
        values["text"] = query.text
    if query.finished_before is not None:
        where.append("job.phase <> 2 AND job.finished_at <= :finished_by")
        values["finished_by"] = now - query.finished_before
    if query.grouped:
        where.append("job.error IS :error AND job.exit_code IS :exit_code AND job.signal IS :signal")
        values |= {"error": query.error, "exit_code": query.exit_code, "signal": query.signal}
    return where, values


_TEXT = """
    instr(
        spec.id || char(10) || coalesce(spec.command, shown(spec.argv)) || char(10) || coalesce(job.error, ''), :text
    ) > 0
"""


def _offer_shown(db: apsw.Connection) -> None:
    """Let statements ask how people see a command that is a list."""
    import shlex  # for this one question

    def shown(*values: Any) -> str:
        return shlex.join(msgspec.json.decode(values[0]))

    db.create_scalar_function("shown", shown, 1, deterministic=True)
