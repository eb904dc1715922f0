"""The counter between desk and storage: settles what has ended, brings new claims."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from queuectl.engine.desk import RELEASED, Desk, Ended
from queuectl.engine.ledger import Ledger
from queuectl.engine.spool import discard
from queuectl.errors import StorageError, StorageGoneError, StorageRefusedError
from queuectl.model.lease import Ask, Exchange
from queuectl.model.storage import Storage

if TYPE_CHECKING:
    from queuectl.engine.worker import Terms


MOST_CLAIMS = 32
"""How many claims a runner takes at once when jobs are short."""

MOST_CLAIMS_FAR = 128
"""The same where the storage is far away, and each exchange costs as much as dozens of jobs that do nothing."""

BATCH_TIME = 0.03
"""How many seconds of work a batch of claims may hold: other workers wait for them."""

WAIT_FOR_RUNS = 0.02
"""Seconds between two looks for outcomes when a worker leaves."""

TRYING_AGAIN = "the storage does not answer, trying again"
HOPELESS = "the storage cannot be used any more, stopping"
LEAVING = "leaving what ended in the ledger, for the next worker"
WAITING = "stopping waits until what ended can be stored; a second signal leaves it in the ledger, for the next worker"


class Counter:
    """Exchanges with the storage, one at a time."""

    def __init__(self, storage: Storage, desk: Desk, terms: Terms, logs: Path, ledger: Ledger, log: Any) -> None:
        self.storage = storage
        self.desk = desk
        self.terms = terms
        self.lock = threading.RLock()
        self.confirmed_at = time.monotonic()
        """When this worker was alive to the storage for certain, on the monotonic clock, as is the next."""
        self.proven_at = self.confirmed_at
        """When the proof of that was stored which was stored last."""
        self._logs = logs
        self.ledger = ledger
        self._log = log
        self.leaving = False
        """Whether no more is to be claimed."""
        self._run_time = BATCH_TIME
        self._answer_time = 0.0
        self._is_far = "multi_host" in storage.capabilities
        self._has_more = False
        self._troubles = 0
        self._hopeless = False
        self._in_doubt = False

    def observe(self, ended: Ended) -> None:
        """Learn how long jobs take, to claim several at once only when they are short."""
        self._run_time += (ended.ended - ended.started - self._run_time) / 4

    def is_low(self, *, settling: bool = False) -> bool:
        """Whether short jobs that wait here will have run before more could be here, if these are asked for only then.

        Only where the storage is far away, and only as long as it gives as much as is asked for. Somewhat earlier where
        an exchange is due anyway, for what is `settling`.
        """
        if not self._is_far or not self._has_more or self.leaving or self._run_time > BATCH_TIME / 2:
            return False
        left = self.desk.waiting() * self._run_time
        return left <= (BATCH_TIME / 2 if settling else min(self._answer_time, BATCH_TIME))

    def exchange(self, *, ask: bool) -> Exchange:
        """Settle all that has ended and claim anew. Raises StorageError, and then keeps what was to be settled."""
        with self.lock:
            has_more, self._has_more = self._has_more, False
            batch = self.desk.take_ended()
            now = time.monotonic()
            settlements = [ended.settlement(now) for ended in batch]
            asked = self._ask() if ask else None
            try:
                result = self.storage.exchange(self.terms.id, settlements, asked)
            except BaseException:
                self.desk.put_back(batch)
                self._in_doubt = True
                raise
            self._close(batch, result)
            if result.claims or result.accepted:  # else it tells nothing of our leases
                self.confirmed_at = max(self.confirmed_at, now)
            self._answer_time += (time.monotonic() - now - self._answer_time) / 4
            self._has_more = has_more if asked is None else len(result.claims) == asked.limit > 1
            self.desk.add(result.claims)
            if self.leaving:
                self.desk.give_back(RELEASED)
            self.desk.withdraw(result.cancelled)
            self._recovered()
            return result

    def trouble(self, error: StorageError) -> None:
        """Say that the storage cannot be used for now, or any more; once, until it can again."""
        hopeless = self.is_hopeless(error)
        if self._troubles == 0 or hopeless > self._hopeless:
            tell = self._log.error if hopeless else self._log.warning
            tell(HOPELESS if hopeless else TRYING_AGAIN, **_told(error))
        self._hopeless = hopeless
        self._troubles += 1

    def is_hopeless(self, error: StorageError, *, leaving: bool = False) -> bool:
        """Whether it is no use to wait. A store that is gone may be put back; who drains or leaves does not wait."""
        if isinstance(error, StorageGoneError):
            return leaving or self.terms.drain
        return isinstance(error, StorageRefusedError)

    def pause(self) -> float:
        """Return how many seconds to wait before the next try."""
        return min(2.0, 0.1 * 2.0 ** min(self._troubles, 10))

    def settle_all(self, in_haste: Callable[[], bool]) -> StorageError | None:
        """Settle what is left, for as long as it takes; return why that is hopeless, if it is.

        Then, and when it fails `in_haste`, the ledger, which needs no space, keeps what ended for the next worker.
        """
        told = False
        while not self.desk.is_empty():
            try:
                self.exchange(ask=False)
            except StorageError as error:
                self.trouble(error)
                jobs = len(self.desk.known())
                hopeless = self.is_hopeless(error, leaving=True)
                if hopeless or in_haste():
                    self._log.warning(LEAVING, jobs=jobs, **_told(error))
                    return error if hopeless else None
                if not told:
                    told = True
                    self._log.warning(WAITING, jobs=jobs, **_told(error))
                time.sleep(self.pause())
            else:
                if not self.desk.is_empty():  # something still runs
                    time.sleep(WAIT_FOR_RUNS)
        return None

    def retire(self) -> None:
        """Forget this incarnation; if the storage cannot be reached, others find that its lock is gone."""
        try:
            self.storage.retire(self.terms.id)
        except StorageError as error:
            self._log.warning("could not say goodbye to the storage", error=error.message)

    def _ask(self) -> Ask:
        free = max(1, self.terms.concurrency - len(self.desk.running()))
        most = MOST_CLAIMS_FAR if self._is_far else MOST_CLAIMS
        batch = max(1, min(most, int(BATCH_TIME / max(self._run_time, 1e-6))))
        return Ask(limit=max(free, batch), queues=self.terms.queues)

    def _close(self, batch: list[Ended], result: Exchange) -> None:
        for ended in batch:
            lease = ended.claim.lease
            if lease.token not in result.accepted and not self._in_doubt:
                # Whoever has the job may need what stands in the ledger, and the output.
                self._log.warning("a result came too late, somebody else has the job", job=lease.job, lease=lease.token)
            elif ended.slot is not None:
                # While it stands in the ledger, whoever looks after this worker's death knows of the output.
                if ended.spooled:
                    discard(self._logs, lease.worker, lease.token, ended.output)
                with contextlib.suppress(OSError):  # no lease bears that token any more
                    self.ledger.clear(ended.slot)
        self._in_doubt = False
        self.desk.settled(batch)

    def _recovered(self) -> None:
        if self._troubles and not self._hopeless:
            self._log.info("the storage answers again")
            self._troubles = 0


def _told(error: StorageError) -> dict[str, str]:
    return {"error": error.message} | ({} if error.hint is None else {"hint": error.hint})
