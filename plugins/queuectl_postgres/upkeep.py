"""Upkeep: whether what is stored is sound."""

from __future__ import annotations

from collections.abc import Iterable

from queuectl import Result, Role, StopMode
from queuectl_postgres.link import Link


def _others_than(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} NOT IN ({listed})"


CHECKS = {
    "jobs without their command": """
        SELECT count(*) FROM queuectl.job WHERE NOT EXISTS (SELECT FROM queuectl.spec WHERE spec.seq = job.seq)
    """,
    "commands without their job": """
        SELECT count(*) FROM queuectl.spec WHERE NOT EXISTS (SELECT FROM queuectl.job WHERE job.seq = spec.seq)
    """,
    "attempts without their job": """
        SELECT count(*) FROM queuectl.attempt
        WHERE NOT EXISTS (SELECT FROM queuectl.job WHERE job.seq = attempt.job) AND NOT EXISTS (
            SELECT FROM queuectl.part WHERE pruned_at IS NOT NULL AND attempt.job >= first AND attempt.job < until
        )
    """,
    "outputs without their attempt": """
        SELECT count(*) FROM queuectl.output
        WHERE NOT EXISTS (
            SELECT FROM queuectl.attempt WHERE attempt.job = output.job AND attempt.number = output.number
        )
    """,
    "tags without their job": """
        SELECT count(*) FROM queuectl.tag WHERE NOT EXISTS (SELECT FROM queuectl.job WHERE job.seq = tag.seq)
    """,
    "jobs of no queue": """
        SELECT count(*) FROM queuectl.job WHERE NOT EXISTS (SELECT FROM queuectl.queue WHERE queue.id = job.queue)
    """,
    "jobs whose phase and state do not fit": """
        SELECT count(*) FROM queuectl.job WHERE (phase = 2) <> (state = 1) OR (phase = 4) <> (state >= 3)
    """,
    "jobs in a state or phase that does not exist": """
        SELECT count(*) FROM queuectl.job WHERE state NOT BETWEEN 0 AND 5 OR phase NOT BETWEEN 0 AND 5
    """,
    "jobs put aside for a limit key that nothing uses": """
        SELECT count(*) FROM queuectl.job AS parked
        WHERE phase = 5 AND NOT EXISTS (
            SELECT FROM queuectl.job
            WHERE job.queue = parked.queue AND job.limit_key = parked.limit_key AND job.phase IN (0, 2)
        )
    """,
    "leases of workers that are not registered": """
        SELECT count(*) FROM queuectl.job
        WHERE phase = 2 AND NOT EXISTS (SELECT FROM queuectl.worker WHERE worker.id = job.worker AND NOT worker.gone)
    """,
    "workers whose role or orders cannot be read": f"""
        SELECT count(*) FROM queuectl.worker WHERE {_others_than("role", Role)} OR {_others_than("stop", StopMode)}
    """,
    "attempts with an unknown result": f"""
        SELECT count(*) FROM queuectl.attempt WHERE {_others_than("result", Result)}
    """,
    "lease tokens above their counter": """
        SELECT count(*) FROM queuectl.job WHERE lease > (SELECT last_value FROM queuectl.lease_seq)
    """,
    "places in the enqueue order above their counter": """
        SELECT count(*) FROM queuectl.job WHERE seq > (SELECT last_value FROM queuectl.job_seq)
    """,
}
"""Each statement counts what must not be there."""

MISCOUNTED = """
    SELECT queue.name, state, coalesce(kept.jobs, 0), coalesce(found.jobs, 0)
    FROM (
        SELECT queue, state, sum(jobs)::bigint AS jobs FROM queuectl.count WHERE state < 6 GROUP BY queue, state
    ) AS kept
    FULL JOIN (SELECT queue, state, count(*) AS jobs FROM queuectl.job GROUP BY queue, state) AS found
        USING (queue, state)
    JOIN queuectl.queue ON queue.id = queue
    WHERE coalesce(kept.jobs, 0) <> coalesce(found.jobs, 0)
    ORDER BY queue.name, state
"""


COUNTED = "SELECT " + ", ".join(f"({statement})" for statement in CHECKS.values())
"""All of them in one go, as nothing of this is worth a way to the server of its own."""


def faults(link: Link) -> list[str]:
    """Return what is wrong, a line each; all of it is asked of one snapshot."""
    numbers = link.row(COUNTED) or ()
    found = [f"{number} {what}" for number, what in zip(numbers, CHECKS, strict=True) if number]
    for queue, state, kept, real in link.rows(MISCOUNTED):
        found.append(f"queue {queue!r}, state {state}: {kept} jobs are counted, {real} are there")
    return found
