"""The exchange: settle and claim in one transaction, and no transaction when there is nothing to do."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from queuectl import Ask, Claim, Exchange, Settlement
from queuectl_sqlite import statements as sql
from queuectl_sqlite.claiming import claim, due_queues, is_anything_ready
from queuectl_sqlite.leases import cancelling
from queuectl_sqlite.settling import settle
from queuectl_sqlite.transaction import Transaction


def nothing_to_do(db: apsw.Connection, worker: str, ask: Ask | None, now: float) -> Exchange | None:
    """Look without writing whether there is anything to claim; return the answer when there is not."""
    if ask is None:
        return Exchange(cancelled=cancelling(db, worker))
    due, next_due = due_queues(db, ask, now)
    wanted = ask.limit > 0 and db.execute(sql.WORKER, (worker,)).get
    if wanted and (due or is_anything_ready(db, ask)):
        return None
    return Exchange(cancelled=cancelling(db, worker), next_due=next_due)


def exchange(tx: Transaction, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
    """Settle, then claim from what is claimable after that."""
    accepted = settle(tx, settlements)
    claims: list[Claim] = []
    next_due = None
    if ask is not None:
        claims, next_due = claim(tx, worker, ask)
    if accepted or claims:
        tx.db.execute(sql.BEAT, {"now": tx.now, "worker": worker})
    return Exchange(accepted=accepted, claims=tuple(claims), cancelled=cancelling(tx.db, worker), next_due=next_due)
