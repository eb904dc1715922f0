"""Changes are done by ids all or none, and by a query until none is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from queuectl.engine.changing import change
from queuectl.errors import ConflictError, NotFoundError
from queuectl.model.attempt import Output
from queuectl.model.job import State
from queuectl.model.lease import Verdict
from queuectl.model.query import Action, Changed, Edit, Query
from queuectl.testing import MemoryStorage
from queuectl.testing.contract.steps import (
    bury,
    claim,
    claim_one,
    enqueue,
    one_in_each_state,
    ran,
    register,
    settle,
    stored,
)

DEAD = Query(states=frozenset({State.DEAD}))


@pytest.fixture
def storage() -> MemoryStorage:
    """A store with a worker."""
    storage = MemoryStorage()
    register(storage, "worker")
    return storage


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Where outputs lie."""
    directory = tmp_path / "data" / "logs"
    directory.mkdir(parents=True)
    return directory


def test_jobs_change_by_their_ids(storage: MemoryStorage, logs: Path) -> None:
    """In the order that was asked for, each once; a single id is no sequence of its letters."""
    enqueue(storage, "aa", "b")
    assert [job.id for job in change(storage, logs, Action.HOLD, ["b", "aa", "b"])] == ["b", "aa"]
    assert [job.held for job in change(storage, logs, Action.RELEASE, "aa")] == [False]
    (edited,) = change(storage, logs, Action.EDIT, ["b"], edit=Edit(priority=7))
    assert edited.priority == 7


@pytest.mark.parametrize(
    ("action", "id", "message"),
    [
        (
            Action.RETRY,
            "processing",
            "job 'processing' is processing; only failed, dead, completed or cancelled jobs can be retried",
        ),
        (Action.CANCEL, "dead", "job 'dead' is dead; only pending, processing or failed jobs can be cancelled"),
        (Action.DELETE, "failed", "job 'failed' is failed; only dead, completed or cancelled jobs can be deleted"),
        (Action.HOLD, "dead", "job 'dead' is dead; only pending or failed jobs can be held"),
    ],
)
def test_a_state_that_does_not_allow_it_is_told(
    storage: MemoryStorage, logs: Path, action: Action, id: str, message: str
) -> None:
    """With the states that would."""
    one_in_each_state(storage, "worker")
    with pytest.raises(ConflictError) as caught:
        change(storage, logs, action, [id])
    assert caught.value.message == message
    assert caught.value.exit_code == 4


def test_all_are_changed_or_none(storage: MemoryStorage, logs: Path) -> None:
    """Every one that stands in the way is named."""
    one_in_each_state(storage, "worker")
    with pytest.raises(ConflictError) as refused:
        change(storage, logs, Action.RETRY, ["dead", "pending", "processing"])
    assert refused.value.message.startswith("job 'pending' is pending; only")
    assert refused.value.details == ("job 'processing' is processing",)
    with pytest.raises(NotFoundError) as missing:
        change(storage, logs, Action.RETRY, ["dead", "x", "pend", "y"])
    assert (missing.value.message, missing.value.details) == ("no job 'x'", ("no job 'pend'", "no job 'y'"))
    assert missing.value.hint == "whole ids are needed; stored: pending"
    assert stored(storage, "dead").state is State.DEAD


def test_a_query_changes_more_than_one_batch(storage: MemoryStorage, logs: Path) -> None:
    """A store does so many at once; nobody needs to know."""
    enqueue(storage, *(f"job-{number}" for number in range(1234)))
    changed = change(storage, logs, Action.CANCEL, Query())
    assert len({job.id for job in changed}) == 1234
    assert all(job.state is State.CANCELLED for job in changed)


def test_a_query_that_matches_nothing_changes_nothing(storage: MemoryStorage, logs: Path) -> None:
    """That is no error."""
    assert change(storage, logs, Action.RETRY, DEAD) == []


