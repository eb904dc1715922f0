"""The tables, their indexes, and how an older database becomes a newer one."""

from __future__ import annotations

from collections.abc import Sequence

APPLICATION_ID = 0x71756575
"""Marks the file as ours: "queu" in ASCII, in the header field that SQLite keeps for applications."""

CREATE = """
-- The numbers that only ever grow: the last place in the enqueue order, and the last lease token.
CREATE TABLE counter (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq      INTEGER NOT NULL,
    lease    INTEGER NOT NULL
) STRICT;
INSERT INTO counter (only_row, seq, lease) VALUES (1, 0, 0);

CREATE TABLE queue (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    paused    INTEGER NOT NULL DEFAULT 0,
    max_jobs  INTEGER,                       -- how many may run at once; NULL: any number
    max_key   INTEGER                        -- how many of one limit_key may run at once
) STRICT;

-- Kept in the transaction of every change of state, so that nothing ever counts jobs.
CREATE TABLE count (
    queue INTEGER NOT NULL REFERENCES queue,
    state INTEGER NOT NULL,
    jobs  INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;

-- The hot row: all that claiming and settling touch, and nothing long. `codes.py` has the numbers of phase and state.
-- A job that waits for others would get a phase of its own and rows in a table of (job, blocker).
CREATE TABLE job (
    seq              INTEGER PRIMARY KEY,    -- the enqueue order
    queue            INTEGER NOT NULL REFERENCES queue,
    priority         INTEGER NOT NULL,
    phase            INTEGER NOT NULL,
    state            INTEGER NOT NULL,
    at               REAL NOT NULL,          -- from when on it is, or was, claimable
    since            REAL,                   -- when a wait that has a length began; NULL: the moment was named
    created_at       REAL NOT NULL,
    updated_at       REAL NOT NULL,
    max_retries      INTEGER NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    runs             INTEGER NOT NULL DEFAULT 0,
    lost             INTEGER NOT NULL DEFAULT 0,
    lease            INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    worker           TEXT,
    recorded_at      REAL,                   -- when the run of this lease began, as far as it was recorded
    started_at       REAL,                   -- of the last run that ended, as are the next four
    finished_at      REAL,
    exit_code        INTEGER,
    signal           INTEGER,
    error            TEXT,
    previous_delay   REAL,
    unique_key       TEXT,
    limit_key        TEXT,
    handle           TEXT,                   -- what runs, as the executor named it
    origin_lease     INTEGER,                -- set by a take-over: the lease under which the run began
    origin_worker    TEXT
) STRICT;

-- CLAIMABLE, READY_QUEUES: the best ready jobs of a queue (the rowid, seq, is part of every index).
CREATE INDEX job_ready ON job (queue, priority DESC) WHERE phase = 0;
-- DUE_QUEUES, PROMOTE: what became due in a queue, and when the next does.
CREATE INDEX job_due ON job (queue, at) WHERE phase = 1;
-- DUE_QUEUES, WAITING_AHEAD: what began to wait later than now, because the clock was set back.
CREATE INDEX job_waiting ON job (queue, since) WHERE phase = 1 AND since IS NOT NULL;
-- LEASED, LEASES: one lease of a worker, or all.
CREATE INDEX job_leased ON job (worker, lease) WHERE phase = 2;
-- CANCELLING: what a worker is to end.
CREATE INDEX job_cancelling ON job (worker) WHERE phase = 2 AND cancel_requested = 1;
-- RUNNING_OF_KEY: how many jobs of a limit key run. Holds only jobs that have one.
CREATE INDEX job_key_leased ON job (queue, limit_key) WHERE phase = 2 AND limit_key IS NOT NULL;
-- UNPARK: the next job to be made ready when one of its key leaves.
CREATE INDEX job_key_parked ON job (queue, limit_key, priority DESC) WHERE phase = 5;
-- lanes in `selecting.py`: jobs of a queue and state, newest or oldest first. Leased ones are few, and change too often
-- to be here.
CREATE INDEX job_listed ON job (queue, state) WHERE phase <> 2;
-- lanes in `selecting.py`: jobs that a person keeps back.
CREATE INDEX job_held ON job (queue, state) WHERE phase = 3;
-- lanes in `selecting.py`: what ended first, for retention.
CREATE INDEX job_finished ON job (state, finished_at) WHERE phase = 4;
-- A unique key is held in every live state, so that no retry or take-over can run into it.
CREATE UNIQUE INDEX job_unique_key ON job (unique_key) WHERE state < 3 AND unique_key IS NOT NULL;

-- What was asked for; written once, and again only when a person edits the job.
CREATE TABLE spec (
    seq       INTEGER PRIMARY KEY REFERENCES job,
    id        TEXT NOT NULL UNIQUE,
    command   TEXT,                          -- one line for the shell
    argv      TEXT,                          -- or a JSON array to execute as it is
    run_at    REAL,
    timeout   REAL,
    cwd       TEXT,
    env       TEXT,                          -- JSON, as are tags, backoff and options
    tags      TEXT,
    backoff   TEXT,
    options   TEXT,
    schedule  TEXT,
    fire_at   REAL
) STRICT;

-- lanes in `selecting.py`: jobs with a tag.
CREATE TABLE tag (
    tag TEXT NOT NULL,
    seq INTEGER NOT NULL REFERENCES job,
    PRIMARY KEY (tag, seq)
) STRICT, WITHOUT ROWID;

-- Each firing of a schedule happens once, also after its job is deleted.
CREATE TABLE firing (
    schedule TEXT NOT NULL,
    fire_at  REAL NOT NULL,
    PRIMARY KEY (schedule, fire_at)
) STRICT, WITHOUT ROWID;

-- A run that ended. The id is made of job and number, so that no index is needed to find them, and rows that come in
-- order fill their pages.
CREATE TABLE attempt (
    id          INTEGER PRIMARY KEY,         -- job << 20 | number
    job         INTEGER GENERATED ALWAYS AS (id >> 20) VIRTUAL REFERENCES job,
    number      INTEGER GENERATED ALWAYS AS (id & 0xFFFFF) VIRTUAL,
    result      TEXT NOT NULL,
    exit_code   INTEGER,
    signal      INTEGER,
    error       TEXT,
    timed_out   INTEGER NOT NULL,
    cpu_time    REAL,
    peak_memory INTEGER,
    pid         INTEGER,
    started_at  REAL NOT NULL,
    finished_at REAL NOT NULL,
    worker      TEXT NOT NULL,
    host        TEXT NOT NULL,
    worker_pid  INTEGER NOT NULL,
    output_size INTEGER NOT NULL,
    output_path TEXT,
    error_size  INTEGER NOT NULL,
    error_path  TEXT
) STRICT;

-- The last bytes that a run wrote, apart from the rest because they may be long. No row: it wrote nothing.
CREATE TABLE output (
    id         INTEGER PRIMARY KEY REFERENCES attempt,
    tail       BLOB NOT NULL,
    error_tail BLOB
) STRICT;

-- What ended in each second of the last days: to add up attempts would take longer the more of them there are.
CREATE TABLE ended (
    second    INTEGER PRIMARY KEY,
    completed INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    run_time  REAL NOT NULL,                 -- sums in seconds
    wait_time REAL NOT NULL
) STRICT;

CREATE TABLE worker (
    id          TEXT PRIMARY KEY,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    role        TEXT NOT NULL,
    supervisor  TEXT,
    queues      TEXT,                        -- JSON; NULL: all
    concurrency INTEGER NOT NULL,
    lease       REAL NOT NULL,
    started_at  REAL NOT NULL,
    beat_at     REAL NOT NULL,
    stop        TEXT,
    gone        INTEGER NOT NULL DEFAULT 0   -- taken over; kept while a run that it began is not settled
) STRICT;

-- The outbox. AUTOINCREMENT: a cursor must never meet the same id twice.
CREATE TABLE event (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL,
    at      REAL NOT NULL,
    job     TEXT,                            -- JSON: the job as it was right after the transition
    attempt INTEGER,
    worker  TEXT,
    queue   TEXT
) STRICT;

CREATE TABLE consumer (
    name   TEXT PRIMARY KEY,
    cursor INTEGER NOT NULL,
    worker TEXT,                             -- who has the right to deliver
    since  REAL NOT NULL,                    -- and from when
    until  REAL NOT NULL                     -- to when
) STRICT;
"""

MIGRATIONS: Sequence[str] = ()
"""The script at index i makes version i + 2 of version i + 1. `CREATE` always makes the newest."""

VERSION = 1 + len(MIGRATIONS)
"""The schema version that this code reads and writes, kept in `user_version`."""
