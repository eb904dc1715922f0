"""Every statement that enqueues, claims and settles, by name. `queuectl` stands for our schema.

The literals in `phase = 0` and the like are what lets PostgreSQL use the partial indexes; `codes.py` has their names.
Rows are locked in one order, so that nobody waits in a circle: workers, jobs by `seq`, queues by id, counts. What is
locked with SKIP LOCKED waits for nobody.
"""

from __future__ import annotations

from queuectl_postgres.rows import JOB_COLUMNS, JOB_TABLES

# Transactions and numbers

NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

TIMELY = "set_config('idle_in_transaction_session_timeout', '20s', true)"
"""A worker that froze within a transaction would keep others waiting for its locks; it may lose that transaction."""

BEGUN = f"{NOW}, {TIMELY}"

BEGIN_READING = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {NOW}"

ADD_TO_COUNT = """
    INSERT INTO queuectl.count AS kept (queue, state, slot, jobs)
    SELECT queue, state, mod(pg_backend_pid(), 64), jobs
    FROM unnest(%s::int[], %s::smallint[], %s::bigint[]) AS moved (queue, state, jobs)
    ORDER BY queue, state
    ON CONFLICT (queue, state, slot) DO UPDATE SET jobs = kept.jobs + excluded.jobs
"""

ARRIVING = "SELECT pg_advisory_xact_lock_shared(%s, queue) FROM unnest(%s::int[]) AS queue ORDER BY queue"

DRAINING = "SELECT pg_try_advisory_xact_lock(%s, %s)"

LIVE_IN_QUEUE = "SELECT coalesce(sum(jobs), 0)::bigint FROM queuectl.count WHERE queue = %s AND state < 3"

DRAINED = """
    UPDATE queuectl.queue
    SET drained = come.jobs
    FROM (SELECT coalesce(sum(jobs), 0) AS jobs FROM queuectl.count WHERE queue = %(queue)s AND state = 6) AS come
    WHERE queue.id = %(queue)s AND come.jobs > queue.drained
      AND NOT EXISTS (SELECT FROM queuectl.count WHERE queue = %(queue)s AND state < 3 HAVING sum(jobs) <> 0)
    RETURNING name
"""

DRAINED_UNTOLD = """
    SELECT queue.id
    FROM queuectl.queue
    WHERE (SELECT coalesce(sum(jobs), 0) FROM queuectl.count WHERE count.queue = queue.id AND state = 6) > drained
      AND (SELECT coalesce(sum(jobs), 0) FROM queuectl.count WHERE count.queue = queue.id AND state < 3) = 0
"""

COUNT = "SELECT coalesce(sum(jobs), 0)::bigint FROM queuectl.count WHERE queue = %s AND state = %s"

NOTIFY = "SELECT pg_notify(channel, %s) FROM unnest(%s::text[]) AS channel"

# Enqueueing

QUEUE_IDS = "SELECT name, id FROM queuectl.queue WHERE name = ANY(%s::text[])"

ADD_QUEUES = """
    INSERT INTO queuectl.queue (name) SELECT name FROM unnest(%s::text[]) AS name ORDER BY name
    ON CONFLICT (name) DO NOTHING
"""

QUEUE_NAME = "SELECT name FROM queuectl.queue WHERE id = %s"

NEW_JOB = {
    "queue": "int", "priority": "bigint", "phase": "smallint", "at": "float8", "since": "float8",
    "max_retries": "bigint", "unique_key": "text", "limit_key": "text", "command": "text", "argv": "text",
    "run_at": "float8", "timeout": "float8", "cwd": "text", "env": "text", "tags": "text", "backoff": "text",
    "options": "text", "schedule": "text", "fire_at": "float8",
}  # fmt: skip
"""What is told of each new job beside its id. What is the same for all goes once, beside an empty array, since to read
so many arrays takes the server longer than to store the jobs."""

_names = ", ".join(NEW_JOB)
_arrays = ", ".join(f"%({name})s::{kind}[]" for name, kind in NEW_JOB.items())
_own_or_same = ", ".join(f"coalesce(new.{name}, %(same_{name})s::{kind}) AS {name}" for name, kind in NEW_JOB.items())

