"""Spoilt bytes: a store with a bit of everything, places at which its files may be damaged, and what is asked of it."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from queuectl import (
    Action,
    Ask,
    Claim,
    NewJob,
    NewWorker,
    Outcome,
    Output,
    Query,
    QueuectlError,
    Result,
    Run,
    Settlement,
    State,
    Verdict,
)
from queuectl_sqlite.storage import SqliteStorage

PAGE = 4096
LOG_HEAD, FRAME_HEAD = 32, 24
FRAME = FRAME_HEAD + PAGE

EVENTS = frozenset({"job.enqueued", "job.completed", "job.dead"})

Call = Callable[[SqliteStorage], object]

READS: Mapping[str, Call] = {
    "check": lambda storage: list(storage.check()),
    "counts": lambda storage: storage.counts(),
    "list": lambda storage: [job.id for job in storage.list(Query(), None, 1000).jobs],
    "by state": lambda storage: [storage.list(Query(states=frozenset({state})), None, 1000) for state in State],
    "by tag": lambda storage: storage.list(Query(tag="tagged"), None, 1000),
    "get": lambda storage: [storage.get(f"job-{number}") for number in range(40)],
    "attempts": lambda storage: [storage.attempts(f"job-{number}") for number in range(40)],
    "output": lambda storage: [storage.output(f"job-{number}", 1) for number in range(40)],
    "stats": lambda storage: storage.stats(60.0, 60.0),
    "groups": lambda storage: storage.groups(Query()),
    "queues": lambda storage: storage.queues(),
    "workers": lambda storage: storage.workers(),
    "events": lambda storage: storage.events(0, 1000),
}

WRITES: Mapping[str, Call] = {
    "enqueue": lambda storage: storage.enqueue([NewJob(id="new", command="true" * 500)]),
    "register": lambda storage: storage.register(NewWorker(id="other", host="here", pid=2)),
    "work": lambda storage: work(storage, "other", 10),
    "take over": lambda storage: storage.take_over(["worker"], "other"),
    "retry": lambda storage: storage.change(Action.RETRY, Query(states=frozenset({State.DEAD}))),
    "advance": lambda storage: storage.advance("pager", 3, worker="other"),
    "prune": lambda storage: storage.prune(Query(states=frozenset({State.COMPLETED}), finished_before=-1.0), 100),
    "check again": lambda storage: list(storage.check()),
}


def work(storage: SqliteStorage, worker: str, limit: int) -> None:
    """Claim jobs, and settle them: each fourth is dead."""
    claims = storage.exchange(worker, [], Ask(limit=limit)).claims
    storage.exchange(worker, [_settlement(claim, good=number % 4 != 0) for number, claim in enumerate(claims)], None)


def _settlement(claim: Claim, *, good: bool) -> Settlement:
    tail = b"output\n" * (claim.lease.token * 97 % 900)
    run = Run(
        number=claim.number,
        result=Result.COMPLETED if good else Result.FAILED,
        outcome=Outcome(exit_code=0 if good else 1),
        started_ago=1.0,
        ended_ago=0.0,
        output=Output(tail=tail, size=len(tail)),
    )
    return Settlement(lease=claim.lease, verdict=Verdict.COMPLETED if good else Verdict.DEAD, run=run, charge=True)


def fill(storage: SqliteStorage) -> None:
    """Put a bit of everything into a store."""
    storage.register(NewWorker(id="worker", host="here", pid=1))
    storage.enqueue(
        [
            NewJob(
                id=f"job-{number}",
                command="true #" + "x" * (number * 37 % 500),
                queue=f"queue-{number % 3}",
                priority=number % 2,
                tags=("tagged",) if number % 3 == 0 else (),
                limit_key="key" if number % 7 == 0 else None,
            )
            for number in range(40)
        ]
    )
    work(storage, "worker", 20)
    storage.exchange("worker", [], Ask(limit=3))


def store(path: Path) -> bytes:
    """Make a store without a log, and return what its file holds."""
    with closing(SqliteStorage(path, events=EVENTS)) as storage:
        fill(storage)
    return path.read_bytes()


@dataclass(frozen=True)
class Logged:
    """A store whose last commits, one job each, are in the log alone, as a crash leaves it."""

    file: bytes
    log: bytes
    commits: Sequence[int]
    """At which frames a commit ends, counted from 1."""

    def jobs(self, frames: int) -> list[str]:
        """Return the jobs of those commits that end within so many frames."""
        return [f"late-{number}" for number, end in enumerate(self.commits) if end <= frames]


def logged(path: Path, commits: int) -> Logged:
    """Make such a store."""
    with closing(SqliteStorage(path, events=EVENTS)) as storage:
        storage.enqueue([NewJob(id="first", command="true")])
    log = path.with_name(path.name + "-wal")
    with closing(SqliteStorage(path, events=EVENTS)) as storage:
        for number in range(commits):
            storage.enqueue([NewJob(id=f"late-{number}", command="true" * 200)])
        file, content = path.read_bytes(), log.read_bytes()
    heads = [content[at : at + 8] for at in range(LOG_HEAD, len(content), FRAME)]
    ends = [frame for frame, head in enumerate(heads, 1) if struct.unpack(">II", head)[1]]
    return Logged(file, content, ends)


def spoilt_pages(content: bytes, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield a file with a bit turned, or some bytes lost, in the head, the middle and the tail of each of its pages."""
    for page in range(0, len(content), PAGE):
        for place in (dice.randrange(12), PAGE // 2 + dice.randrange(-800, 800), PAGE - 1 - dice.randrange(90)):
            yield f"bit at {page} + {place}", turned(content, page + place, dice)
        place = page + dice.randrange(PAGE - 16)
        yield f"bytes at {place}", content[:place] + b"\xff" * 16 + content[place + 16 :]


def cut_files(content: bytes, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield a file that lost its end: at some borders of pages, inside of others, and nearly all of it."""
    pages = len(content) // PAGE
    for page in sorted(dice.sample(range(1, pages), min(12, pages - 1))):
        yield f"cut at page {page}", content[: page * PAGE]
        yield f"cut in page {page}", content[: page * PAGE + dice.randrange(1, PAGE)]
    for length in (1, 15, 16, 99, 100, 511, 512, 1024, PAGE - 1):
        yield f"cut at {length}", content[:length]


def spoilt_logs(log: bytes, dice: random.Random) -> Iterator[tuple[str, bytes, int]]:
    """Yield a log that was cut or in which a bit was turned, and how many of its frames are sound before that."""
    frames = (len(log) - LOG_HEAD) // FRAME
    for place in range(LOG_HEAD):
        yield f"bit in the head at {place}", turned(log, place, dice), 0
    for length in (0, 1, 31):
        yield f"cut in the head at {length}", log[:length], 0
    for frame in range(frames):
        start = LOG_HEAD + frame * FRAME
        yield f"cut at frame {frame}", log[:start], frame
        inside = dice.choice([1, FRAME_HEAD - 1, FRAME_HEAD, FRAME // 2, FRAME - 1])
        yield f"cut in frame {frame} at {inside}", log[: start + inside], frame
        for place in (dice.randrange(8), dice.randrange(8, FRAME_HEAD), dice.randrange(FRAME_HEAD, FRAME)):
            yield f"bit in frame {frame} at {place}", turned(log, start + place, dice), frame
    yield "whole", log, frames


def turned(content: bytes, place: int, dice: random.Random) -> bytes:
    """Return bytes with one bit turned at a place."""
    return content[:place] + bytes([content[place] ^ (1 << dice.randrange(8))]) + content[place + 1 :]


def asked(path: Path, calls: Mapping[str, Call]) -> dict[str, object]:
    """Ask a store all of this; return the answers, and errors of queuectl in their places. Others are raised."""
    answers: dict[str, object] = {}
    try:
        storage = SqliteStorage(path, events=EVENTS)
    except QueuectlError as error:
        return {"open": error}
    with closing(storage):
        for name, call in calls.items():
            try:
                answers[name] = call(storage)
            except QueuectlError as error:
                answers[name] = error
    return answers
