"""Every statement by which leases are looked after and workers are kept, by name; `statements` has the others.

What is said there of literals, and of the order in which rows are locked, holds here.
"""

from __future__ import annotations

from queuectl_postgres.rows import JOB_COLUMNS, JOB_TABLES

LEASES = """
    SELECT spec.id, job.lease, job.cancel_requested
    FROM queuectl.job JOIN queuectl.spec ON spec.seq = job.seq
    WHERE job.phase = 2 AND job.worker = %s
    ORDER BY job.lease
"""

CANCELLING = """
    SELECT spec.id, job.lease
    FROM queuectl.job JOIN queuectl.spec ON spec.seq = job.seq
    WHERE job.phase = 2 AND job.cancel_requested AND job.worker = %s
"""

BEATING = """
    SELECT extract(epoch FROM clock_timestamp())::float8, worker.lease, worker.beat_at, worker.stop,
           spec.id, job.lease, job.cancel_requested
    FROM queuectl.worker
    LEFT JOIN (queuectl.job JOIN queuectl.spec ON spec.seq = job.seq) ON job.phase = 2 AND job.worker = worker.id
    WHERE worker.id = %s AND NOT worker.gone
    ORDER BY job.lease
"""

RECORDABLE = """
    SELECT job.seq, job.recorded_at
    FROM queuectl.job JOIN queuectl.spec ON spec.seq = job.seq
    WHERE job.phase = 2 AND job.worker = %s AND job.lease = %s AND spec.id = %s
    FOR NO KEY UPDATE OF job
"""

RECORD_START = "UPDATE queuectl.job SET recorded_at = %s, handle = %s, updated_at = %s WHERE seq = %s"

RECORD_HANDLE = "UPDATE queuectl.job SET handle = %s WHERE seq = %s"

ADD_WORKER = """
    INSERT INTO queuectl.worker (
        id, host, pid, role, supervisor, queues, concurrency, lease, started_at, beat_at
    )
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO NOTHING
"""

WORKER = "SELECT role, lease, beat_at FROM queuectl.worker WHERE id = %s AND NOT gone FOR NO KEY UPDATE"

WORKERS_HELD = """
    SELECT id, role, lease, beat_at FROM queuectl.worker
    WHERE id = ANY(%s::text[]) AND NOT gone
    ORDER BY id FOR NO KEY UPDATE
"""

IS_REGISTERED = "SELECT EXISTS (SELECT FROM queuectl.worker WHERE id = %s AND NOT gone)"

WORKERS = """
    SELECT worker.id, worker.host, worker.pid, worker.role, worker.supervisor, worker.queues, worker.concurrency,
           worker.lease, worker.started_at, worker.beat_at, worker.stop,
           ARRAY(
               SELECT spec.id FROM queuectl.job JOIN queuectl.spec ON spec.seq = job.seq
               WHERE job.phase = 2 AND job.worker = worker.id ORDER BY job.lease
           )
    FROM queuectl.worker WHERE NOT worker.gone
    ORDER BY worker.started_at, worker.number
"""

BEAT = "UPDATE queuectl.worker SET beat_at = %s WHERE id = %s AND NOT gone"

REQUEST_STOP = """
    UPDATE queuectl.worker SET stop = %s
    WHERE id = ANY(ARRAY(
        SELECT id FROM queuectl.worker
        WHERE id = ANY(%s::text[]) AND NOT gone AND stop IS DISTINCT FROM 'force'
        ORDER BY id FOR NO KEY UPDATE
    ))
"""

RETIRE = "DELETE FROM queuectl.worker WHERE id = %s"

GONE = "UPDATE queuectl.worker SET gone = true WHERE id = ANY(%s::text[])"

FORGET_GONE = """
    DELETE FROM queuectl.worker
    WHERE gone AND id NOT IN (
        SELECT origin_worker FROM queuectl.job WHERE phase = 2 AND origin_worker IS NOT NULL
    )
"""

INHERITED = f"""
    SELECT {JOB_COLUMNS}, job.handle, job.origin_lease, job.origin_worker
    FROM {JOB_TABLES}
    WHERE job.phase = 2 AND job.worker = %s AND job.origin_worker IS NOT NULL
    ORDER BY job.lease
"""

TAKEN = """
    SELECT seq FROM queuectl.job WHERE phase = 2 AND worker = ANY(%s::text[]) ORDER BY seq FOR NO KEY UPDATE
"""

TAKE_OVER = """
    UPDATE queuectl.job
    SET lease = nextval('queuectl.lease_seq'), worker = %(by)s, updated_at = %(now)s,
        origin_lease = coalesce(origin_lease, lease), origin_worker = coalesce(origin_worker, worker)
    WHERE seq = ANY(%(seqs)s::bigint[])
"""

GIVE_UP_DELIVERY = "UPDATE queuectl.consumer SET worker = NULL WHERE worker = ANY(%s::text[])"
