"""The checker accepts a sound history, and rejects a forged one for each rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from benchmarks.chaos.checker import RULES, check
from benchmarks.chaos.final import Final, Record, Stored
from benchmarks.chaos.history import History, put_together
from benchmarks.chaos.lines import (
    Acknowledged,
    Answered,
    AnyLine,
    Asked,
    Began,
    Ended,
    Intended,
    Returned,
    Taken,
    Told,
)

EVENTS = {"completed": "job.completed", "failed": "job.failed", "lost": "job.lost", "cancelled": "job.cancelled"}
STATES = {"completed": "completed", "failed": "failed", "lost": "pending", "cancelled": "cancelled"}


@dataclass
class Story:
    """Tells what happened, a second apart, as all sides would have written it."""

    lines: list[AnyLine] = field(default_factory=list)
    jobs: dict[str, Stored] = field(default_factory=dict)
    final: dict[str, Any] = field(default_factory=dict)
    clock: float = 0.0

    def at(self) -> dict[str, Any]:
        """Let a second pass, and return the fields of a line of now."""
        self.clock += 1.0
        return {"pid": 1, "wall": 1000.0 + self.clock, "mono": self.clock}

    def enqueue(self, *jobs: str, queue: str = "default", priorities: tuple[int, ...] = (0, 0, 0)) -> None:
        """Enqueue jobs together."""
        batch = f"batch {self.clock}"
        self.lines += [Intended(batch=batch, jobs=jobs, **self.at()), Acknowledged(batch=batch, **self.at())]
        for job, priority in zip(jobs, priorities, strict=False):
            self.jobs[job] = Stored(id=job, state="pending", queue=queue, priority=priority)
            self.tell(job, "job.enqueued", "pending")

    def begin(self, job: str, attempt: int, token: int, *, alone: bool = True) -> None:
        """Let a worker start a command."""
        names: dict[str, Any] = {"job": job, "attempt": attempt, "lease": f"w.{token}"}
        self.lines += [Taken(**names, **self.at()), Began(**names, alone=alone, **self.at())]

    def end(self, job: str, attempt: int, token: int, code: int) -> None:
        """Let a command end, and its worker see that."""
        names: dict[str, Any] = {"job": job, "attempt": attempt, "lease": f"w.{token}"}
        self.lines += [Ended(**names, code=code, **self.at()), Returned(**names, exit_code=code, **self.at())]

    def settle(self, job: str, attempt: int, token: int, result: str, code: int | None = None) -> None:
        """Have an outcome accepted: an attempt, and what is told of it."""
        before = self.jobs[job]
        self.jobs[job] = msgspec.structs.replace(
            before,
            state=STATES[result],
            token=token,
            runs=attempt,
            attempts=before.attempts + (result != "lost"),
            records=(*before.records, Record(number=attempt, result=result, worker="w", exit_code=code)),
        )
        self.tell(job, EVENTS[result], STATES[result], attempt=attempt, token=token)

    def tell(self, job: str, name: str, state: str, *, attempt: int | None = None, token: int = 0) -> None:
        """Have a transition told."""
        id = sum(isinstance(line, Told) for line in self.lines) + 1
        moment = self.at()
        self.lines.append(
            Told(
                id=id,
                name=name,
                at=moment["wall"],
                job=job,
                attempt=attempt,
                token=token,
                state=state,
                attempts=self.jobs[job].attempts,
                **moment,
            )
        )

    def run(self, job: str, attempt: int, token: int, code: int = 0) -> None:
        """Let a run begin, end, and be settled."""
        self.begin(job, attempt, token)
        self.end(job, attempt, token, code)
        self.settle(job, attempt, token, "failed" if code else "completed", code)

    def order(self, action: str, job: str) -> None:
        """Let a person type a command, and get an answer."""
        number = len(self.lines)
        self.lines.append(Asked(order=number, action=action, jobs=(job,), **self.at()))
        self.lines.append(Answered(order=number, code=0, **self.at()))

    def change(self, job: str, **values: Any) -> None:
        """Forge how a job is stored."""
        self.jobs[job] = msgspec.structs.replace(self.jobs[job], **values)

    def forge(self, kind: type[AnyLine], **values: Any) -> None:
        """Forge the last line of a kind."""
        place = max(index for index, line in enumerate(self.lines) if isinstance(line, kind))
        self.lines[place] = msgspec.structs.replace(self.lines[place], **values)

    def drop(self, kind: type[AnyLine]) -> None:
        """Take the last line of a kind away."""
        del self.lines[max(index for index, line in enumerate(self.lines) if isinstance(line, kind))]

    def history(self) -> History:
        """Put it all together."""
        counts: dict[str, int] = {}
        for job in self.jobs.values():
            counts[job.state] = counts.get(job.state, 0) + 1
        return put_together(self.lines, Final(jobs=tuple(self.jobs.values()), **{"counts": counts, **self.final}))


@pytest.fixture
def story() -> Story:
    """Tell of sound things: a job that failed, was lost and completed, one that was cancelled, orderly ones."""
    story = Story()
    story.enqueue("a", "b")
    story.run("a", 1, 1, code=3)
    story.begin("a", 2, 2)  # killed
    story.settle("a", 2, 4, "lost")
    story.order("cancel", "b")
    story.change("b", state="cancelled")
    story.tell("b", "job.cancelled", "cancelled")
    story.run("a", 3, 5)
    story.enqueue("low", "high", queue="orderly", priorities=(0, 5))
    story.run("high", 1, 6)
    story.run("low", 1, 7)
    return story


Forgery = Callable[[Story], object]


def overlap(story: Story) -> None:
    """A second run begins before the first has ended."""
    story.enqueue("c")
    story.begin("c", 1, 8)
    story.begin("c", 2, 9)
    story.end("c", 1, 8, 3)
    story.settle("c", 1, 8, "failed", 3)
    story.end("c", 2, 9, 0)
    story.settle("c", 2, 9, "completed", 0)


def two_outcomes(story: Story) -> None:
    """A lease is settled, and then settled once more."""
    story.enqueue("c")
    story.run("c", 1, 8, code=3)
    story.begin("c", 2, 9)
    story.end("c", 2, 9, 0)
    story.settle("c", 2, 8, "completed", 0)


def stale_outcome(story: Story) -> None:
    """A run ends under a lease after a command has begun under a later one."""
    story.enqueue("c")
    story.begin("c", 1, 8)
    story.end("c", 1, 8, 3)
    story.begin("c", 2, 9)
    story.settle("c", 1, 8, "failed", 3)
    story.end("c", 2, 9, 0)
    story.settle("c", 2, 9, "completed", 0)


def stale_transition(story: Story) -> None:
    """A transition is told under a lease after one under a later lease."""
    story.enqueue("c")
    story.run("c", 1, 9, code=3)
    story.begin("c", 2, 10)
    story.end("c", 2, 10, 0)
    story.settle("c", 2, 8, "completed", 0)


def gap(story: Story) -> None:
    """The second attempt is numbered 3."""
    story.enqueue("c")
    story.run("c", 1, 8, code=3)
    story.run("c", 3, 9)


def ghost(story: Story) -> None:
    """A run begins of which nobody tells any more."""
    story.begin("a", 4, 8)


def shared_number(story: Story) -> None:
    """Two runs begin as one and the same attempt."""
    story.enqueue("c")
    story.begin("c", 1, 8)  # given back, as if it had never started
    story.run("c", 1, 9)


def charged_loss(story: Story) -> None:
    """A lost run uses up a retry."""
    story.change("a", attempts=3)


def restarted(story: Story) -> None:
    """A cancelled job runs, and runs again."""
    story.run("b", 1, 8, code=3)
    story.run("b", 2, 9)


def falling_token(story: Story) -> None:
    """The second run has a lower token than the first."""
    story.enqueue("c")
    story.run("c", 1, 9, code=3)
    story.run("c", 2, 8)


def unordered(story: Story) -> None:
    """The job of less priority runs first."""
    story.change("low", priority=9)


FORGERIES: list[tuple[str, Forgery]] = [
    ("an acknowledged enqueue is kept until it is done", lambda story: story.jobs.pop("b")),
    ("an acknowledged enqueue is kept until it is done", lambda story: story.change("b", state="pending")),
    ("no two runs of a job overlap", overlap),
    ("no two runs of a job overlap", lambda story: story.forge(Began, alone=False)),
    ("a lease has one outcome at most", two_outcomes),
    ("nothing is accepted from a lease that was superseded", stale_outcome),
    ("nothing is accepted from a lease that was superseded", stale_transition),
    ("attempts count 1, 2, 3", gap),
    ("attempts count 1, 2, 3", lambda story: story.change("a", runs=2)),
    ("each run that began is recorded, and nothing else", ghost),
    ("each run that began is recorded, and nothing else", shared_number),
    ("each run that began is recorded, and nothing else", lambda story: story.drop(Told)),
    ("only runs that their worker survived are charged", charged_loss),
    ("what is recorded is what the command did", lambda story: story.forge(Ended, code=3)),
    ("what is recorded is what the command did", lambda story: story.drop(Ended)),
    ("what is recorded is what the command did", lambda story: story.forge(Returned, exit_code=3)),
    ("a later run has a higher token", falling_token),
    ("a job is as its last transition left it", lambda story: story.change("b", state="completed")),
    ("a job is as its last transition left it", lambda story: story.run("b", 1, 8)),
    ("a cancelled job is not started again", restarted),
    ("one worker runs by priority, then in order", unordered),
    ("the kept counts are right", lambda story: story.final.update(counts={"completed": 4, "cancelled": 1})),
    ("store, host and run are sound in the end", lambda story: story.final.update(problems=("a broken page",))),
    ("store, host and run are sound in the end", lambda story: story.final.update(left=("17 sleep",))),
    ("store, host and run are sound in the end", lambda story: story.final.update(faults=("the drain did not end",))),
]


def test_a_sound_history_is_accepted(story: Story) -> None:
    """A failure, a loss, a retry, a cancel and an order that was kept break no promise."""
    assert check(story.history()) == {}


@pytest.mark.parametrize(("promise", "forge"), FORGERIES)
def test_a_forged_history_is_rejected(story: Story, promise: str, forge: Forgery) -> None:
    """The rule whose promise was broken says where."""
    forge(story)
    found = check(story.history())
    assert promise in found
    assert all(found[promise])


def test_every_rule_has_a_forgery() -> None:
    """A rule that has rejected nothing yet may be one that cannot."""
    assert {promise for promise, _ in FORGERIES} == set(RULES)


def test_half_a_transaction_is_rejected(story: Story) -> None:
    """An enqueue that was not acknowledged may be there or not, but not by half."""
    story.lines.append(Intended(batch="torn", jobs=("c", "d"), **story.at()))
    assert check(story.history()) == {}
    story.jobs["c"] = Stored(id="c", state="cancelled")
    story.tell("c", "job.enqueued", "pending")
    story.tell("c", "job.cancelled", "cancelled")
    assert [*check(story.history())] == ["an acknowledged enqueue is kept until it is done"]


def test_a_retry_by_hand_excuses_a_start_after_a_cancel(story: Story) -> None:
    """And it starts to count the charged runs anew."""
    story.order("retry", "b")
    story.change("b", state="pending")
    story.tell("b", "job.requeued", "pending")
    story.run("b", 1, 8, code=3)
    story.run("b", 2, 9)
    assert check(story.history()) == {}


def test_an_event_that_is_told_twice_counts_once(story: Story) -> None:
    """Delivery is at least once."""
    story.lines += [line for line in story.lines if isinstance(line, Told)]
    assert check(story.history()) == {}
