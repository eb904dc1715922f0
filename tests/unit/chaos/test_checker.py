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


def unsettled(story: Story) -> None:
    """A job waits yet when all is over."""
    story.enqueue("c")


def uninvited(story: Story) -> None:
    """A job is stored, and run, that nobody enqueued."""
    story.jobs["c"] = Stored(id="c", state="pending")
    story.tell("c", "job.enqueued", "pending")
    story.run("c", 1, 8)


def overlap(story: Story) -> None:
    """A run that was given up lives on, and ends after the next one has begun."""
    story.enqueue("c")
    story.begin("c", 1, 8)
    story.settle("c", 1, 9, "lost")
    story.begin("c", 2, 10)
    story.end("c", 1, 8, 0)
    story.end("c", 2, 10, 0)
    story.settle("c", 2, 10, "completed", 0)


def two_outcomes(story: Story) -> None:
    """A lease is settled, and then settled once more."""
    story.enqueue("c")
    story.run("c", 1, 8, code=3)
    story.settle("c", 2, 8, "lost")
    story.run("c", 3, 9)


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
    """A transition is told under a lease after one under a later lease, under which no command had begun."""
    story.enqueue("c")
    story.settle("c", 1, 9, "lost")
    story.settle("c", 2, 8, "lost")
    story.run("c", 3, 10)


def gap(story: Story) -> None:
    """The second attempt is numbered 3."""
    story.enqueue("c")
    story.run("c", 1, 8, code=3)
    story.run("c", 3, 9)
    story.change("c", runs=2)


def swapped(story: Story) -> None:
    """The second attempt is settled before the first; only the order of what is told shows it."""
    story.enqueue("c")
    story.settle("c", 2, 8, "lost")
    story.settle("c", 1, 9, "lost")
    story.change("c", records=story.jobs["c"].records[::-1], runs=3)
    story.run("c", 3, 10)


def ghost(story: Story) -> None:
    """A command begins of which its worker knows, and the storage does not."""
    story.begin("a", 4, 8)


def ghost_of_a_worker(story: Story) -> None:
    """A worker was about to start a command, died, and no run is recorded."""
    story.begin("a", 4, 8)
    story.drop(Began)


def ghost_of_a_command(story: Story) -> None:
    """A command begins behind its worker's back."""
    story.begin("a", 4, 8)
    story.drop(Taken)


def strangers_run(story: Story) -> None:
    """A run is recorded as another worker's."""
    last = story.jobs["a"].records[-1]
    records = (*story.jobs["a"].records[:-1], msgspec.structs.replace(last, worker="somebody else"))
    story.change("a", records=records)


def shared_number(story: Story) -> None:
    """Two runs begin as one and the same attempt."""
    story.enqueue("c")
    story.begin("c", 1, 8)  # given back, as if it had never started
    story.run("c", 1, 9)


def untold(story: Story) -> None:
    """An attempt is recorded of which no transition tells."""
    story.enqueue("c")
    story.begin("c", 1, 8)
    story.settle("c", 1, 8, "lost")
    story.drop(Told)
    story.begin("c", 2, 9)
    story.end("c", 2, 9, 0)
    story.settle("c", 2, 9, "completed", 0)


def misrecorded(story: Story) -> None:
    """An attempt is recorded as lost that was told as failed."""
    story.enqueue("c")
    story.run("c", 1, 8, code=3)
    story.change("c", records=(Record(number=1, result="lost", worker="w"),), attempts=0)
    story.run("c", 2, 9)


def unrecorded_outcome(story: Story) -> None:
    """An outcome is told, and its attempt is not stored."""
    story.enqueue("c")
    story.settle("c", 1, 8, "lost")
    story.change("c", records=(), runs=0, state="completed")
    story.forge(Told, name="job.completed", state="completed")


def charged_loss(story: Story) -> None:
    """A lost run uses up a retry."""
    story.change("a", attempts=3)


def invented_code(story: Story) -> None:
    """A run is recorded with an exit code, and no command ever began."""
    story.enqueue("c")
    story.settle("c", 1, 8, "completed", 0)


def false_completion(story: Story) -> None:
    """A run that failed is recorded as completed."""
    story.enqueue("c")
    story.begin("c", 1, 8)
    story.end("c", 1, 8, 3)
    story.settle("c", 1, 8, "completed", 3)


def restarted(story: Story) -> None:
    """A job whose cancel was answered while it ran runs, and runs again."""
    story.enqueue("c")
    story.order("cancel", "c")
    story.run("c", 1, 8, code=3)
    story.run("c", 2, 9)


def unheeded_retry(story: Story) -> None:
    """A retry is answered, and nothing comes of it."""
    story.order("retry", "b")


def unasked_retry(story: Story) -> None:
    """A job is put back by hand, and nobody asked for that."""
    story.change("b", state="pending")
    story.tell("b", "job.requeued", "pending")
    story.run("b", 1, 8)


def falling_token(story: Story) -> None:
    """The second run begins under a lower token than the first; both were lost."""
    story.enqueue("c")
    story.begin("c", 1, 9)
    story.begin("c", 2, 8)
    story.settle("c", 1, 10, "lost")
    story.settle("c", 2, 11, "lost")
    story.run("c", 3, 12)


def enqueued_twice(story: Story) -> None:
    """A job is stored once more while it is there."""
    story.enqueue("c")
    story.tell("c", "job.enqueued", "pending")
    story.run("c", 1, 8)


