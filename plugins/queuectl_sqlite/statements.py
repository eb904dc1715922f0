"""Every statement that claims, settles, enqueues and keeps workers, by name.

The literals in `phase = 0` and the like are what lets SQLite use the partial indexes; `codes.py` has their names.
"""

from __future__ import annotations

from queuectl_sqlite.rows import JOB_COLUMNS, JOB_TABLES

# Numbers and counts

NEXT_LEASES = "UPDATE counter SET lease = lease + :wanted RETURNING lease"

NEXT_SEQS = "UPDATE counter SET seq = seq + :wanted RETURNING seq"

ADD_TO_COUNT = """
    INSERT INTO count (queue, state, jobs) VALUES (?, ?, ?)
    ON CONFLICT (queue, state) DO UPDATE SET jobs = jobs + excluded.jobs
"""

LIVE_IN_QUEUE = "SELECT coalesce(sum(jobs), 0) FROM count WHERE queue = ? AND state < 3"

COUNT = "SELECT jobs FROM count WHERE queue = ? AND state = ?"

COUNTS = """
    SELECT queue.name, count.state, count.jobs
    FROM count JOIN queue ON queue.id = count.queue WHERE count.jobs > 0
"""

COUNTED = """
    SELECT count.queue, count.state, count.jobs
    FROM count JOIN queue ON queue.id = count.queue WHERE count.jobs > 0 AND (:queue IS NULL OR queue.name = :queue)
"""

# Enqueueing

QUEUE_ID = "SELECT id FROM queue WHERE name = ?"

QUEUE_NAME = "SELECT name FROM queue WHERE id = ?"

ADD_QUEUE = "INSERT INTO queue (name) VALUES (?) RETURNING id"

ADD_JOB = """
    INSERT INTO job (seq, queue, priority, phase, state, at, since, created_at, updated_at, max_retries, unique_key,
                     limit_key)
    VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)
"""

ADD_SPEC = """
    INSERT INTO spec (seq, id, command, argv, run_at, timeout, cwd, env, tags, backoff, options, schedule, fire_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

ADD_TAG = "INSERT OR IGNORE INTO tag (tag, seq) VALUES (?, ?)"

ADD_FIRING = "INSERT INTO firing (schedule, fire_at) VALUES (?, ?)"

ID_TAKEN = "SELECT 1 FROM spec WHERE id = ?"

KEY_TAKEN = "SELECT 1 FROM job WHERE unique_key = ? AND state < 3"

FIRED = "SELECT 1 FROM firing WHERE schedule = ? AND fire_at = ?"

# Claiming

READY_QUEUES = """
    WITH RECURSIVE ready (queue) AS (
        SELECT min(queue) FROM job WHERE phase = 0
        UNION ALL
        SELECT (SELECT min(job.queue) FROM job WHERE job.phase = 0 AND job.queue > ready.queue)
        FROM ready WHERE ready.queue IS NOT NULL
    )
    SELECT queue.id, queue.max_jobs, queue.max_key,
           (SELECT priority FROM job WHERE phase = 0 AND job.queue = queue.id ORDER BY priority DESC, seq LIMIT 1),
           (SELECT seq FROM job WHERE phase = 0 AND job.queue = queue.id ORDER BY priority DESC, seq LIMIT 1)
    FROM ready JOIN queue ON queue.id = ready.queue
    WHERE NOT queue.paused
"""

READY_IN_QUEUE = """
    SELECT queue.id, queue.max_jobs, queue.max_key,
           (SELECT priority FROM job WHERE phase = 0 AND job.queue = queue.id ORDER BY priority DESC, seq LIMIT 1),
           (SELECT seq FROM job WHERE phase = 0 AND job.queue = queue.id ORDER BY priority DESC, seq LIMIT 1)
    FROM queue
    WHERE queue.name = ? AND NOT queue.paused AND EXISTS (SELECT 1 FROM job WHERE phase = 0 AND queue = queue.id)
"""

DUE_QUEUES = """
    WITH RECURSIVE due (queue) AS (
        SELECT min(queue) FROM job WHERE phase = 1
        UNION ALL
        SELECT (SELECT min(job.queue) FROM job WHERE job.phase = 1 AND job.queue > due.queue)
        FROM due WHERE due.queue IS NOT NULL
    )
    SELECT queue.id,
           (SELECT min(at) FROM job WHERE phase = 1 AND job.queue = queue.id AND at <= ?1),
           (SELECT min(at) FROM job WHERE phase = 1 AND job.queue = queue.id AND at > ?1),
           EXISTS (SELECT 1 FROM job WHERE phase = 1 AND job.queue = queue.id AND since > ?1)
    FROM due JOIN queue ON queue.id = due.queue
    WHERE NOT queue.paused
