"""The event stream that a page follows: it says that something changed, never what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from queuectl import QueuectlError, State
from queuectl_dashboard.desk import Desk, desk_of

HEARTBEAT = 10.0
"""Seconds after which a silent stream says that it lives: a page that hears nothing knows that it has lost it."""

OUTPUT_LOOKS = 0.4
"""Seconds between two looks at the output of a job that runs and is shown."""

CALM = 0.25
"""Seconds between two messages to one page, beside the watcher's own."""


MEDIA = "text/event-stream"


async def stream(request: Request) -> Response:
    """Follow the changes; with `job` the output of that job too."""
    return followed(request)


def followed(request: Request) -> Response:
    """Return the stream that a request asks for; of one that wants no body, that there is one."""
    if request.method == "HEAD":
        return Response(media_type=MEDIA)
    changes = _changes(request, desk_of(request), request.query_params.get("job"))
    return StreamingResponse(changes, media_type=MEDIA)


async def _changes(request: Request, desk: Desk, job: str | None) -> AsyncIterator[str]:
    watcher = desk.watcher
    event = watcher.listen()
    try:
        seen, size, silent = watcher.version, await _size(desk, job), 0.0
        yield _message("hello", seen)
        while not watcher.closing and not await request.is_disconnected():
            running = size is not None
            if await _woken(event, OUTPUT_LOOKS if running else HEARTBEAT):
                await asyncio.sleep(CALM)
            event.clear()
            now = await _size(desk, job) if running or watcher.version != seen else size
            if watcher.closing:
                break
            if watcher.version != seen or now != size:
                seen, size, silent = watcher.version, now, 0.0
                yield _message("change", seen)
            else:
                silent += OUTPUT_LOOKS if running else HEARTBEAT
                if silent >= HEARTBEAT:
                    silent = 0.0
                    yield _message("alive", seen)
        yield _message("closing", watcher.version)
    finally:
        watcher.forget(event)


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _size(desk: Desk, id: str | None) -> int | None:
    """Return how much a job that runs has written, None for one that does not run."""
    if id is None:
        return None
    return await run_in_threadpool(_written, desk, id)


def _written(desk: Desk, id: str) -> int | None:
    try:
        job = desk.console.get(id)
        return desk.console.output(job).size if job.state is State.PROCESSING else None
    except QueuectlError:
        return None


def _message(name: str, version: int) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode({'version': version}).decode()}\n\n"
