"""Ids that happen to be taken are replaced, unless somebody chose them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from queuectl.engine.identity import new_ids
from queuectl.engine.intake import Accepted
from queuectl.engine.storing import store
from queuectl.errors import ConflictError
from queuectl.model.fresh import FreshJobs
from queuectl.model.job import Job, NewJob
from queuectl.testing import MemoryStorage


def accepted(ids: Sequence[str], chosen: Sequence[str] = ()) -> Accepted:
    """Jobs that tell them apart by their commands."""
    return Accepted([NewJob(id=id, command=f"echo {number}") for number, id in enumerate(ids)], frozenset(chosen))


@pytest.fixture
def storage() -> MemoryStorage:
    """An empty store."""
    return MemoryStorage()


def commands(storage: MemoryStorage, ids: Sequence[str]) -> list[object]:
    """What is stored under these ids."""
    found = [storage.get(id) for id in ids]
    return [job and job.command for job in found]


@pytest.mark.parametrize("skip_existing", [False, True])
def test_an_id_that_another_process_made_too_is_replaced(storage: MemoryStorage, skip_existing: bool) -> None:
    """The job is stored, whatever becomes of the one that had the id before; it is never passed over for it."""
    ids = new_ids(3)
    storage.enqueue([NewJob(id=ids[1], command="before")])
    stored = store(storage, accepted(ids), skip_existing=skip_existing)
    assert sorted(str(job.command) for job in stored) == ["echo 0", "echo 1", "echo 2"]
    assert commands(storage, [ids[1]]) == ["before"]
    assert len({*ids, *(job.id for job in stored)}) == 4
    assert list(stored.ids) == [job.id for job in stored]


def test_several_ids_that_are_taken_are_replaced(storage: MemoryStorage) -> None:
    """Each conflict names but one."""
    ids = new_ids(4)
    storage.enqueue([NewJob(id=id, command="before") for id in ids[:3]])
    stored = store(storage, accepted(ids))
    assert [job.command for job in stored] == ["echo 0", "echo 1", "echo 2", "echo 3"]
    assert commands(storage, ids) == ["before", "before", "before", "echo 3"]


def test_an_id_that_was_chosen_is_never_replaced(storage: MemoryStorage) -> None:
    """Even when it looks as if it had been made up."""
    (id,) = new_ids(1)
    storage.enqueue([NewJob(id=id, command="before")])
    with pytest.raises(ConflictError, match=id):
        store(storage, accepted([id], chosen=[id]))
    assert list(store(storage, accepted([id], chosen=[id]), skip_existing=True)) == []
    assert commands(storage, [id]) == ["before"]


def test_what_was_stored_is_a_sequence_that_knows_its_ids(storage: MemoryStorage) -> None:
    """Of jobs that were passed over it knows nothing."""
    storage.enqueue([NewJob(id="b", command="before")])
    stored = store(storage, accepted(["a", "b", "c"], chosen=["a", "b", "c"]), skip_existing=True)
    assert (len(stored), list(stored.ids)) == (2, ["a", "c"])
    assert [stored[0].id, stored[-1].id, *(job.id for job in stored[:1])] == ["a", "c", "a"]


def test_of_several_with_one_id_the_first_is_stored(storage: MemoryStorage) -> None:
    """And it is the one that is told."""
    stored = store(storage, accepted(["a", "b", "a"], chosen=["a", "b"]), skip_existing=True)
    assert [(new.id, new.command) for new in stored.new] == [("a", "echo 0"), ("b", "echo 1")]
    assert [(job.id, job.command) for job in stored] == [("a", "echo 0"), ("b", "echo 1")]


def test_a_chosen_id_that_is_made_up_as_well_wins(storage: MemoryStorage) -> None:
    """In one call, the one that nobody chose gives way."""
    (id,) = new_ids(1)
    jobs = [NewJob(id=id, command="made"), NewJob(id="other", command="other")]
    storage.enqueue([NewJob(id=id, command="chosen before")])
    stored = store(storage, Accepted(jobs, frozenset({"other"})))
    assert [job.command for job in stored] == ["made", "other"]
    assert stored[0].id != id


class Unwilling(MemoryStorage):
    """A storage that calls every id taken."""

    calls = 0

    def enqueue(
        self, jobs: Sequence[NewJob], *, skip_existing: bool = False, connection: object | None = None
    ) -> Sequence[Job]:
        """Refuse."""
        self.calls += 1
        raise ConflictError(f"job '{jobs[0].id}' is stored already")


def test_a_storage_that_calls_every_id_taken_is_believed_in_the_end() -> None:
    """It is asked a few times, not for ever."""
    storage = Unwilling()
    with pytest.raises(ConflictError):
        store(storage, accepted(new_ids(1)))
    assert 1 < storage.calls < 10


def test_jobs_that_a_storage_made_beforehand_are_the_same() -> None:
    """As those that are made when they are asked for; and they are made once."""
    new = [NewJob(id="a", command="true"), NewJob(id="b", command=("false",), delay=3.0, tags=("t",))]
    asked, made = FreshJobs(new, 7.0), FreshJobs(new, 7.0)
    made.make()
    assert list(made) == list(asked)
    assert (made[1], list(made[:1])) == (asked[1], list(asked[:1]))
    assert made[1] is made[1]