"""

DUE_IN_QUEUE = """
    SELECT queue.id,
           (SELECT min(at) FROM job WHERE phase = 1 AND job.queue = queue.id AND at <= ?1),
           (SELECT min(at) FROM job WHERE phase = 1 AND job.queue = queue.id AND at > ?1),
           EXISTS (SELECT 1 FROM job WHERE phase = 1 AND job.queue = queue.id AND since > ?1)
    FROM queue
    WHERE queue.name = ?2 AND NOT queue.paused
"""

PROMOTE = """
    UPDATE job SET phase = 0
    WHERE seq IN (SELECT seq FROM job WHERE phase = 1 AND queue = :queue AND at <= :now ORDER BY at LIMIT :limit)
"""

WAITING_AHEAD = "SELECT seq FROM job WHERE phase = 1 AND queue = :queue AND since > :now LIMIT :limit"

WAIT_ANEW = "UPDATE job SET at = at - since + :now, since = :now, updated_at = :now WHERE seq = :seq"

RUN_AT_ANEW = """
    UPDATE spec SET run_at = (SELECT at FROM job WHERE job.seq = spec.seq)
    WHERE seq = ? AND (SELECT state FROM job WHERE job.seq = spec.seq) = 0
"""

RUNNING_OF_KEY = "SELECT count(*) FROM job WHERE phase = 2 AND queue = ? AND limit_key = ? AND limit_key IS NOT NULL"

CLAIMABLE = f"""
    SELECT {JOB_COLUMNS}, job.seq, job.queue
    FROM {JOB_TABLES}
    WHERE job.phase = 0 AND job.queue = ?
    ORDER BY job.priority DESC, job.seq
"""

CLAIM = """
    UPDATE job
    SET phase = 2, state = 1, lease = ?, worker = ?, updated_at = ?
    WHERE seq = ?
"""

PARK = "UPDATE job SET phase = 5 WHERE seq = ?"

UNPARK = """
    UPDATE job SET phase = 0
    WHERE seq = (
        SELECT seq FROM job WHERE phase = 5 AND queue = ? AND limit_key = ?
        ORDER BY priority DESC, seq LIMIT 1
    )
"""

UNPARK_QUEUE = "UPDATE job SET phase = 0 WHERE phase = 5 AND queue = ?"

# Settling

LEASED = """
    SELECT job.lease, job.seq, job.queue, job.attempts, job.lost, job.cancel_requested, job.at, job.recorded_at,
           job.origin_worker, job.limit_key, queue.max_jobs
    FROM job CROSS JOIN queue ON queue.id = job.queue CROSS JOIN spec ON spec.seq = job.seq
    WHERE job.phase = 2 AND job.worker = ? AND job.lease = ? AND spec.id = ?
"""

SETTLE_RUN = """
    UPDATE job
    SET phase = ?, state = ?, at = ?, since = ?, updated_at = ?, attempts = ?, lost = ?,
        previous_delay = coalesce(?, previous_delay),
        runs = ?, started_at = ?, finished_at = ?, exit_code = ?, signal = ?, error = ?,
        recorded_at = NULL, handle = NULL, origin_lease = NULL, origin_worker = NULL
    WHERE seq = ?
"""

SETTLE_UNSTARTED = """
    UPDATE job
    SET phase = ?, state = ?, at = ?, since = ?, updated_at = ?, attempts = ?,
        previous_delay = coalesce(?, previous_delay),
        finished_at = coalesce(?, finished_at), error = coalesce(?, error),
        recorded_at = NULL, handle = NULL, origin_lease = NULL, origin_worker = NULL
    WHERE seq = ?
"""

CLEAR_RUN = """
    UPDATE job
    SET worker = NULL, started_at = NULL, finished_at = NULL, exit_code = NULL, signal = NULL, error = NULL
    WHERE seq = ?
