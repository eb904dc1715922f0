"""Editing: new values for a job that waits."""

from __future__ import annotations

from queuectl import Edit, Job
from queuectl_sqlite import statements as sql
from queuectl_sqlite.rows import command_columns, json_of
from queuectl_sqlite.transaction import Transaction


def edit_job(tx: Transaction, seq: int, job: Job, edit: Edit) -> None:
    """Replace what an edit names; the rest stays."""
    values = {
        "seq": seq,
        "now": tx.now,
        "priority": edit.priority,
        "max_retries": edit.max_retries,
        "run_at": edit.run_at,
        "timeout": edit.timeout,
        "backoff": json_of(edit.backoff),
    }
    tx.db.execute(sql.EDIT_JOB, values)
    tx.db.execute(sql.EDIT_SPEC, values)
    if edit.command is not None:
        tx.db.execute(sql.SET_COMMAND, (*command_columns(edit.command), seq))
    if edit.env is not None:
        tx.db.execute(sql.SET_ENV, (json_of(edit.env), seq))
    if edit.tags is not None:
        tx.db.execute(sql.SET_TAGS, (json_of(edit.tags), seq))
        tx.db.executemany(sql.REMOVE_TAGS, [(tag, seq) for tag in job.tags])
        tx.db.executemany(sql.ADD_TAG, [(tag, seq) for tag in edit.tags])
