"""Deleting: by hand, or by age."""

from __future__ import annotations

import pytest

from queuectl.model.attempt import Output
from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action, Query
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    bury,
    claim_one,
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    listed,
    ran,
    settle,
    stored,
)


class Deleting:
    """The clauses of `Action.DELETE` and `Storage.prune`."""

    def test_a_deleted_job_is_gone(self, storage: Storage, worker: str) -> None:
        """The job, its attempts and their output are gone; what is returned is the job as it was."""
        bury(storage, enqueue_and_claim(storage, worker))
        before = stored(storage, "a")
        assert storage.change(Action.DELETE, ["a"]).jobs == (before,)
        assert (storage.get("a"), list(storage.attempts("a")), storage.output("a", 1)) == (None, [], None)
        assert (listed(storage), list(storage.resolve("a", 10))) == ([], [])

    @pytest.mark.parametrize("by", ["delete", "delete by query", "prune"])
    def test_kept_output_files_are_named(self, storage: Storage, worker: str, by: str) -> None:
        """The paths of all kept output files of the deleted jobs are returned, for their host to unlink."""
        outputs = {
            1: Output(),
            2: Output(path="/logs/2.out", error_path="/logs/2.err"),
            3: Output(path="/logs/3.out"),
        }
        for number, output in outputs.items():
            claim = enqueue_and_claim(storage, worker) if number == 1 else claim_one(storage, worker)
            verdict = Verdict.DEAD if number == 3 else Verdict.FAILED
            settle(storage, claim, verdict, run=ran(claim, output=output))
        enqueue_and_claim(storage, worker, "untouched")
        if by == "prune":
            changed = storage.prune(Query(), 10)
        else:
            changed = storage.change(Action.DELETE, ["a"] if by == "delete" else Query(states=frozenset({State.DEAD})))
        assert sorted(changed.outputs) == ["/logs/2.err", "/logs/2.out", "/logs/3.out"]

    def test_pruning_takes_the_oldest_first(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """At most `limit` jobs are deleted, those first that finished first, and `remaining` tells of the rest."""
        for id in ("a", "b", "c", "d", "e"):
            complete(storage, enqueue_and_claim(storage, worker, id))
            clock.advance(1.0)
        changed = storage.prune(Query(states=frozenset({State.COMPLETED})), 2)
        assert len(changed.jobs) == 2
        assert changed.remaining > 0
        assert listed(storage) == ["e", "d", "c"]
        assert storage.prune(Query(), 100).remaining == 0
        assert listed(storage) == []

    def test_pruning_spares_the_living(self, storage: Storage, worker: str) -> None:
        """A job that is pending, processing or failed is never pruned, whatever the query says."""
        fail(storage, enqueue_and_claim(storage, worker, "failed"))
        enqueue_and_claim(storage, worker, "processing")
        enqueue(storage, "pending")
        assert storage.prune(Query(), 100).jobs == ()
        assert storage.prune(Query(states=frozenset(State)), 100).jobs == ()
        assert len(listed(storage)) == 3

    def test_pruning_goes_by_age(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """With `finished_before`, jobs stay that finished less than that many seconds ago."""
        complete(storage, enqueue_and_claim(storage, worker, "old"))
        clock.advance(50.0)
        complete(storage, enqueue_and_claim(storage, worker, "young"))
        clock.advance(60.0)
        storage.prune(Query(finished_before=100.0), 100)
        assert listed(storage) == ["young"]

    def test_pruning_goes_by_the_query(self, storage: Storage, worker: str) -> None:
        """Only what the query matches is pruned."""
        for queue in ("red", "blue"):
            complete(storage, enqueue_and_claim(storage, worker, f"{queue}-done", queue=queue))
            bury(storage, enqueue_and_claim(storage, worker, f"{queue}-dead", queue=queue))
        storage.prune(Query(states=frozenset({State.COMPLETED}), queue="red"), 100)
        assert sorted(listed(storage)) == ["blue-dead", "blue-done", "red-dead"]
