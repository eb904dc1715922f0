"""The part of the API that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from queuectl import QueueState, State, UsageError
from queuectl_dashboard.answering import items, json
from queuectl_dashboard.desk import desk_of
from queuectl_dashboard.filters import Filter
from queuectl_dashboard.guard import SLASH
from queuectl_dashboard.words import iso

Body = dict[str, Any]

MOST = 500
"""How many jobs a page holds at most."""

MOST_STEPS = 2000


def status(request: Request, body: Body) -> Response:
    """Count the jobs and the workers."""
    desk = desk_of(request)
    return json({**desk.console.status(), "read_only": desk.console.read_only})


def stats(request: Request, body: Body) -> Response:
    """Tell what ended."""
    since, step = _number(request, "since", 3600), _number(request, "step", 60)
    if since / step > MOST_STEPS:
        raise UsageError(f"since and step: at most {MOST_STEPS} steps")
    return items(
        {**asdict(bucket), "start": iso(bucket.start)} for bucket in desk_of(request).stats(float(since), float(step))
    )


def times(request: Request, body: Body) -> Response:
    """Tell percentiles."""
    times = desk_of(request).times()
    wait, run = ({f"p{percent}": value for percent, value in each.items()} for each in (times.wait, times.run))
    backlog = desk_of(request).backlog()
    oldest = None if backlog is None else {"id": backlog.oldest.id, "since": iso(backlog.since)}
    first = None if times.since is None else iso(times.since)
    return json({"jobs": times.jobs, "since": first, "wait": wait, "run": run, "oldest_waiting": oldest})


def attention(request: Request, body: Body) -> Response:
    """Tell what needs attention."""
    found = desk_of(request).alerts()
    return items(
        {"text": each.text, "detail": each.detail, "grave": each.grave, "command": each.command or None}
        for each in found
    )


def jobs(request: Request, body: Body) -> Response:
    """List jobs."""
    desk = desk_of(request)
    given = request.query_params
    limit = _number(request, "limit", 50)
    if limit > MOST:
        raise UsageError(f"limit: expected at most {MOST}, got {limit}")
    page = desk.page(Filter.read(given).query, given.get("cursor"), limit)
    return items(map(desk.console.describe, page.jobs), page.next_cursor)


def job(request: Request, body: Body) -> Response:
    """Tell of one job."""
    console = desk_of(request).console
    return json(console.describe(console.get(_id(request))))


def attempts(request: Request, body: Body) -> Response:
    """List the attempts of a job."""
    console = desk_of(request).console
    return items(map(console.describe, console.attempts(_id(request))))


def output(request: Request, body: Body) -> Response:
    """Return bytes, which no browser takes for anything but text: those that are stored, or all that are kept."""
    console = desk_of(request).console
    job = console.get(_id(request))
    number = _number(request, "run", 0) or None
    written = console.output(job, number)
    errors = request.query_params.get("stream") == "error"
    data: bytes | Iterator[bytes]
    data, size = (written.error_tail or b"", written.error_size) if errors else (written.tail, written.size)
    if request.query_params.get("whole") == "1":
        data = console.written(job, number, errors=errors)
    kind, headers = "text/plain; charset=utf-8", {"x-output-size": str(size)}
    if isinstance(data, bytes):
        return Response(data, media_type=kind, headers=headers)
    return StreamingResponse(data, media_type=kind, headers=headers)


def queues(request: Request, body: Body) -> Response:
    """List the queues."""
    return items(map(queue_fields, desk_of(request).console.queues()))


def queue_fields(queue: QueueState) -> dict[str, Any]:
    """Return a queue as JSON has it."""
    counts = {state.value: queue.counts.get(state, 0) for state in State}
    return {"name": queue.name, "paused": queue.paused, "limit": queue.limit, "counts": counts}


def workers(request: Request, body: Body) -> Response:
    """List the workers."""
    console = desk_of(request).console
    return items(map(console.describe, console.workers()))


def dead(request: Request, body: Body) -> Response:
    """List the groups of dead jobs."""
    return items(
        {
            "error": group.error,
            "exit_code": group.exit_code,
            "signal": group.signal,
            "count": group.count,
            "newest": group.newest.id,
        }
        for group in desk_of(request).groups()
    )


def configuration(request: Request, body: Body) -> Response:
    """List the settings."""
    return items(desk_of(request).console.settings())


def plugins(request: Request, body: Body) -> Response:
    """List the plugins."""
    return items(desk_of(request).console.plugins())


def events(request: Request, body: Body) -> Response:
    """List events."""
    return items(
        {
            "id": event.id,
            "name": event.name,
            "at": iso(event.at),
            "job": None if event.job is None else event.job.id,
            "attempt": event.attempt,
            "queue": event.queue,
            "worker": event.worker,
        }
        for event in desk_of(request).console.events()
    )


def audit(request: Request, body: Body) -> Response:
    """List what was done from here."""
    return items({**asdict(deed), "at": iso(deed.at)} for deed in desk_of(request).deeds())


def _id(request: Request) -> str:
    return str(request.path_params["id"]).replace(SLASH, "/")


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) <= 10**9):
        raise UsageError(f"{name}: expected a whole number above 0, got {text!r}")
    return int(text[:10])