def enqueued_in_silence(story: Story) -> None:
    """A job is there whose enqueue no transition tells of."""
    story.enqueue("c")
    story.drop(Told)
    story.run("c", 1, 8)


def risen(story: Story) -> None:
    """A cancelled job runs, and nobody put it back."""
    story.run("b", 1, 8)


def unordered(story: Story) -> None:
    """The job of less priority runs first."""
    story.change("low", priority=9)


def one_too_few(story: Story) -> None:
    """An orderly job never ran: it was cancelled."""
    story.enqueue("last", queue="orderly", priorities=(-9,))
    story.change("last", state="cancelled")
    story.tell("last", "job.cancelled", "cancelled")


KEPT = "an acknowledged enqueue is kept until it is done"
ALONE = "no two runs of a job overlap"
ONCE = "a lease has one outcome at most"
SUPERSEDED = "nothing is accepted from a lease that was superseded"
NUMBERS = "attempts count 1, 2, 3"
RECORDED = "each run that began is recorded, and nothing else"
CHARGED = "only runs that their worker survived are charged"
TRUTH = "what is recorded is what the command did"
TOKENS = "a later run has a higher token"
TRANSITIONS = "a job is as its last transition left it"
CANCELLED = "a cancelled job is not started again"
RETRIED = "a retry that was answered puts its job back"
ORDER = "one worker runs by priority, then in order"
COUNTS = "the kept counts are right"
SOUND = "store, host and run are sound in the end"

COUNTED = {"completed": 3, "cancelled": 1}
"""The states of the jobs of the story."""

FORGERIES: list[tuple[str, str, Forgery]] = [
    (KEPT, "a stored job that is not there", lambda story: story.jobs.pop("b")),
    (KEPT, "a job that waits yet", unsettled),
    (KEPT, "a job that nobody enqueued", uninvited),
    (ALONE, "a run that ends after the next began", overlap),
    (ALONE, "a run that finds another alive", lambda story: story.forge(Began, alone=False)),
    (ONCE, "a lease that is settled twice", two_outcomes),
    (SUPERSEDED, "an outcome after a later run began", stale_outcome),
    (SUPERSEDED, "a transition after one of a later lease", stale_transition),
    (NUMBERS, "a number that is left out", gap),
    (NUMBERS, "a count of runs that is wrong", lambda story: story.change("a", runs=2)),
    (NUMBERS, "attempts that are settled in another order", swapped),
    (RECORDED, "a run that is not recorded", ghost),
    (RECORDED, "a run that is not recorded, says the worker", ghost_of_a_worker),
    (RECORDED, "a run that is not recorded, says the command", ghost_of_a_command),
    (RECORDED, "a run that is recorded as another worker's", strangers_run),
    (RECORDED, "two runs with one number", shared_number),
    (RECORDED, "an attempt without a transition", untold),
    (RECORDED, "an attempt that was told as another result", misrecorded),
    (RECORDED, "a transition without an attempt", unrecorded_outcome),
    (CHARGED, "a lost run that is charged", charged_loss),
    (TRUTH, "a command that ended with another code", lambda story: story.forge(Ended, code=3)),
    (TRUTH, "a command that never ended", lambda story: story.drop(Ended)),
    (TRUTH, "a command that never began", invented_code),
    (TRUTH, "a worker that saw another code", lambda story: story.forge(Returned, exit_code=3)),
    (TRUTH, "a failure that is recorded as completed", false_completion),
    (TOKENS, "a run under a lower token", falling_token),
    (TRANSITIONS, "a state that nobody told of", lambda story: story.change("b", state="completed")),
    (TRANSITIONS, "a cancelled job that runs", risen),
    (TRANSITIONS, "a job that is enqueued twice", enqueued_twice),
    (TRANSITIONS, "a job whose enqueue was not told", enqueued_in_silence),
    (CANCELLED, "two runs after a cancel", restarted),
    (RETRIED, "a retry that nothing came of", unheeded_retry),
    (RETRIED, "a retry that nobody asked for", unasked_retry),
    (ORDER, "the lesser job first", unordered),
    (ORDER, "a job that never ran", one_too_few),
    (COUNTS, "a wrong count", lambda story: story.final.update(counts=COUNTED | {"completed": 4})),
    (
        COUNTS,
        "a count of nothing",
        lambda story: story.final.update(counts=COUNTED | {"dead": 1}),
    ),
    (SOUND, "a broken store", lambda story: story.final.update(problems=("a broken page",))),
    (SOUND, "a process that is left", lambda story: story.final.update(left=("17 sleep",))),
    (SOUND, "a drain that does not end", lambda story: story.final.update(faults=("the drain did not end",))),
]


def test_a_sound_history_is_accepted(story: Story) -> None:
    """A failure, a loss, a retry, a cancel and an order that was kept break no promise."""
    assert check(story.history()) == {}


@pytest.mark.parametrize(("promise", "forge"), [pytest.param(p, f, id=f"{p}: {what}") for p, what, f in FORGERIES])
def test_a_forged_history_is_rejected(story: Story, promise: str, forge: Forgery) -> None:
    """The rule whose promise was broken says where, and no other rule mistakes it for its own."""
    forge(story)
    found = check(story.history())
    assert [*found] == [promise]
    assert len(found[promise]) >= 1
    assert all(found[promise])


def test_every_rule_has_a_forgery() -> None:
    """A rule that has rejected nothing yet may be one that cannot."""
    assert {promise for promise, _, _ in FORGERIES} == set(RULES)


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