ADD_JOBS = f"""
    WITH fresh AS MATERIALIZED (
        SELECT nextval('queuectl.job_seq') AS seq, new.id, {_own_or_same}
        FROM unnest(%(id)s::text[], {_arrays}) AS new (id, {_names})
    ), hot AS (
        INSERT INTO queuectl.job (
            seq, queue, priority, phase, state, at, since, created_at, updated_at, max_retries, unique_key, limit_key
        )
        SELECT seq, queue, priority, phase, 0, at, since, %(now)s, %(now)s, max_retries, unique_key, limit_key
        FROM fresh
    ), fired AS (
        INSERT INTO queuectl.firing (schedule, fire_at)
        SELECT schedule, fire_at FROM fresh WHERE schedule IS NOT NULL
    ), tagged AS (
        INSERT INTO queuectl.tag (tag, seq)
        SELECT DISTINCT tag, seq FROM fresh, json_array_elements_text(tags::json) AS tag WHERE tags IS NOT NULL
    )
    INSERT INTO queuectl.spec (
        seq, id, command, argv, run_at, timeout, cwd, env, tags, backoff, options, schedule, fire_at
    )
    SELECT seq, id, command, argv, run_at, timeout, cwd, env, tags, backoff, options, schedule, fire_at FROM fresh
"""

IDS_TAKEN = "SELECT id FROM queuectl.spec WHERE id = ANY(%s::text[])"

KEYS_TAKEN = "SELECT unique_key FROM queuectl.job WHERE unique_key = ANY(%s::text[]) AND state < 3"

FIRED = """
    SELECT schedule, fire_at FROM queuectl.firing
    WHERE (schedule, fire_at) IN (SELECT * FROM unnest(%s::text[], %s::float8[]))
"""

# Claiming

HEADS = """
    SELECT queue.id, queue.max_jobs, queue.max_key, ready.priority, ready.seq,
           (SELECT min(at) FROM queuectl.job WHERE phase = 1 AND job.queue = queue.id AND at <= now.at),
           (SELECT min(at) FROM queuectl.job WHERE phase = 1 AND job.queue = queue.id AND at > now.at),
           coalesce((SELECT max(since) FROM queuectl.job WHERE phase = 1 AND job.queue = queue.id) > now.at, false)
    FROM queuectl.queue
    CROSS JOIN (
        SELECT coalesce(%(now)s::float8, extract(epoch FROM statement_timestamp())::float8) AS at
    ) AS now
    LEFT JOIN LATERAL (
        SELECT priority, seq FROM queuectl.job
        WHERE phase = 0 AND job.queue = queue.id
        ORDER BY priority DESC, seq LIMIT 1
    ) AS ready ON true
    WHERE NOT queue.paused AND (%(queues)s::text[] IS NULL OR queue.name = ANY(%(queues)s))
    ORDER BY queue.id
"""
"""Least and greatest are asked for, not whether there is any: then the server takes the index also while it does not
know yet how many jobs there are."""

PROMOTE = """
    UPDATE queuectl.job SET phase = 0
    WHERE seq = ANY(ARRAY(
        SELECT seq FROM queuectl.job WHERE phase = 1 AND queue = %(queue)s AND at <= %(now)s
        ORDER BY at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    ))
"""

WAIT_ANEW = """
    WITH anew AS (
        UPDATE queuectl.job SET at = at - since + %(now)s, since = %(now)s, updated_at = %(now)s
        WHERE seq = ANY(ARRAY(
            SELECT seq FROM queuectl.job WHERE phase = 1 AND queue = %(queue)s AND since > %(now)s
            LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
        ))
        RETURNING seq, at, state
    ), told AS (
        UPDATE queuectl.spec SET run_at = anew.at FROM anew WHERE spec.seq = anew.seq AND anew.state = 0
    )
    SELECT count(*) FROM anew
"""

LIMITS = """
    SELECT id, max_jobs, max_key FROM queuectl.queue
    WHERE id = ANY(%s::int[]) AND (max_jobs IS NOT NULL OR max_key IS NOT NULL)
    ORDER BY id FOR NO KEY UPDATE
"""

ALL_LIMITS = """
    SELECT id FROM queuectl.queue
    WHERE max_jobs IS NOT NULL OR max_key IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE
"""

