"""The exchange: settle and claim in one transaction, and no transaction when there is nothing to do."""

from __future__ import annotations

from collections.abc import Sequence

from queuectl import Ask, Claim, Exchange, Settlement
from queuectl_postgres import statements as sql
from queuectl_postgres.claiming import claim, heads, is_anything_claimable, next_due
from queuectl_postgres.leases import cancelling, is_beat_due
from queuectl_postgres.link import Link
from queuectl_postgres.settling import settle
from queuectl_postgres.transaction import Transaction


def nothing_to_do(
    link: Link, worker: str, ask: Ask | None, now: float | None, wanted: frozenset[str]
) -> Exchange | None:
    """Look without writing whether there is anything to claim or to tell; return the answer when there is not."""
    if ask is None:
        return Exchange(cancelled=cancelling(link, worker))
    row = link.row(sql.LOOK, (worker,))
    assert row is not None
    at, is_registered = row
    at = at if now is None else now
    found = heads(link, ask, at)
    if ask.limit > 0 and is_registered and is_anything_claimable(link, found):
        return None
    if "queue.drained" in wanted and link.row(sql.DRAINED_UNTOLD) is not None:
        return None
    return Exchange(cancelled=cancelling(link, worker), next_due=next_due(found, at))


def exchange(tx: Transaction, worker: str, settlements: Sequence[Settlement], ask: Ask | None) -> Exchange:
    """Settle, then claim from what is claimable after that."""
    claimant = tx.link.row(sql.WORKER, (worker,))  # locked first: nobody takes it over from here on
    accepted = settle(tx, settlements)
    claims: list[Claim] = []
    due = None
    if ask is not None:
        if claimant is not None and ask.limit > 0:
            claims, due = claim(tx, worker, ask)
        else:
            due = next_due(heads(tx.link, ask, tx.now), tx.now)
    if claimant is not None and (accepted or claims) and is_beat_due(tx.now, claimant[2], claimant[1]):
        tx.link.run(sql.BEAT, (tx.now, worker))
    if not settlements and not claims:
        _tell_of_the_drained(tx)
    return Exchange(accepted=accepted, claims=tuple(claims), cancelled=cancelling(tx.link, worker), next_due=due)


def _tell_of_the_drained(tx: Transaction) -> None:
    """Tell of queues whose last jobs were settled by several at once, of whom none could see that it was the last."""
    for (queue,) in tx.link.rows(sql.DRAINED_UNTOLD):
        tx.drained(queue)