"""

SET_RUN_AT = "UPDATE spec SET run_at = ? WHERE seq = ?"

ADD_ATTEMPT = """
    INSERT OR IGNORE INTO attempt (
        id, result, exit_code, signal, error, timed_out, cpu_time, peak_memory, pid, started_at,
        finished_at, worker, host, worker_pid, output_size, output_path, error_size, error_path
    )
    VALUES (? << 20 | ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

ADD_OUTPUT = "INSERT OR IGNORE INTO output (id, tail, error_tail) VALUES (? << 20 | ?, ?, ?)"

ADD_TO_ENDED = """
    INSERT INTO ended (second, completed, failed, run_time, wait_time) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (second) DO UPDATE
    SET completed = completed + excluded.completed, failed = failed + excluded.failed,
        run_time = run_time + excluded.run_time, wait_time = wait_time + excluded.wait_time
"""

FORGET_ENDED = "DELETE FROM ended WHERE second < ?"

JOB_AT = f"SELECT {JOB_COLUMNS}, job.seq FROM {JOB_TABLES} WHERE job.seq = ?"

# Leases and workers

LEASES = """
    SELECT spec.id, job.lease, job.cancel_requested
    FROM job CROSS JOIN spec ON spec.seq = job.seq
    WHERE job.phase = 2 AND job.worker = ?
    ORDER BY job.lease
"""

CANCELLING = """
    SELECT spec.id, job.lease
    FROM job CROSS JOIN spec ON spec.seq = job.seq
    WHERE job.phase = 2 AND job.cancel_requested = 1 AND job.worker = ?
"""

RECORDABLE = """
    SELECT job.seq, job.recorded_at
    FROM job CROSS JOIN spec ON spec.seq = job.seq
    WHERE job.phase = 2 AND job.worker = ? AND job.lease = ? AND spec.id = ?
"""

RECORD_START = "UPDATE job SET recorded_at = ?, handle = ?, updated_at = ? WHERE seq = ?"

RECORD_HANDLE = "UPDATE job SET handle = ? WHERE seq = ?"

ADD_WORKER = """
    INSERT OR IGNORE INTO worker (id, host, pid, role, supervisor, queues, concurrency, lease, started_at, beat_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

WORKER = "SELECT host, pid, role, lease, beat_at, stop FROM worker WHERE id = ? AND NOT gone"

INCARNATION = "SELECT host, pid FROM worker WHERE id = ?"

WORKERS = """
    SELECT id, host, pid, role, supervisor, queues, concurrency, lease, started_at, beat_at, stop
    FROM worker WHERE NOT gone
    ORDER BY started_at, rowid
"""

BEAT = "UPDATE worker SET beat_at = :now WHERE id = :worker AND abs(:now - beat_at) > lease / 6"

PROVE_ALIVE = "UPDATE worker SET beat_at = :now WHERE id = :worker"

REQUEST_STOP = "UPDATE worker SET stop = :mode WHERE id = :worker AND NOT gone AND stop IS NOT 'force'"

RETIRE = "DELETE FROM worker WHERE id = ?"

GONE = "UPDATE worker SET gone = 1 WHERE id = ?"

FORGET_GONE = """
    DELETE FROM worker
    WHERE gone AND id NOT IN (SELECT origin_worker FROM job WHERE phase = 2 AND origin_worker IS NOT NULL)
"""

TAKEN = "SELECT lease, seq FROM job WHERE phase = 2 AND worker = ? ORDER BY lease"

INHERITED = f"""
    SELECT {JOB_COLUMNS}, job.handle, job.origin_lease, job.origin_worker
    FROM {JOB_TABLES}
    WHERE job.phase = 2 AND job.worker = ? AND job.origin_worker IS NOT NULL
    ORDER BY job.lease
"""

TAKE_OVER = """
    UPDATE job
    SET lease = ?, worker = ?, updated_at = ?,
        origin_lease = coalesce(origin_lease, ?), origin_worker = coalesce(origin_worker, ?)
    WHERE seq = ?
"""

# Queues

QUEUES = "SELECT id, name, paused, max_jobs, max_key FROM queue ORDER BY name"

QUEUE = "SELECT id, name, paused, max_jobs, max_key FROM queue WHERE name = ?"

QUEUE_COUNTS = "SELECT state, jobs FROM count WHERE queue = ?"

SET_QUEUE = "UPDATE queue SET paused = ?, max_jobs = ?, max_key = ? WHERE id = ?"

# Events

ADD_EVENT = "INSERT INTO event (name, at, job, attempt, worker, queue) VALUES (?, ?, ?, ?, ?, ?)"

EVENTS = "SELECT id, name, at, job, attempt, worker, queue FROM event WHERE id > ? ORDER BY id LIMIT ?"

CONSUMER = "SELECT cursor, worker, since, until FROM consumer WHERE name = ?"

SET_CONSUMER = "INSERT OR REPLACE INTO consumer (name, cursor, worker, since, until) VALUES (?, ?, ?, ?, ?)"

GIVE_UP_DELIVERY = "UPDATE consumer SET worker = NULL WHERE worker = ?"

FORGET_CONSUMERS = """
    DELETE FROM consumer
    WHERE until < :before AND (SELECT at FROM event WHERE id > consumer.cursor ORDER BY id LIMIT 1) < :before
"""

FORGET_EVENTS = "DELETE FROM event WHERE id <= (SELECT min(cursor) FROM consumer)"

# Attempts

ATTEMPTS = """
    SELECT number, result, exit_code, signal, error, timed_out, cpu_time, peak_memory, pid, started_at, finished_at,
           worker, host, worker_pid, output_size, output_path
    FROM attempt
    WHERE id BETWEEN (SELECT seq << 20 FROM spec WHERE spec.id = ?1)
                 AND (SELECT seq << 20 | 0xFFFFF FROM spec WHERE spec.id = ?1)
    ORDER BY id
"""

OUTPUT = """
    SELECT output.tail, attempt.output_size, attempt.output_path,
           output.error_tail, attempt.error_size, attempt.error_path
    FROM attempt LEFT JOIN output ON output.id = attempt.id
    WHERE attempt.id = (SELECT seq << 20 | ?2 FROM spec WHERE spec.id = ?1)
"""

STATS = """
    SELECT cast((second - :start) / :step AS INTEGER) AS step,
           sum(completed), sum(failed), sum(run_time), sum(wait_time)
    FROM ended
    WHERE second >= :start AND second <= :end
    GROUP BY step
"""

OUTPUT_PATHS = """
    SELECT output_path, error_path FROM attempt
    WHERE id BETWEEN ?1 << 20 AND ?1 << 20 | 0xFFFFF
    ORDER BY id
"""

# Jobs by id

JOB_BY_ID = f"""
    SELECT {JOB_COLUMNS}, job.seq, job.queue
    FROM spec CROSS JOIN job ON job.seq = spec.seq CROSS JOIN queue ON queue.id = job.queue
    WHERE spec.id = ?
"""

IDS_FROM = "SELECT id FROM spec WHERE id >= :prefix AND id < :prefix || char(1114111) ORDER BY id LIMIT :limit"

# What people do to jobs

RETRY_FAILED = """
    UPDATE job SET at = :now, since = :now, phase = iif(phase = 3, 3, 0), updated_at = :now WHERE seq = :seq
"""

RETRY_ENDED = """
    UPDATE job
    SET state = 0, phase = 0, at = :now, since = :now, updated_at = :now, attempts = 0, lost = 0, cancel_requested = 0,
        previous_delay = NULL, worker = NULL, started_at = NULL, finished_at = NULL, exit_code = NULL, signal = NULL,
        error = NULL
    WHERE seq = :seq
"""

CANCEL_WAITING = "UPDATE job SET state = 5, phase = 4, updated_at = :now, finished_at = :now WHERE seq = :seq"

REQUEST_CANCEL = "UPDATE job SET cancel_requested = 1, updated_at = :now WHERE seq = :seq"

HOLD = "UPDATE job SET since = iif(phase IN (0, 5), at, since), phase = 3, updated_at = :now WHERE seq = :seq"

RELEASE = "UPDATE job SET phase = iif(at <= :now, 0, 1), updated_at = :now WHERE seq = :seq"

EDIT_JOB = """
    UPDATE job
    SET priority = coalesce(:priority, priority), max_retries = coalesce(:max_retries, max_retries), updated_at = :now,
        at = coalesce(:run_at, at), since = iif(:run_at IS NULL, since, NULL),
        phase = iif(:run_at IS NULL OR phase = 3, phase, iif(:run_at <= :now, 0, 1))
    WHERE seq = :seq
"""

EDIT_SPEC = """
    UPDATE spec
    SET run_at = coalesce(:run_at, run_at), timeout = coalesce(:timeout, timeout), backoff = coalesce(:backoff, backoff)
    WHERE seq = :seq
"""

SET_COMMAND = "UPDATE spec SET command = ?, argv = ? WHERE seq = ?"

SET_ENV = "UPDATE spec SET env = ? WHERE seq = ?"

SET_TAGS = "UPDATE spec SET tags = ? WHERE seq = ?"

REMOVE_TAGS = "DELETE FROM tag WHERE tag = ? AND seq = ?"

DELETE_JOB = (
    "DELETE FROM output WHERE id BETWEEN ?1 << 20 AND ?1 << 20 | 0xFFFFF",
    "DELETE FROM attempt WHERE id BETWEEN ?1 << 20 AND ?1 << 20 | 0xFFFFF",
    "DELETE FROM spec WHERE seq = ?",
    "DELETE FROM job WHERE seq = ?",
)