RUNNING_OF_KEYS = """
    SELECT limit_key, count(*) FROM queuectl.job
    WHERE phase = 2 AND queue = %s AND limit_key = ANY(%s::text[]) AND limit_key IS NOT NULL
    GROUP BY limit_key
"""

CLAIMABLE = f"""
    SELECT {JOB_COLUMNS}, job.seq, job.queue
    FROM (
        SELECT * FROM queuectl.job
        WHERE phase = 0 AND queue = %(queue)s AND seq <> ALL(%(passed)s::bigint[])
        ORDER BY priority DESC, seq LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    ) AS job
    JOIN queuectl.spec ON spec.seq = job.seq
    JOIN queuectl.queue ON queue.id = job.queue
    ORDER BY job.priority DESC, job.seq
"""

_LEASED = f"""
    SELECT {JOB_COLUMNS}, job.seq, job.queue, job.before
    FROM leased AS job
    JOIN queuectl.spec ON spec.seq = job.seq
    JOIN queuectl.queue ON queue.id = job.queue
"""


def _best_leased(queue: str, now: str) -> str:
    """Return what leases the best jobs of a queue: nothing is to be decided between.

    What is found goes through an array: one, the server thinks, is short. Of a limit that it does not know yet it
    thinks that it is a tenth of the table, for which it would read all of it.
    """
    return f"""
    best AS (
        SELECT pair >> 3 AS seq, pair & 7 AS state FROM unnest(ARRAY(
            SELECT seq << 3 | state FROM queuectl.job
            WHERE phase = 0 AND queue = {queue}
            ORDER BY priority DESC, seq LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
        )) AS pair
    ), leased AS (
        UPDATE queuectl.job
        SET phase = 2, state = 1, lease = nextval('queuectl.lease_seq'), worker = %(worker)s, updated_at = {now}
        FROM best
        WHERE job.seq = best.seq
        RETURNING job.*, best.state AS before
    )
    """


CLAIM_BEST = f"""
    WITH {_best_leased("%(queue)s", "%(now)s")}
    {_LEASED}
    ORDER BY job.priority DESC, job.seq
"""
"""CLAIMABLE and CLAIM in one, for a queue without limits."""

CLAIM_AT_ONCE = f"""
    WITH moment AS MATERIALIZED (
        SELECT coalesce(%(now)s::float8, extract(epoch FROM statement_timestamp())::float8) AS at,
               EXISTS (SELECT FROM queuectl.worker WHERE id = %(worker)s AND NOT gone) AS is_known
    ), head (id, max_jobs, max_key, priority, seq, due_at, later_at, is_ahead) AS MATERIALIZED (
        {HEADS}
    ), lone AS MATERIALIZED (
        SELECT min(id) FILTER (WHERE seq IS NOT NULL) AS queue, (SELECT at FROM moment) AS at
        FROM head
        HAVING count(seq) = 1
           AND bool_and(due_at IS NULL AND NOT is_ahead AND (seq IS NULL OR coalesce(max_jobs, max_key) IS NULL))
    ), claimant AS MATERIALIZED (
        SELECT lease, beat_at, {TIMELY} FROM queuectl.worker
        WHERE id = %(worker)s AND NOT gone AND EXISTS (SELECT FROM lone WHERE %(limit)s::bigint > 0)
        FOR NO KEY UPDATE
    ), {_best_leased("(SELECT queue FROM lone WHERE EXISTS (SELECT FROM claimant))", "(SELECT at FROM lone)")}
    , counted AS (
        INSERT INTO queuectl.count AS kept (queue, state, slot, jobs)
        SELECT queue, state, mod(pg_backend_pid(), 64), sum(jobs)
        FROM (
            SELECT queue, before, -1 FROM leased UNION ALL SELECT queue, 1, 1 FROM leased
        ) AS moved (queue, state, jobs)
        GROUP BY queue, state ORDER BY queue, state
        ON CONFLICT (queue, state, slot) DO UPDATE SET jobs = kept.jobs + excluded.jobs
    ), proven AS (
        UPDATE queuectl.worker SET beat_at = lone.at
        FROM lone, claimant
        WHERE worker.id = %(worker)s AND abs(lone.at - claimant.beat_at) > claimant.lease / 6
          AND EXISTS (SELECT FROM leased)
    )
    SELECT moment.*, head.*, claimed.*
    FROM moment CROSS JOIN head LEFT JOIN ({_LEASED}) AS claimed ON claimed.queue = head.id
    ORDER BY head.id, claimed.priority DESC, claimed.seq
"""
"""HEADS and, where but one queue has something ready and nothing is to be decided, all of a claim.

Its worker is locked before any job, as in every exchange, and only if there is a job: who finds nothing writes nothing.
"""

