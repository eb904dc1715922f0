"""Every statement for what people and consumers of events ask, by name. `queuectl` stands for our schema."""

from __future__ import annotations

from queuectl_postgres.rows import JOB_COLUMNS, JOB_TABLES

# News

MOMENT = "SELECT pg_current_snapshot()"

# Queues

COUNTS = """
    SELECT queue.name, count.state, sum(count.jobs)::bigint
    FROM queuectl.count JOIN queuectl.queue ON queue.id = count.queue
    WHERE count.state < 6
    GROUP BY queue.name, count.state
    HAVING sum(count.jobs) > 0
"""

COUNTED = """
    SELECT count.queue, count.state, sum(count.jobs)::bigint
    FROM queuectl.count JOIN queuectl.queue ON queue.id = count.queue
    WHERE count.state < 6 AND (%(queue)s::text IS NULL OR queue.name = %(queue)s)
    GROUP BY count.queue, count.state
    HAVING sum(count.jobs) > 0
"""

QUEUES = """
    SELECT queue.name, queue.paused, queue.max_jobs, queue.max_key,
           ARRAY(
               SELECT (SELECT coalesce(sum(jobs), 0)::bigint FROM queuectl.count
                       WHERE count.queue = queue.id AND count.state = code)
               FROM generate_series(0, 5) AS code ORDER BY code
           )
    FROM queuectl.queue
    WHERE %(name)s::text IS NULL OR queue.name = %(name)s
    ORDER BY queue.name
"""

SET_QUEUE = """
    UPDATE queuectl.queue
    SET paused = coalesce(%(paused)s::bool, paused),
        max_jobs = CASE WHEN %(limit)s::bigint IS NULL THEN max_jobs ELSE nullif(%(limit)s::bigint, 0) END,
        max_key = CASE WHEN %(key_limit)s::bigint IS NULL THEN max_key ELSE nullif(%(key_limit)s::bigint, 0) END
    WHERE id = %(queue)s
"""

# Events

IS_ANNOUNCED = "SELECT EXISTS (SELECT FROM queuectl.announced)"

NUMBER_EVENTS = """
    WITH taken AS (
        DELETE FROM queuectl.announced
        WHERE number IN (SELECT number FROM queuectl.announced ORDER BY number LIMIT %s)
        RETURNING number, name, at, job, attempt, worker, queue
    )
    INSERT INTO queuectl.event (name, at, job, attempt, worker, queue)
    SELECT name, at, job, attempt, worker, queue FROM taken ORDER BY number
"""

EVENTS = """
    SELECT id, name, at, job, attempt, worker, queue FROM queuectl.event WHERE id > %s ORDER BY id LIMIT %s
"""

ADD_CONSUMER = """
    INSERT INTO queuectl.consumer (name, cursor, worker, since, until) VALUES (%s, 0, NULL, 0, 0)
    ON CONFLICT (name) DO NOTHING
"""

CONSUMER = "SELECT cursor, worker, since, until FROM queuectl.consumer WHERE name = %s FOR NO KEY UPDATE"

SET_CONSUMER = "UPDATE queuectl.consumer SET cursor = %s, worker = %s, since = %s, until = %s WHERE name = %s"

FORGET_CONSUMERS = """
    DELETE FROM queuectl.consumer
    WHERE until < %(before)s
      AND (SELECT at FROM queuectl.event WHERE id > consumer.cursor ORDER BY id LIMIT 1) < %(before)s
"""

FORGET_EVENTS = "DELETE FROM queuectl.event WHERE id <= (SELECT min(cursor) FROM queuectl.consumer)"

# Attempts

ATTEMPTS = """
    SELECT number, result, exit_code, signal, error, timed_out, cpu_time, peak_memory, pid, started_at, finished_at,
           worker, host, worker_pid, output_size, output_path
    FROM queuectl.attempt
    WHERE job = (SELECT seq FROM queuectl.spec WHERE spec.id = %s)
    ORDER BY number
"""

OUTPUT = """
    SELECT output.tail, attempt.output_size, attempt.output_path,
           output.error_tail, attempt.error_size, attempt.error_path
    FROM queuectl.attempt LEFT JOIN queuectl.output ON output.job = attempt.job AND output.number = attempt.number
    WHERE attempt.job = (SELECT seq FROM queuectl.spec WHERE spec.id = %s) AND attempt.number = %s
"""

