"""The lines of a history: what each process writes about itself, while it happens.

A moment is told on two clocks: `wall` in Unix seconds, `mono` on the monotonic clock, which all processes of a host
share. `lease` is what a run finds in its environment: the worker's incarnation and the token, joined by a dot.
"""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line"):
    """Who wrote it, and when."""

    pid: int
    wall: float
    mono: float


class Began(Line, frozen=True, kw_only=True, tag="began"):
    """A command: my run began.

    `alone`: no process of another run of this job was there, by a lock that the kernel drops with the last of them.
    """

    job: str
    attempt: int
    lease: str
    alone: bool


class Ended(Line, frozen=True, kw_only=True, tag="ended"):
    """A command: my run ends now, with this exit code."""

    job: str
    attempt: int
    lease: str
    code: int


class Taken(Line, frozen=True, kw_only=True, tag="taken"):
    """A worker: I am about to start a command."""

    job: str
    attempt: int
    lease: str


class Returned(Line, frozen=True, kw_only=True, tag="returned"):
    """A worker: a command ended like this."""

    job: str
    attempt: int
    lease: str
    exit_code: int | None = None
    signal: int | None = None
    error: str | None = None
    timed_out: bool = False


class Told(Line, frozen=True, kw_only=True, tag="told"):
    """A worker: the storage told of a transition, and how the job was after it. `token` is that of its last lease.

    Written in the transition's own transaction and delivered at least once: together they are all that was accepted.
    """

    id: int
    name: str
    at: float
    job: str
    attempt: int | None
    token: int
    state: str
    attempts: int


class Missed(Line, frozen=True, kw_only=True, tag="missed"):
    """A worker: the storage told of a worker that died and was taken over."""

    id: int
    worker: str


class Intended(Line, frozen=True, kw_only=True, tag="intended"):
    """An enqueuer: I am about to enqueue these jobs in one transaction."""

    batch: str
    jobs: tuple[str, ...]


class Acknowledged(Line, frozen=True, kw_only=True, tag="acknowledged"):
    """An enqueuer: the answer came, a whole batch is stored."""

    batch: str


class Asked(Line, frozen=True, kw_only=True, tag="asked"):
    """A person: I type this command. `jobs` is empty where it concerns all."""

    order: int
    action: str
    jobs: tuple[str, ...] = ()


class Answered(Line, frozen=True, kw_only=True, tag="answered"):
    """A person: the command ended with this code, negative for a signal."""

    order: int
    code: int


class Signalled(Line, frozen=True, kw_only=True, tag="signalled"):
    """The storm: I sent this signal to somebody."""

    signal: str
    role: str
    to: int


AnyLine = Began | Ended | Taken | Returned | Told | Missed | Intended | Acknowledged | Asked | Answered | Signalled