CLAIM = """
    UPDATE queuectl.job
    SET phase = 2, state = 1, lease = numbered.lease, worker = %(worker)s, updated_at = %(now)s
    FROM (SELECT seq, nextval('queuectl.lease_seq') AS lease FROM unnest(%(seqs)s::bigint[]) AS seq) AS numbered
    WHERE job.seq = numbered.seq
    RETURNING job.seq, job.lease
"""

PARK = "UPDATE queuectl.job SET phase = 5 WHERE seq = ANY(%s::bigint[])"

UNPARK = """
    UPDATE queuectl.job SET phase = 0
    WHERE seq = (
        SELECT seq FROM queuectl.job WHERE phase = 5 AND queue = %s AND limit_key = %s
        ORDER BY priority DESC, seq LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    )
"""

UNPARK_QUEUE = "UPDATE queuectl.job SET phase = 0 WHERE phase = 5 AND queue = %s"

# Settling

LEASED = """
    SELECT job.lease, job.seq, job.queue, job.attempts, job.lost, job.cancel_requested, job.at, job.recorded_at,
           coalesce(job.origin_worker, job.worker), coalesce(runner.host, ''), coalesce(runner.pid, 0),
           job.limit_key, queue.max_jobs, queue.max_key
    FROM unnest(%s::text[], %s::bigint[], %s::text[]) AS told (worker, lease, id)
    JOIN queuectl.job ON job.phase = 2 AND job.worker = told.worker AND job.lease = told.lease
    JOIN queuectl.spec ON spec.seq = job.seq AND spec.id = told.id
    JOIN queuectl.queue ON queue.id = job.queue
    LEFT JOIN queuectl.worker AS runner ON runner.id = coalesce(job.origin_worker, job.worker)
    ORDER BY job.seq FOR NO KEY UPDATE OF job
"""

