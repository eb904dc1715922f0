"""The exchange: settle and claim in one transaction, and no transaction when there is nothing to do.

What need not wait for each other's answer is asked together: the way to the server and back takes longer than the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from queuectl import Ask, Claim, Exchange, Settlement
from queuectl_postgres import statements as sql
from queuectl_postgres import tenure
from queuectl_postgres.claiming import (
    ask_at_once,
    ask_heads,
    at_once_in,
    claim,
    heads_in,
    is_anything_claimable,
    next_due,
)
from queuectl_postgres.leases import ask_cancelling, cancelling_in, is_beat_due
from queuectl_postgres.link import Answer, Link
from queuectl_postgres.settling import settle, tell
from queuectl_postgres.transaction import Transaction


class Found(NamedTuple):
    """What an exchange asks about all that is not settled by it: what is to be cancelled, and where jobs are ready."""

    cancelled: Answer
    heads: Answer | None


class Opening(NamedTuple):
    """What an exchange asks first: its worker, which is locked before all else, and what it settles.

    Where there is nothing of that, it asks for the rest at once.
    """

    claimant: Answer
    told: Answer | None
    found: Found | None


def look(link: Link, worker: str, ask: Ask | None, now: float | None, wanted: frozenset[str]) -> Exchange | None:
    """Claim what can be had in one journey; return the answer, None where there is more to be decided or to tell.

    Where there is nothing, nothing is written.
    """
    if ask is None:
        return Exchange(cancelled=cancelling_in(ask_cancelling(link, worker), worker))
    with link.together():
        link.ask(sql.BEGIN)
        cancelled = ask_cancelling(link, worker)
        asked = ask_at_once(link, worker, ask, now)
        untold = link.ask(sql.DRAINED_UNTOLD) if "queue.drained" in wanted else None
        link.ask("COMMIT")
    found = at_once_in(asked, worker)
    if not found.claims and ask.limit > 0 and found.is_known and is_anything_claimable(link, found.heads):
        return None
    if not found.claims and untold is not None and untold.fetchall():
        return None
    return Exchange(
        claims=tuple(found.claims),
        cancelled=cancelling_in(cancelled, worker),
        next_due=next_due(found.heads, found.at),
    )


def opening(link: Link, worker: str, settlements: Sequence[Settlement], ask: Ask | None, now: float | None) -> Opening:
    """Ask what an exchange begins with; once it is answered nobody takes the worker over."""
    return Opening(
        claimant=link.ask(tenure.WORKER, (worker,)),
        told=tell(link, settlements),
        found=None if settlements else _find(link, worker, ask, now),
    )


def _find(link: Link, worker: str, ask: Ask | None, now: float | None) -> Found:
    return Found(ask_cancelling(link, worker), None if ask is None else ask_heads(link, ask, now))


def exchange(
    tx: Transaction, worker: str, settlements: Sequence[Settlement], ask: Ask | None, opening: Opening
) -> Exchange:
    """Settle, then claim from what is claimable after that."""
    claimant = opening.claimant.fetchone()
    accepted: frozenset[int] = frozenset()
    there = opening.found
    if there is None:
        with tx.link.together():
            accepted = settle(tx, settlements, opening.told)
            there = _find(tx.link, worker, ask, tx.now)
    claims: list[Claim] = []
    due = None
    if ask is not None and there.heads is not None:
        found = heads_in(there.heads)
        if claimant is not None and ask.limit > 0:
            claims, due = claim(tx, worker, ask, found)
        else:
            due = next_due(found, tx.now)
    if claimant is not None and (accepted or claims) and is_beat_due(tx.now, claimant[2], claimant[1]):
        tx.link.run(tenure.BEAT, (tx.now, worker))
    if not settlements and not claims:
        _tell_of_the_drained(tx)
    return Exchange(
        accepted=accepted, claims=tuple(claims), cancelled=cancelling_in(there.cancelled, worker), next_due=due
    )


def _tell_of_the_drained(tx: Transaction) -> None:
    """Tell of queues whose last jobs were settled by several at once, of whom none could see that it was the last."""
    for (queue,) in tx.link.rows(sql.DRAINED_UNTOLD):
        tx.drained(queue)
