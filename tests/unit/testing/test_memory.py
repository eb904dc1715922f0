"""What the memory does beside the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl.errors import UsageError
from queuectl.model.job import State
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing import MemoryStorage, MemoryStore
from queuectl.testing.contract.steps import enqueue


def test_it_is_a_storage() -> None:
    """The type checker agrees that the memory is a storage, which remembers nothing and wakes those who wait."""
    storage: Storage = MemoryStorage()
    assert storage.capabilities == {"wakeup"}


def test_handles_share_a_store_that_they_are_given() -> None:
    """Handles on one store see the same jobs, others do not."""
    store = MemoryStore()
    enqueue(MemoryStorage(store), "a")
    assert MemoryStorage(store).get("a") is not None
    assert MemoryStorage().get("a") is None


def test_it_cannot_be_backed_up(tmp_path: Path) -> None:
    """A backup of what is meant to be lost is refused, and no file is made."""
    with pytest.raises(UsageError, match="memory"):
        MemoryStorage().backup(tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_wrong_counts_are_found() -> None:
    """`check` names the queue whose kept counts are not those of its jobs."""
    storage = MemoryStorage()
    enqueue(storage, "a", queue="mail")
    storage.store.counts["mail"][State.DEAD] += 1
    (fault,) = storage.check()
    assert fault.startswith("queue 'mail':")


def test_an_edit_of_nothing_is_refused() -> None:
    """To edit without new values is a mistake in the calling program, and changes nothing."""
    storage = MemoryStorage()
    enqueue(storage, "a")
    with pytest.raises(UsageError, match="new values"):
        storage.change(Action.EDIT, ["a"])


def test_what_is_given_may_be_changed_afterwards() -> None:
    """The memory keeps copies: to change what was enqueued does not change what is stored."""
    storage = MemoryStorage()
    env = {"A": "1"}
    options = {"volumes": ["/a"]}
    enqueue(storage, "a", env=env, options=options)
    env["A"] = "2"
    options["volumes"].append("/b")
    job = storage.get("a")
    assert job is not None
    assert (job.env, job.options) == ({"A": "1"}, {"volumes": ["/a"]})