SETTLE = """
    WITH ended AS MATERIALIZED (
        SELECT *
        FROM unnest(
            %(seq)s::bigint[], %(phase)s::smallint[], %(state)s::smallint[], %(at)s::float8[], %(since)s::float8[],
            %(attempts)s::bigint[], %(lost)s::bigint[], %(previous_delay)s::float8[], %(error)s::text[],
            %(finished_at)s::float8[], %(number)s::bigint[], %(result)s::text[], %(exit_code)s::bigint[],
            %(signal)s::bigint[], %(run_error)s::text[], %(timed_out)s::bool[], %(cpu_time)s::float8[],
            %(peak_memory)s::bigint[], %(pid)s::bigint[], %(started_at)s::float8[], %(worker)s::text[],
            %(host)s::text[], %(worker_pid)s::bigint[], %(output_size)s::bigint[], %(output_path)s::text[],
            %(error_size)s::bigint[], %(error_path)s::text[], %(waited)s::float8[]
        ) AS ended (
            seq, phase, state, at, since, attempts, lost, previous_delay, error, finished_at, number, result, exit_code,
            signal, run_error, timed_out, cpu_time, peak_memory, pid, started_at, worker, host, worker_pid, output_size,
            output_path, error_size, error_path, waited
        )
    ), settled AS (
        UPDATE queuectl.job
        SET phase = ended.phase, state = ended.state, at = ended.at, since = ended.since, updated_at = %(now)s,
            attempts = ended.attempts, lost = ended.lost,
            previous_delay = coalesce(ended.previous_delay, job.previous_delay),
            runs = coalesce(ended.number, job.runs),
            worker = CASE WHEN ended.state = 0 THEN NULL ELSE job.worker END,
            started_at = CASE WHEN ended.state <> 0 THEN coalesce(ended.started_at, job.started_at) END,
            finished_at = CASE WHEN ended.state <> 0 THEN coalesce(ended.finished_at, job.finished_at) END,
            exit_code = CASE WHEN ended.state = 0 THEN NULL
                             WHEN ended.number IS NULL THEN job.exit_code ELSE ended.exit_code END,
            signal = CASE WHEN ended.state = 0 THEN NULL
                          WHEN ended.number IS NULL THEN job.signal ELSE ended.signal END,
            error = CASE WHEN ended.state = 0 THEN NULL
                         WHEN ended.number IS NULL THEN coalesce(ended.error, job.error) ELSE ended.error END,
            recorded_at = NULL, handle = NULL, origin_lease = NULL, origin_worker = NULL
        FROM ended
        WHERE job.seq = ended.seq
    ), kept AS (
        INSERT INTO queuectl.attempt (
            job, number, result, exit_code, signal, error, timed_out, cpu_time, peak_memory, pid, started_at,
            finished_at, worker, host, worker_pid, output_size, output_path, error_size, error_path
        )
        SELECT seq, number, result, exit_code, signal, run_error, timed_out, cpu_time, peak_memory, pid, started_at,
               finished_at, worker, host, worker_pid, output_size, output_path, error_size, error_path
        FROM ended WHERE number IS NOT NULL
        ON CONFLICT (job, number) DO NOTHING
    )
    INSERT INTO queuectl.ended AS sums (second, slot, completed, failed, run_time, wait_time)
    SELECT floor(finished_at)::bigint AS second, mod(pg_backend_pid(), 64),
           count(*) FILTER (WHERE result = 'completed'), count(*) FILTER (WHERE result IN ('failed', 'lost')),
           sum(finished_at - started_at), sum(waited)
    FROM ended WHERE number IS NOT NULL
    GROUP BY 1 ORDER BY 1
    ON CONFLICT (second, slot) DO UPDATE
    SET completed = sums.completed + excluded.completed, failed = sums.failed + excluded.failed,
        run_time = sums.run_time + excluded.run_time, wait_time = sums.wait_time + excluded.wait_time
"""
"""Jobs, their attempts and the sums in one: to begin a statement takes longer than to write some rows with it. A claim
that never ran has no `number`."""

SET_RUN_AT = """
    UPDATE queuectl.spec SET run_at = told.run_at
    FROM unnest(%s::bigint[], %s::float8[]) AS told (seq, run_at) WHERE spec.seq = told.seq
"""

ADD_ATTEMPTS = """
    INSERT INTO queuectl.attempt (
        job, number, result, exit_code, signal, error, timed_out, cpu_time, peak_memory, pid, started_at,
        finished_at, worker, host, worker_pid, output_size, output_path, error_size, error_path
    )
    SELECT * FROM unnest(
        %(job)s::bigint[], %(number)s::bigint[], %(result)s::text[], %(exit_code)s::bigint[], %(signal)s::bigint[],
        %(error)s::text[], %(timed_out)s::bool[], %(cpu_time)s::float8[], %(peak_memory)s::bigint[],
        %(pid)s::bigint[], %(started_at)s::float8[], %(finished_at)s::float8[], %(worker)s::text[],
        %(host)s::text[], %(worker_pid)s::bigint[], %(output_size)s::bigint[], %(output_path)s::text[],
        %(error_size)s::bigint[], %(error_path)s::text[]
    )
    ON CONFLICT (job, number) DO NOTHING
"""

ADD_OUTPUTS = """
    INSERT INTO queuectl.output (job, number, tail, error_tail)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %b::bytea[], %b::bytea[])
    ON CONFLICT (job, number) DO NOTHING
"""

ADD_OUTPUT = """
    INSERT INTO queuectl.output (job, number, tail, error_tail) VALUES (%s, %s, %b, %b)
    ON CONFLICT (job, number) DO NOTHING
"""

FORGET_ENDED = "DELETE FROM queuectl.ended WHERE second < %s"

JOBS_AT = f"SELECT {JOB_COLUMNS}, job.seq FROM {JOB_TABLES} WHERE job.seq = ANY(%s::bigint[])"

# Events

ADD_EVENTS = """
    INSERT INTO queuectl.announced (name, at, job, attempt, worker, queue)
    SELECT name, %s, job, attempt, worker, queue
    FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[]) AS new (name, job, attempt, worker, queue)
"""