STATS = """
    SELECT trunc((second - %(start)s::float8) / %(step)s::float8)::bigint AS step,
           sum(completed)::bigint, sum(failed)::bigint, sum(run_time), sum(wait_time)
    FROM queuectl.ended
    WHERE second >= %(start)s::float8 AND second <= %(end)s::float8
    GROUP BY 1
"""

OUTPUT_PATHS = """
    SELECT output_path, error_path FROM queuectl.attempt
    WHERE job = ANY(%s::bigint[]) AND (output_path IS NOT NULL OR error_path IS NOT NULL)
    ORDER BY job, number
"""

FIRST_AND_LAST_SEQ = "SELECT min(seq), max(seq) FROM queuectl.job"

# Jobs by id

JOB_BY_ID = f"SELECT {JOB_COLUMNS} FROM {JOB_TABLES} WHERE spec.id = %s"

JOBS_BY_ID = f"""
    SELECT {JOB_COLUMNS}, job.seq, job.queue
    FROM {JOB_TABLES}
    WHERE spec.id = ANY(%s::text[])
    ORDER BY job.seq FOR NO KEY UPDATE OF job
"""

JOBS_HELD = f"""
    SELECT {JOB_COLUMNS}, job.seq, job.queue
    FROM {JOB_TABLES}
    WHERE job.seq = ANY(%s::bigint[])
    ORDER BY job.seq FOR NO KEY UPDATE OF job
"""

IDS_FROM = """
    SELECT id FROM queuectl.spec
    WHERE id >= %(prefix)s AND id < %(prefix)s || chr(1114111)
    ORDER BY id LIMIT %(limit)s
"""

# What people do to jobs; all of them for many at once

RETRY_FAILED = """
    UPDATE queuectl.job
    SET at = %(now)s, since = %(now)s, phase = CASE WHEN phase = 3 THEN 3 ELSE 0 END, updated_at = %(now)s
    WHERE seq = ANY(%(seqs)s::bigint[])
"""

RETRY_ENDED = """
    UPDATE queuectl.job
    SET state = 0, phase = 0, at = %(now)s, since = %(now)s, updated_at = %(now)s, attempts = 0, lost = 0,
        cancel_requested = false, previous_delay = NULL,
        worker = NULL, started_at = NULL, finished_at = NULL, exit_code = NULL, signal = NULL, error = NULL
    WHERE seq = ANY(%(seqs)s::bigint[])
"""

CLEAR_RUN_AT = "UPDATE queuectl.spec SET run_at = NULL WHERE seq = ANY(%(seqs)s::bigint[]) AND run_at IS NOT NULL"

CANCEL_WAITING = """
    UPDATE queuectl.job SET state = 5, phase = 4, updated_at = %(now)s, finished_at = %(now)s
    WHERE seq = ANY(%(seqs)s::bigint[])
"""

REQUEST_CANCEL = """
    UPDATE queuectl.job SET cancel_requested = true, updated_at = %(now)s WHERE seq = ANY(%(seqs)s::bigint[])
"""

HOLD = """
    UPDATE queuectl.job
    SET since = CASE WHEN phase IN (0, 5) THEN at ELSE since END, phase = 3, updated_at = %(now)s
    WHERE seq = ANY(%(seqs)s::bigint[])
"""

RELEASE = """
    UPDATE queuectl.job SET phase = CASE WHEN at <= %(now)s THEN 0 ELSE 1 END, updated_at = %(now)s
    WHERE seq = ANY(%(seqs)s::bigint[]) AND phase = 3
"""

EDIT_JOB = """
    UPDATE queuectl.job
    SET priority = coalesce(%(priority)s::bigint, priority),
        max_retries = coalesce(%(max_retries)s::bigint, max_retries), updated_at = %(now)s,
        at = coalesce(%(run_at)s::float8, at), since = CASE WHEN %(run_at)s::float8 IS NULL THEN since END,
        phase = CASE WHEN %(run_at)s::float8 IS NULL OR phase = 3 THEN phase
                     WHEN %(run_at)s::float8 <= %(now)s THEN 0 ELSE 1 END
    WHERE seq = ANY(%(seqs)s::bigint[])
"""

