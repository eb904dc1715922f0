"""The tables, their indexes, and how an older schema becomes a newer one.

`queuectl` stands for the schema's real name throughout. There are no foreign keys: each would be a look-up for every
row that is written, and a lock on the row that is pointed to; `check` finds what does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

CREATE = """
-- Which version the tables have, and the oldest version of the code that may still use them.
CREATE TABLE queuectl.version (
    version integer NOT NULL,
    usable_by integer NOT NULL
);

CREATE SEQUENCE queuectl.job_seq;    -- places in the enqueue order
CREATE SEQUENCE queuectl.lease_seq;  -- lease tokens

CREATE TABLE queuectl.queue (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text COLLATE "C" NOT NULL UNIQUE,
    paused   boolean NOT NULL DEFAULT false,
    max_jobs bigint,                          -- how many may run at once; NULL: any number
    max_key  bigint,                          -- how many of one limit_key may run at once
    drained  bigint NOT NULL DEFAULT 0        -- how many jobs had come when its end was told last
);

-- Kept in the transaction of every change of state, so that nothing ever counts jobs: the sum over all slots. Each
-- connection has a slot, else all transactions of a queue would wait for each other's commit. State 6 counts what came.
-- Rows stay in their page when they are updated (HOT), which needs room: half of each page.
CREATE TABLE queuectl.count (
    queue integer NOT NULL,
    state smallint NOT NULL,
    slot  smallint NOT NULL,
    jobs  bigint NOT NULL,
    PRIMARY KEY (queue, state, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0.1);

-- The hot row: all that claiming and settling touch, and nothing long. `codes.py` has the numbers of phase and state.
-- A job is written three times in its life: the room that is left in each page lets the old rows of a page be taken
-- away by whoever comes by next, without a vacuum. And that comes early: at 1 % of old rows and not at 20 %, since the
-- claims of all workers walk past what it has not taken away.
CREATE TABLE queuectl.job (
    seq              bigint PRIMARY KEY,      -- the enqueue order
    queue            integer NOT NULL,
    priority         bigint NOT NULL,
    phase            smallint NOT NULL,
    state            smallint NOT NULL,
    at               double precision NOT NULL,  -- from when on it is, or was, claimable
    since            double precision,        -- when a wait that has a length began; NULL: the moment was named
    created_at       double precision NOT NULL,
    updated_at       double precision NOT NULL,
    max_retries      bigint NOT NULL,
    attempts         bigint NOT NULL DEFAULT 0,
    runs             bigint NOT NULL DEFAULT 0,
    lost             bigint NOT NULL DEFAULT 0,
    lease            bigint NOT NULL DEFAULT 0,
    cancel_requested boolean NOT NULL DEFAULT false,
    worker           text,
    recorded_at      double precision,        -- when the run of this lease began, as far as it was recorded
    started_at       double precision,        -- of the last run that ended, as are the next four
    finished_at      double precision,
    exit_code        bigint,
    signal           bigint,
    error            text,
    previous_delay   double precision,
    unique_key       text,
    limit_key        text,
    handle           text,                    -- what runs, as the executor named it
    origin_lease     bigint,                  -- set by a take-over: the lease under which the run began
    origin_worker    text
) WITH (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0
);

-- HEADS, CLAIMABLE: the best ready jobs of a queue.
CREATE INDEX job_ready ON queuectl.job (queue, priority DESC, seq) WHERE phase = 0;
-- HEADS, PROMOTE: what became due in a queue, and when the next does.
CREATE INDEX job_due ON queuectl.job (queue, at) WHERE phase = 1;
-- HEADS, WAIT_ANEW: what began to wait later than now, because the clock was set back.
CREATE INDEX job_waiting ON queuectl.job (queue, since) WHERE phase = 1 AND since IS NOT NULL;
-- LEASED, LEASES, TAKEN: one lease of a worker, or all.
CREATE INDEX job_leased ON queuectl.job (worker, lease) WHERE phase = 2;
-- RUNNING_OF_KEYS: how many jobs of a limit key run. Holds only jobs that have one.
CREATE INDEX job_key_leased ON queuectl.job (queue, limit_key) WHERE phase = 2 AND limit_key IS NOT NULL;
-- UNPARK: the next job to be made ready when one of its key leaves.
CREATE INDEX job_key_parked ON queuectl.job (queue, limit_key, priority DESC, seq) WHERE phase = 5;
-- lanes in `selecting.py`: jobs of a queue and state, newest or oldest first. Leased ones are few, and change too often
-- to be here.
CREATE INDEX job_listed ON queuectl.job (queue, state, seq) WHERE phase <> 2;
-- lanes in `selecting.py`: jobs that a person keeps back.
CREATE INDEX job_held ON queuectl.job (queue, state, seq) WHERE phase = 3;
-- `selecting.finished`: what ended first, for retention.
CREATE INDEX job_finished ON queuectl.job (state, finished_at, seq) WHERE phase = 4;
-- A unique key is held in every live state, so that no retry or take-over can run into it.
CREATE UNIQUE INDEX job_unique_key ON queuectl.job (unique_key) WHERE state < 3 AND unique_key IS NOT NULL;

-- What was asked for; written once, and again only when a person edits the job.
CREATE TABLE queuectl.spec (
    seq      bigint PRIMARY KEY,
    id       text COLLATE "C" NOT NULL UNIQUE,
    command  text,                            -- one line for the shell
    argv     text,                            -- or a JSON array to execute as it is
    run_at   double precision,
    timeout  double precision,
    cwd      text,
    env      text,                            -- JSON, as are tags, backoff and options
    tags     text,
    backoff  text,
    options  text,
    schedule text,
    fire_at  double precision
);

-- `selecting.py`: jobs with a tag.
CREATE TABLE queuectl.tag (
    tag text NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (tag, seq)
);

-- Each firing of a schedule happens once, also after its job is deleted.
CREATE TABLE queuectl.firing (
    schedule text NOT NULL,
    fire_at  double precision NOT NULL,
    PRIMARY KEY (schedule, fire_at)
);

-- A run that ended.
CREATE TABLE queuectl.attempt (
    job         bigint NOT NULL,              -- its seq
    number      bigint NOT NULL,
    result      text NOT NULL,
    exit_code   bigint,
    signal      bigint,
    error       text,
    timed_out   boolean NOT NULL,
    cpu_time    double precision,
    peak_memory bigint,
    pid         bigint,
    started_at  double precision NOT NULL,
    finished_at double precision NOT NULL,
    worker      text NOT NULL,
    host        text NOT NULL,
    worker_pid  bigint NOT NULL,
    output_size bigint NOT NULL,
    output_path text,
    error_size  bigint NOT NULL,
    error_path  text,
    PRIMARY KEY (job, number)
);

-- The last bytes that a run wrote, apart from the rest because they may be long. No row: it wrote nothing.
CREATE TABLE queuectl.output (
    job        bigint NOT NULL,
    number     bigint NOT NULL,
    tail       bytea NOT NULL,
    error_tail bytea,
    PRIMARY KEY (job, number)
);

-- What ended in each second of the last days: to add up attempts would take longer the more of them there are. Slots as
-- in `count`.
CREATE TABLE queuectl.ended (
    second    bigint NOT NULL,
    slot      smallint NOT NULL,
    completed bigint NOT NULL,
    failed    bigint NOT NULL,
    run_time  double precision NOT NULL,      -- sums in seconds
    wait_time double precision NOT NULL,
    PRIMARY KEY (second, slot)
) WITH (fillfactor = 50);

CREATE TABLE queuectl.worker (
    id          text PRIMARY KEY,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    host        text NOT NULL,
    pid         bigint NOT NULL,
    role        text NOT NULL,
    supervisor  text,
    queues      text,                         -- JSON; NULL: all
    concurrency bigint NOT NULL,
    lease       double precision NOT NULL,
    started_at  double precision NOT NULL,
    beat_at     double precision NOT NULL,
    stop        text,
    gone        boolean NOT NULL DEFAULT false  -- taken over; kept while a run that it began is not settled
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 200);

-- The outbox has two trays. What happens is put down in the first, by any number of transactions at once, and so in no
-- order that a reader could rely on. Who reads moves it on to the second, one at a time, and only there it gets an id.
CREATE TABLE queuectl.announced (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL,
    at      double precision NOT NULL,
    job     text,                             -- JSON: the job as it was right after the transition
    attempt bigint,
    worker  text,
    queue   text
);

CREATE TABLE queuectl.event (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL,
    at      double precision NOT NULL,
    job     text,
    attempt bigint,
    worker  text,
    queue   text
);

CREATE TABLE queuectl.consumer (
    name   text PRIMARY KEY,
    cursor bigint NOT NULL,
    worker text,                              -- who has the right to deliver
    since  double precision NOT NULL,         -- and from when
    until  double precision NOT NULL          -- to when
);

INSERT INTO queuectl.version (version, usable_by) VALUES (1, 1);
"""


class Migration:
    """A step to the next version: a script, and the oldest version of the code that may go on using the result.

    Workers of the version before run on meanwhile and afterwards, so a script only adds what these can pass over. What
    they could not is left to a later version, by which they are gone.
    """

    def __init__(self, script: str, usable_by: int) -> None:
        self.script = script
        self.usable_by = usable_by


def _granted(like: str, table: str) -> str:
    """Return what lets everybody do to a new table what they may do to another one: a migration takes no rights."""
    return f"""
DO $$
DECLARE
    right_to record;
BEGIN
    FOR right_to IN
        SELECT privilege_type AS what, grantee
        FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid = 'queuectl.{like}'::regclass AND grantee <> relowner
    LOOP
        EXECUTE format(
            'GRANT %s ON queuectl.{table} TO %s', right_to.what,
            CASE right_to.grantee WHEN 0 THEN 'PUBLIC' ELSE right_to.grantee::regrole::text END
        );
    END LOOP;
END
$$
"""


# Attempts and outputs are partitioned by ranges of jobs, see `partitions.py`. The tables that are there are the first
# range, so that nothing is copied. That they hold nothing beyond it is proved before, while others write: proved when
# they are attached it would keep all waiting. A range has room for what is enqueued meanwhile.
BOUND = """
DO $$
DECLARE
    bound bigint;
BEGIN
    SELECT last_value + CASE WHEN EXISTS (SELECT FROM queuectl.attempt) THEN 1000000 ELSE 100000 END
    INTO bound FROM queuectl.job_seq;
    EXECUTE format('ALTER TABLE queuectl.attempt ADD CONSTRAINT in_first CHECK (job < %s) NOT VALID', bound);
    EXECUTE format('ALTER TABLE queuectl.output ADD CONSTRAINT in_first CHECK (job < %s) NOT VALID', bound);
    CREATE TABLE queuectl.part (
        first     bigint PRIMARY KEY,         -- the tables `attempt_first` and `output_first`: jobs from here on
        until     bigint NOT NULL,            -- and up to here, not included
        pruned_at double precision,           -- when the last job was forgotten whose attempts were left there
        swept     bigint NOT NULL,            -- up to where they were deleted row by row since
        tried_at  double precision            -- when it could not be dropped, since somebody was reading
    ) WITH (fillfactor = 50);
    INSERT INTO queuectl.part (first, until, swept) VALUES (0, bound, 0);
END
$$;
""" + _granted("attempt", "part")

PROVE = """
ALTER TABLE queuectl.attempt VALIDATE CONSTRAINT in_first;
ALTER TABLE queuectl.output VALIDATE CONSTRAINT in_first
"""

PARTITION = """
LOCK TABLE queuectl.attempt, queuectl.output;
ALTER TABLE queuectl.attempt RENAME TO attempt_0;
CREATE TABLE queuectl.attempt (LIKE queuectl.attempt_0, PRIMARY KEY (job, number)) PARTITION BY RANGE (job);
CREATE TABLE queuectl.attempt_rest PARTITION OF queuectl.attempt DEFAULT;
ALTER TABLE queuectl.output RENAME TO output_0;
CREATE TABLE queuectl.output (LIKE queuectl.output_0, PRIMARY KEY (job, number)) PARTITION BY RANGE (job);
CREATE TABLE queuectl.output_rest PARTITION OF queuectl.output DEFAULT;
DO $$
DECLARE
    bound bigint;
BEGIN
    SELECT until INTO bound FROM queuectl.part WHERE first = 0;
    EXECUTE format('ALTER TABLE queuectl.attempt ATTACH PARTITION queuectl.attempt_0 '
                   'FOR VALUES FROM (MINVALUE) TO (%s)', bound);
    EXECUTE format('ALTER TABLE queuectl.output ATTACH PARTITION queuectl.output_0 '
                   'FOR VALUES FROM (MINVALUE) TO (%s)', bound);
END
$$;
ALTER TABLE queuectl.attempt_0 DROP CONSTRAINT in_first;
ALTER TABLE queuectl.output_0 DROP CONSTRAINT in_first;
""" + ";".join(_granted(f"{table}_0", table) for table in ("attempt", "output"))

MIGRATIONS: Sequence[Migration] = (
    Migration(BOUND, usable_by=1),
    Migration(PROVE, usable_by=1),
    Migration(PARTITION, usable_by=1),
)
"""The one at index i makes version i + 2 of version i + 1. `CREATE` makes the first."""

VERSION = 1 + len(MIGRATIONS)
"""The version that this code reads and writes."""