def test_another_number_than_expected_changes_nothing(storage: MemoryStorage, logs: Path) -> None:
    """What was agreed to is what is done, over all batches."""
    enqueue(storage, *(f"job-{number}" for number in range(600)))
    with pytest.raises(ConflictError):
        change(storage, logs, Action.CANCEL, Query(), expected=599)
    assert stored(storage, "job-0").state is State.PENDING
    assert len(change(storage, logs, Action.CANCEL, Query(), expected=600)) == 600


class Busy(MemoryStorage):
    """A store in which something happens after each change."""

    after: Callable[[], object] = staticmethod(lambda: None)

    def change(
        self,
        action: Action,
        target: Query | Sequence[str],
        *,
        expected: int | None = None,
        limit: int = 500,
        edit: Edit | None = None,
    ) -> Changed:
        """Change, and let it happen."""
        changed = super().change(action, target, expected=expected, limit=limit, edit=edit)
        self.after()
        return changed


def test_jobs_that_die_again_meanwhile_are_not_retried_again(logs: Path) -> None:
    """Else a worker that is quick to fail would keep us going for ever."""
    storage = Busy()
    register(storage, "worker")
    enqueue(storage, *(f"job-{number}" for number in range(1100)))
    for each in claim(storage, "worker", 1100):
        bury(storage, each)
    calls = 0

    def fail_again() -> None:
        nonlocal calls
        calls += 1
        assert calls < 10, "it does not come to an end"
        for each in claim(storage, "worker", 1100):
            bury(storage, each)

    storage.after = fail_again
    changed = change(storage, logs, Action.RETRY, DEAD)
    assert len(changed) == 1100
    assert len({job.id for job in changed}) == 1100


def with_output(storage: MemoryStorage, id: str, output: Output) -> None:
    """Enqueue a job that has died and left an output."""
    enqueue(storage, id)
    only = claim_one(storage, "worker")
    assert settle(storage, only, Verdict.DEAD, charge=True, run=ran(only, exit_code=1, output=output))


def test_outputs_of_deleted_jobs_are_removed(storage: MemoryStorage, logs: Path) -> None:
    """Both streams, whether by ids or by a query; one that is gone is gone."""
    for id in ("a", "b"):
        for end in (".out", ".err"):
            (logs / f"{id}{end}").write_bytes(b"x")
        with_output(storage, id, Output(path=str(logs / f"{id}.out"), error_path=str(logs / f"{id}.err")))
    with_output(storage, "c", Output(path=str(logs / "gone.out")))
    change(storage, logs, Action.DELETE, ["a"])
    assert sorted(path.name for path in logs.iterdir()) == ["b.err", "b.out"]
    change(storage, logs, Action.DELETE, DEAD)
    assert list(logs.iterdir()) == []


def test_files_elsewhere_are_left_alone(storage: MemoryStorage, logs: Path) -> None:
    """Whatever the store says: it may be another host's, or nobody's business."""
    elsewhere = logs.parent / "jobs.db"
    below = logs / "deeper"
    below.mkdir()
    targets = [elsewhere, below / "x.out"]
    for number, target in enumerate([*targets, logs / ".." / "jobs.db"]):
        target.write_bytes(b"x")
        with_output(storage, f"job-{number}", Output(path=str(target)))
    with_output(storage, "directory", Output(path=str(below)))
    with_output(storage, "relative", Output(path="jobs.db"))
    change(storage, logs, Action.DELETE, DEAD)
    assert all(target.exists() for target in targets)


def test_a_link_to_the_directory_is_the_directory(storage: MemoryStorage, logs: Path, tmp_path: Path) -> None:
    """The worker may have come by another way."""
    link = tmp_path / "link"
    link.symlink_to(logs)
    (logs / "a.out").write_bytes(b"x")
    with_output(storage, "a", Output(path=str(link / "a.out")))
    change(storage, logs, Action.DELETE, ["a"])
    assert not (logs / "a.out").exists()