EDIT_SPEC = """
    UPDATE queuectl.spec
    SET run_at = coalesce(%(run_at)s::float8, run_at), timeout = coalesce(%(timeout)s::float8, timeout),
        backoff = coalesce(%(backoff)s::text, backoff)
    WHERE seq = ANY(%(seqs)s::bigint[])
"""

SET_COMMAND = "UPDATE queuectl.spec SET command = %(command)s, argv = %(argv)s WHERE seq = ANY(%(seqs)s::bigint[])"

SET_ENV = "UPDATE queuectl.spec SET env = %(env)s WHERE seq = ANY(%(seqs)s::bigint[])"

SET_TAGS = "UPDATE queuectl.spec SET tags = %(tags)s WHERE seq = ANY(%(seqs)s::bigint[])"

REMOVE_TAGS = "DELETE FROM queuectl.tag WHERE (tag, seq) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))"

ADD_TAGS = """
    INSERT INTO queuectl.tag (tag, seq) SELECT tag, seq FROM unnest(%s::text[]) AS tag, unnest(%s::bigint[]) AS seq
    ON CONFLICT (tag, seq) DO NOTHING
"""

DELETE_RUNS = (
    "DELETE FROM queuectl.output WHERE job = ANY(%(seqs)s::bigint[])",
    "DELETE FROM queuectl.attempt WHERE job = ANY(%(seqs)s::bigint[])",
)

DELETE_JOBS = (
    "DELETE FROM queuectl.spec WHERE seq = ANY(%(seqs)s::bigint[])",
    "DELETE FROM queuectl.job WHERE seq = ANY(%(seqs)s::bigint[])",
)

# Jobs of another store

ADOPT_JOBS = """
    WITH fresh AS MATERIALIZED (
        SELECT nextval('queuectl.job_seq') AS seq, moved.*
        FROM unnest(
            %(queue)s::int[], %(priority)s::bigint[], %(phase)s::smallint[], %(state)s::smallint[], %(at)s::float8[],
            %(created_at)s::float8[], %(updated_at)s::float8[], %(max_retries)s::bigint[], %(attempts)s::bigint[],
            %(runs)s::bigint[], %(lost)s::bigint[], %(worker)s::text[], %(started_at)s::float8[],
            %(finished_at)s::float8[], %(exit_code)s::bigint[], %(signal)s::bigint[], %(error)s::text[],
            %(previous_delay)s::float8[], %(unique_key)s::text[], %(limit_key)s::text[], %(id)s::text[],
            %(command)s::text[], %(argv)s::text[], %(run_at)s::float8[], %(timeout)s::float8[], %(cwd)s::text[],
            %(env)s::text[], %(tags)s::text[], %(backoff)s::text[], %(options)s::text[], %(schedule)s::text[],
            %(fire_at)s::float8[]
        ) AS moved (
            queue, priority, phase, state, at, created_at, updated_at, max_retries, attempts, runs, lost, worker,
            started_at, finished_at, exit_code, signal, error, previous_delay, unique_key, limit_key, id, command, argv,
            run_at, timeout, cwd, env, tags, backoff, options, schedule, fire_at
        )
    ), hot AS (
        INSERT INTO queuectl.job (
            seq, queue, priority, phase, state, at, created_at, updated_at, max_retries, attempts, runs, lost, worker,
            started_at, finished_at, exit_code, signal, error, previous_delay, unique_key, limit_key
        )
        SELECT seq, queue, priority, phase, state, at, created_at, updated_at, max_retries, attempts, runs, lost,
               worker, started_at, finished_at, exit_code, signal, error, previous_delay, unique_key, limit_key
        FROM fresh
    ), fired AS (
        INSERT INTO queuectl.firing (schedule, fire_at)
        SELECT schedule, fire_at FROM fresh WHERE schedule IS NOT NULL
        ON CONFLICT (schedule, fire_at) DO NOTHING
    ), tagged AS (
        INSERT INTO queuectl.tag (tag, seq)
        SELECT DISTINCT tag, seq FROM fresh, json_array_elements_text(tags::json) AS tag WHERE tags IS NOT NULL
    )
    INSERT INTO queuectl.spec (
        seq, id, command, argv, run_at, timeout, cwd, env, tags, backoff, options, schedule, fire_at
    )
    SELECT seq, id, command, argv, run_at, timeout, cwd, env, tags, backoff, options, schedule, fire_at FROM fresh
    RETURNING id, seq
"""
