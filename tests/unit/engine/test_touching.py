"""What is told before a change to many jobs is what it then changes."""

from __future__ import annotations

import pytest

from queuectl import Action, Query, State
from queuectl.engine import touching
from queuectl.engine.queue import Queue
from queuectl.engine.touching import touched
from queuectl.testing.contract.steps import bury, enqueue, enqueue_and_claim, fail, one_in_each_state, register

QUERIES = [
    Query(),
    Query(states=frozenset({State.DEAD})),
    Query(states=frozenset({State.PENDING, State.FAILED})),
    Query(queue="mail"),
    Query(tag="t"),
    Query(text="e"),
    Query(states=frozenset({State.DEAD}), grouped=True, exit_code=1),
]


@pytest.mark.parametrize("action", [action for action in Action if action is not Action.EDIT])
@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_the_number_is_that_of_the_jobs_that_are_changed(queue: Queue, action: Action, query: Query) -> None:
    """Given jobs in every state, some already as the action would leave them, then `expected` holds."""
    register(queue.storage, "w")
    one_in_each_state(queue.storage, "w")
    enqueue(queue.storage, "held", "tagged", tags=("t",), queue="mail")
    queue.change(Action.HOLD, ["held"])
    fail(queue.storage, enqueue_and_claim(queue.storage, "w", "due", priority=9), delay=0.0)
    enqueue_and_claim(queue.storage, "w", "ending", priority=10)
    queue.cancel("ending")
    told = touched(queue, action, query)
    assert told is not None
    assert len(queue.change(action, query, expected=told)) == told


def test_too_many_to_look_at_are_not_counted(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the storage can count are, however many: also all that died of one cause, or have a tag."""
    monkeypatch.setattr(touching, "MOST", 2)
    queue.enqueue_many([{"command": "true", "tags": ["t"]}] * 3)
    assert touched(queue, Action.CANCEL, Query()) == touched(queue, Action.CANCEL, Query(tag="t")) == 3
    register(queue.storage, "w")
    for number in range(4):
        bury(queue.storage, enqueue_and_claim(queue.storage, "w", f"dead-{number}", priority=9), exit_code=7)
    cause = Query(states=frozenset({State.DEAD}), grouped=True, exit_code=7)
    assert touched(queue, Action.RETRY, cause) == touched(queue, Action.DELETE, cause) == 4
    assert touched(queue, Action.CANCEL, Query(text="true")) is None
