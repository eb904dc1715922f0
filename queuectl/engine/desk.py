"""The desk of a worker: what it has claimed, what it runs, and what has ended but is not settled yet."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from queuectl.engine.cancelling import CancelFlag, Reason
from queuectl.engine.retry import Decision
from queuectl.engine.spool import Spool
from queuectl.model.attempt import Output, Result, Run
from queuectl.model.lease import Claim, Lease, Settlement, Verdict
from queuectl.model.outcome import Outcome


@dataclass(slots=True, eq=False)
class Running:
    """A run that is under way. `started` is on the monotonic clock.

    It has `begun` once its executor was called, and was `withheld` if that was not to be any more.
    """

    claim: Claim
    slot: int
    flag: CancelFlag
    started: float
    handle: str | None = None
    recorded: bool = False
    begun: bool = False
    withheld: bool = False
    spool: Spool | None = None

    @property
    def spooled(self) -> bool:
        """Whether there may be files of its own, once it has ended: there are none if it wrote nothing."""
        return self.spool is None or self.spool.blank is None


@dataclass(slots=True, eq=False)
class Ended:
    """A claim that is to be settled. `slot` is None when it never started; times are on the monotonic clock.

    What it wrote is `spooled` in files that are to be discarded, unless it wrote nothing.
    """

    claim: Claim
    decision: Decision
    since: float
    outcome: Outcome | None = None
    started: float = 0.0
    ended: float = 0.0
    output: Output = field(default_factory=Output)
    slot: int | None = None
    spooled: bool = True

    def settlement(self, now: float) -> Settlement:
        """Return the settlement, with the ages that its run has now."""
        decision = self.decision
        run = None
        if self.outcome is not None:
            run = Run(
                number=self.claim.number,
                result=decision.result,
                outcome=self.outcome,
                started_ago=max(0.0, now - self.started),
                ended_ago=max(0.0, now - self.ended),
                output=self.output,
            )
        return Settlement(
            lease=self.claim.lease,
            verdict=decision.verdict,
            run=run,
            charge=decision.charge and run is not None,
            delay=decision.delay,
            error=decision.error,
        )


RELEASED = Decision(verdict=Verdict.RELEASED, result=Result.RELEASED, charge=False)
CANCELLED = Decision(verdict=Verdict.CANCELLED, result=Result.CANCELLED, charge=False)

RELEASE_EARLY = 0.1
"""Seconds after which a claim that has not started is given back."""

SETTLE_EARLY = 0.03
"""Seconds after which an outcome is settled even though its worker has other claims to run; 50 ms are promised."""


class Desk:
    """Shared by the threads of a worker; every method is atomic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._waiting: deque[tuple[Claim, float]] = deque()
        self._ended: list[Ended] = []
        self._running: dict[int, Running] = {}
        self._in_flight: set[int] = set()
        self._doomed: dict[int, Reason] = {}
        self._ending: Reason | None = None
        self.version = 0

    def add(self, claims: Iterable[Claim]) -> None:
        """Put new claims behind those that wait."""
        now = time.monotonic()
        with self._lock:
            self._waiting.extend((claim, now) for claim in claims)
            self._news.notify_all()

    def take(self, *, younger_than: float = math.inf) -> Claim | None:
        """Take the next claim to run, in claim order.

        One that is not `younger_than` so many seconds is given back: this process was stopped meanwhile, and somebody
        else may have the job by now.
        """
        now = time.monotonic()
        with self._lock:
            while self._waiting:
                claim, since = self._waiting.popleft()
                if now - since >= younger_than:
                    self._ended.append(Ended(claim, RELEASED, now - SETTLE_EARLY))
                    continue
                self._in_flight.add(claim.lease.token)
                return claim
            return None

    def is_doomed(self, claim: Claim) -> bool:
        """Whether a claim that was taken and has not started is to end already."""
        return claim.lease.token in self._doomed

    def start(self, running: Running) -> None:
        """Note that a claim that was taken runs; it may have been asked to end already."""
        token = running.claim.lease.token
        with self._lock:
            self._running[token] = running
            self._in_flight.discard(token)
            reason = self._doomed.pop(token, self._ending)
            if reason is not None:
                running.flag.set(reason)

    def finish(self, ended: Ended) -> None:
        """Note that a claim is to be settled."""
        token = ended.claim.lease.token
        with self._lock:
            self._running.pop(token, None)
            self._in_flight.discard(token)
            self._ended.append(ended)

    def take_ended(self) -> list[Ended]:
        """Take all that is to be settled; `put_back` what could not be."""
        with self._lock:
            batch, self._ended = self._ended, []
            self._in_flight.update(ended.claim.lease.token for ended in batch)
            return batch

    def settled(self, batch: Iterable[Ended]) -> None:
        """Note that a batch is settled."""
        with self._lock:
            for ended in batch:
                self._in_flight.discard(ended.claim.lease.token)
                self._doomed.pop(ended.claim.lease.token, None)

    def put_back(self, batch: list[Ended]) -> None:
        """Keep a batch that could not be settled for the next time."""
        with self._lock:
            self._in_flight.difference_update(ended.claim.lease.token for ended in batch)
            self._ended[:0] = batch

    def give_back(self, decision: Decision, *, older_than: float = 0.0) -> int:
        """Turn claims that have waited for `older_than` seconds into settlements; return how many."""
        now = time.monotonic()
        with self._lock:
            late = [claim for claim, since in self._waiting if now - since >= older_than]
            if late:
                self._waiting = deque(pair for pair in self._waiting if now - pair[1] < older_than)
                self._ended.extend(Ended(claim, decision, now - SETTLE_EARLY) for claim in late)
            return len(late)

    def withdraw(self, leases: Iterable[Lease]) -> None:
        """Settle as cancelled what waits here under these leases, and end what runs."""
        tokens = {lease.token for lease in leases}
        if not tokens:
            return
        now = time.monotonic()
        with self._lock:
            for claim, _ in [pair for pair in self._waiting if pair[0].lease.token in tokens]:
                self._ended.append(Ended(claim, CANCELLED, now - SETTLE_EARLY))
            self._waiting = deque(pair for pair in self._waiting if pair[0].lease.token not in tokens)
            self._doom("cancel", tokens)

    def end_running(self, reason: Reason, tokens: Iterable[int] | None = None) -> None:
        """Ask runs to end: those of these leases, or all, also such as are just being started."""
        with self._lock:
            if tokens is None:
                self._ending = reason
                tokens = self._running.keys() | self._in_flight
            self._doom(reason, tokens)

    def _doom(self, reason: Reason, tokens: Iterable[int]) -> None:
        for token in tokens:
            if token in self._running:
                self._running[token].flag.set(reason)
            elif token in self._in_flight:
                self._doomed[token] = reason

    def drop(self) -> None:
        """Forget what waits and what has ended: the leases are somebody else's."""
        with self._lock:
            self._waiting.clear()
            self._ended.clear()

    def running(self) -> list[Running]:
        """Return what runs."""
        with self._lock:
            return list(self._running.values())

    def known(self) -> set[int]:
        """Return the tokens of all claims that this worker has in hand."""
        with self._lock:
            waiting = {claim.lease.token for claim, _ in self._waiting}
            ended = {item.claim.lease.token for item in self._ended}
            return waiting | ended | self._running.keys() | self._in_flight

    def due(self) -> float | None:
        """Return in how many seconds something here must be settled or given back, None for never."""
        now = time.monotonic()
        with self._lock:
            times = [self._waiting[0][1] + RELEASE_EARLY] if self._waiting else []
            times += [self._ended[0].since + SETTLE_EARLY] if self._ended else []
            return max(0.0, min(times) - now) if times else None

    def waiting(self) -> int:
        """How many claims wait to be taken."""
        return len(self._waiting)

    def has_waiting(self) -> bool:
        """Whether a claim waits to be taken."""
        return bool(self._waiting)

    def is_empty(self) -> bool:
        """Whether nothing is in hand."""
        with self._lock:
            return not (self._waiting or self._running or self._ended or self._in_flight)

    def announce(self) -> None:
        """Wake the runners: something may have changed."""
        with self._lock:
            self.version += 1
            self._news.notify_all()

    def await_news(self, seen: int, timeout: float | None) -> None:
        """Block until something was announced or added since `version` was `seen`, or for `timeout` seconds."""
        with self._lock:
            self._news.wait_for(lambda: self.version != seen or bool(self._waiting), timeout)
