"""What people read of a run."""

from __future__ import annotations

from benchmarks.chaos.final import Final, Record, Stored
from benchmarks.chaos.history import History, Order
from benchmarks.chaos.journal import now
from benchmarks.chaos.lines import Signalled
from benchmarks.chaos.summary import SHOWN, complaint, summary


def signalled(signal: str, role: str) -> Signalled:
    """Return a line of the storm."""
    return Signalled(signal=signal, role=role, to=1, **now())


def test_it_counts_what_happened() -> None:
    """Jobs and runs by how they ended, kills by whom they hit, and who was taken over."""
    lost = tuple(Record(number=number, result="lost", worker="w") for number in (1, 2, 3))
    history = History(
        signals=(
            signalled("SIGKILL", "worker"),
            signalled("SIGKILL", "worker"),
            signalled("SIGKILL", "command"),
            signalled("SIGSTOP", "worker"),
        ),
        missed=frozenset({"v", "w"}),
        orders=(Order(action="cancel", jobs=("a",), asked=1.0),),
        final=Final(jobs=(Stored(id="a", state="dead", records=lost), Stored(id="b", state="completed"))),
    )
    assert [*summary(history)] == [
        "jobs       2: 1 dead, 1 completed",
        "runs       3: 3 lost",
        "commands   0 began, 0 of them were killed",
        "kills      3: 2 worker, 1 command",
        "signals    1: 1 SIGSTOP to worker",
        "take-overs 2 of workers; 1 jobs were given up after too many lost runs",
        "typed      1: 1 cancel",
    ]


def test_it_says_when_nothing_was_broken() -> None:
    """A number is easier to trust than silence."""
    assert [*complaint({})] == ["breaches   0"]


def test_it_shows_the_first_breaches_of_each_promise() -> None:
    """And how many there are."""
    shown = [*complaint({"a promise": [f"job {number}" for number in range(20)]})]
    assert shown[:3] == ["breaches   20", "BROKEN     a promise: 20", "             job 0"]
    assert len(shown) == 2 + SHOWN
